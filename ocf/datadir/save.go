package datadir

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// reserve is left free beside a copy: the server that is to be started needs room.
const reserve = 64 << 20

// Save copies the binary logs and their index to quarantine/name, and returns the
// directory when all of it is on the disk. A copy that exists is complete, as it
// got its name last, and is kept.
func (d *Dir) Save(name string) (string, error) {
	dir, err := d.save(name)
	if err != nil {
		return "", fmt.Errorf("save the binary logs: %w", err)
	}
	return dir, nil
}

func (d *Dir) save(name string) (string, error) {
	if name == "" || strings.HasPrefix(name, ".") || strings.ContainsRune(name, filepath.Separator) {
		return "", fmt.Errorf("%q is not the name of a copy", name)
	}
	root := d.layout.Quarantine
	if root == "" {
		root = filepath.Clean(d.layout.Dir) + ".quarantine"
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	l, err := d.open(d.layout.BinaryLog)
	if err != nil {
		return "", err
	}
	files := l.files
	if l.index != "" {
		files = append([]string{l.index}, files...)
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	part := dir + ".part" // what is left of a copy that was interrupted
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := room(root, files); err != nil {
		return "", err
	}
	if err := os.Mkdir(part, 0o700); err != nil {
		return "", err
	}
	for _, from := range files {
		if err := copyFile(from, filepath.Join(part, filepath.Base(from))); err != nil {
			return "", errors.Join(err, os.RemoveAll(part))
		}
	}
	if err := syncDir(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil {
		return "", err
	}
	return dir, errors.Join(syncDir(root), syncDir(filepath.Dir(root)))
}

// room refuses a copy that would fill the file system.
func room(dir string, files []string) error {
	need := uint64(reserve)
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return err
		}
		need += uint64(info.Size())
	}
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return err
	}
	if free := st.Bavail * uint64(st.Bsize); free < need {
		return fmt.Errorf("%s has %d MiB free and needs %d: %w", dir, free>>20, (need+1<<20-1)>>20, syscall.ENOSPC)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
