package datadir

import (
	"errors"

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

func (d *Dir) ID() (string, error)             { return "", errors.ErrUnsupported }
func (d *Dir) Save(string) (string, error)     { return "", errors.ErrUnsupported }
func (d *Dir) Relay(string) (ocf.Relay, error) { return ocf.Relay{}, errors.ErrUnsupported }
func (d *Dir) Binlogs() (string, error)        { return "", errors.ErrUnsupported }
func (d *Dir) Exists() (bool, error)           { return false, errors.ErrUnsupported }
