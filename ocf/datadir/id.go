package datadir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// idFile names the data: it is new after a reseed, so a re-imaged node is not the
// one that acknowledged.
const idFile = "mysql-ha.id"

// ID reads the data id, creating it where there is none: eight hexadecimal digits.
func (d *Dir) ID() (string, error) {
	path := filepath.Join(d.layout.Dir, idFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return d.createID(path)
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

// Renew replaces the data id.
func (d *Dir) Renew() (string, error) {
	path := filepath.Join(d.layout.Dir, idFile)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return d.createID(path)
}

func (d *Dir) createID(path string) (string, error) {
	raw := make([]byte, 4)
	if _, err := rand.Read(raw); err != nil {
		return "", err
	}
	id := hex.EncodeToString(raw)
	tmp, err := os.CreateTemp(d.layout.Dir, idFile+".*")
	if err != nil {
		return "", err
	}
	defer os.Remove(tmp.Name()) //nolint:errcheck // gone once it is renamed
	if _, err := tmp.WriteString(id + "\n"); err != nil {
		return "", err
	}
	if err := errors.Join(tmp.Chmod(0o640), ownAs(tmp, d.layout.Dir), tmp.Sync(), tmp.Close()); err != nil {
		return "", err
	}
	// A link, not a rename: of two agents at once only one may name the data.
	if err := os.Link(tmp.Name(), path); errors.Is(err, os.ErrExist) {
		return d.ID()
	} else if err != nil {
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
