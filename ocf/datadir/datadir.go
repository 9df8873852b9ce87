package datadir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Layout says where a server's files are. Log bases are as the server takes them
// (log_bin, relay_log): relative ones are relative to Dir, an extension is dropped.
type Layout struct {
	Dir        string // data directory
	BinaryLog  string // base of the binary logs
	RelayLog   string // base of the relay logs
	Quarantine string // where Save copies to; empty: Dir with ".quarantine" appended
}

// Dir is a server's files.
type Dir struct{ layout Layout }

var _ ocf.Datadir = (*Dir)(nil)

// New returns the files of a server.
func New(l Layout) *Dir { return &Dir{layout: l} }

// Exists tells whether a database was ever initialised here: an empty directory,
// or a mount point without its file system, is none.
func (d *Dir) Exists() (bool, error) {
	info, err := os.Stat(filepath.Join(d.layout.Dir, "mysql"))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.IsDir(), nil
}

// path resolves a name as the server does.
func (d *Dir) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(d.layout.Dir, name)
}

// syncDir makes a directory's entries durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
