package datadir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// idFile names the data: it is new after a reseed, so a re-imaged node is not the
// one that acknowledged.
const idFile = "mysql-ha.id"

// ID reads the data id, creating it where there is none: eight hexadecimal digits.
// Where there is no database there is nothing to name.
func (d *Dir) ID() (string, error) {
	path := filepath.Join(d.layout.Dir, idFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		// A link, not a rename: of two agents at once only one may name the data.
		id, err := d.createID(os.Link)
		if errors.Is(err, fs.ErrExist) {
			return d.ID()
		}
		return id, err
	}
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(text))
	if raw, err := hex.DecodeString(id); err != nil || len(raw) != 4 {
		return "", fmt.Errorf("%s does not hold a data id", path)
	}
	return id, nil
}

// uuidFile is MySQL's name for itself, in every GTID that it issues. Where it is
// missing a start makes a new one.
const uuidFile = "auto.cnf"

// Renew replaces the data id. MySQL's UUID goes first: the numbers of what was cut
// off must never be issued again under it, also if this is interrupted.
func (d *Dir) Renew() (string, error) {
	err := os.Remove(filepath.Join(d.layout.Dir, uuidFile))
	if err == nil {
		err = syncDir(d.layout.Dir)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("renew the server's uuid: %w", err)
	}
	return d.createID(os.Rename)
}

// createID writes an id and has place give it its name.
func (d *Dir) createID(place func(from, to string) error) (string, error) {
	id, err := d.writeID(place)
	if err != nil {
		return "", fmt.Errorf("create data id: %w", err)
	}
	return id, nil
}

func (d *Dir) writeID(place func(from, to string) error) (string, error) {
	if exists, err := d.Exists(); err != nil || !exists {
		return "", errors.Join(fmt.Errorf("%s holds no database", d.layout.Dir), err)
	}
	raw := make([]byte, 4)
	_, _ = rand.Read(raw) // never fails
	id := hex.EncodeToString(raw)
	tmp, err := os.CreateTemp(d.layout.Dir, idFile+".*")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // its other name, or nothing
	_, err = tmp.WriteString(id + "\n")
	if err := errors.Join(err, tmp.Chmod(0o640), ownAs(tmp, d.layout.Dir), tmp.Sync(), tmp.Close()); err != nil {
		return "", err
	}
	if err := place(tmp.Name(), filepath.Join(d.layout.Dir, idFile)); err != nil {
		return "", err
	}
	return id, syncDir(d.layout.Dir)
}

// ownAs gives f the owner of dir: the server must be able to move its directory.
func ownAs(f *os.File, dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return f.Chown(int(st.Uid), int(st.Gid))
	}
	return nil
}
