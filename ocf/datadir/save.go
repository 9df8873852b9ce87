package datadir

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Save copies the binary logs and their index to quarantine/name, and returns the
// directory when all of it is on the disk. A copy that exists is complete, as it
// got its name last, and is kept.
func (d *Dir) Save(name string) (string, error) {
	root := d.layout.Quarantine
	if root == "" {
		root = d.layout.Dir + ".quarantine"
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	} else if !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	names, err := d.logs(d.layout.BinaryLog)
	if err != nil {
		return "", err
	}
	files := []string{}
	if len(names) > 0 {
		files = append(files, d.index(d.layout.BinaryLog))
	}
	for _, n := range names {
		files = append(files, d.path(n))
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	if err := room(root, files); err != nil {
		return "", err
	}
	part := dir + ".part"
	if err := os.RemoveAll(part); err != nil {
		return "", err
	}
	if err := os.Mkdir(part, 0o700); err != nil {
		return "", err
	}
	for _, from := range files {
		if err := copyFile(from, filepath.Join(part, filepath.Base(from))); err != nil {
			return "", err
		}
	}
	if err := syncDir(part); err != nil {
		return "", err
	}
	if err := os.Rename(part, dir); err != nil {
		return "", err
	}
	return dir, syncDir(root)
}

// room refuses a copy that would fill the file system.
func room(dir string, files []string) error {
	var need uint64
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
		return fmt.Errorf("%s has %d MiB free, the copy needs %d", dir, free>>20, need>>20)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}
