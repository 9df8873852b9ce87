package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// record is what a supervisor knows of its mysqld. It is written by Start, and
// from then on by the supervisor alone.
type record struct {
	Command    ocf.Command
	Supervisor identity
	Server     identity
	Since      time.Time
	Ready      bool   // READY=1 was said
	Status     string // STATUS= as it was said last
	Result     string // how it ended
}

// server returns the mysqld that runs; nobody's identity where none does.
func (r record) server() (identity, error) {
	if r.Command.Binary == "" || r.Result != "" {
		return identity{}, nil
	}
	if r.Server != (identity{}) {
		alive, err := r.Server.alive()
		if !alive || err != nil {
			return identity{}, err
		}
		return r.Server, r.Server.runs(r.Command.Datadir)
	}
	// The supervisor may have been killed between starting it and writing it down.
	return find(r.Command)
}

// files are the files of a unit, by their common beginning.
type files struct{ base string }

func (f files) state() string  { return f.base + ".process" }
func (f files) log() string    { return f.base + ".log" }
func (f files) notify() string { return f.base + ".notify" }

// load reads the record; where there is none, nothing was ever started.
func (f files) load() (record, error) {
	text, err := os.ReadFile(f.state())
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, nil
	}
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, fmt.Errorf("%s is damaged: %w", f.state(), err)
	}
	return r, nil
}

// save replaces the record; it need not survive a power loss.
func (f files) save(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	next := f.state() + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, f.state())
}
