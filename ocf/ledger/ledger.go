package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// version is raised when an older agent would misread what a newer one wrote.
// Fields that an agent does not know are no such change: it keeps them as they are,
// so that an older one may come between two newer ones.
const version = 1

// Ledger is one file.
type Ledger struct{ path string }

var _ ocf.Ledger = (*Ledger)(nil)

// Open returns the ledger kept at path. Neither the file nor its directory need
// to exist.
func Open(path string) *Ledger { return &Ledger{path: path} }

type contents struct {
	Version int `json:"version"`
	ocf.Memory
}

// Load reads the memory; a file that is not there is an empty one.
func (l *Ledger) Load() (ocf.Memory, error) {
	m, err := l.load()
	if err != nil {
		return ocf.Memory{}, fmt.Errorf("load %s: %w", l.path, err)
	}
	return m, nil
}

func (l *Ledger) load() (ocf.Memory, error) {
	text, err := l.read()
	if err != nil || text == nil {
		return ocf.Memory{}, err
	}
	var c contents
	if err := json.Unmarshal(text, &c); err != nil {
		return ocf.Memory{}, fmt.Errorf("the file is damaged: %w", err)
	}
	return c.Memory, nil
}

// read returns a file that this agent may understand; nil where there is none.
func (l *Ledger) read() ([]byte, error) {
	text, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	// The version first: the rest of a newer file may have other types.
	var v struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &v); err != nil {
		return nil, fmt.Errorf("the file is damaged: %w", err)
	}
	switch {
	case v.Version > version:
		return nil, fmt.Errorf("version %d was written by a newer mysql-ha: install the newer one again", v.Version)
	case v.Version < 1:
		return nil, errors.New("the file is damaged: it has no version")
	}
	return text, nil
}

// merge is what is to be written: the memory, and of what is there the fields that
// this agent does not know.
func (l *Ledger) merge(m ocf.Memory) ([]byte, error) {
	ours, err := json.Marshal(contents{version, m})
	if err != nil {
		return nil, err
	}
	before, err := l.read()
	if err != nil || before == nil {
		return ours, err
	}
	var all, now map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(before, &all), json.Unmarshal(ours, &now)); err != nil {
		return nil, fmt.Errorf("the file is damaged: %w", err)
	}
	for name := range all {
		if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			delete(all, name)
		}
	}
	if len(all) == 0 {
		return ours, nil
	}
	maps.Copy(all, now)
	return json.Marshal(all)
}

// known are the fields of this agent, as encoding/json takes them: in any case.
var known = func() []string {
	names := []string{"version"}
	for i, t := 0, reflect.TypeFor[ocf.Memory](); i < t.NumField(); i++ {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// Save writes the memory; when it returns, it has reached the disk.
func (l *Ledger) Save(m ocf.Memory) error {
	if err := l.save(m); err != nil {
		return fmt.Errorf("save %s: %w", l.path, err)
	}
	return nil
}

func (l *Ledger) save(m ocf.Memory) error {
	text, err := l.merge(m)
	if err != nil {
		return err
	}
	dir, err := l.directory()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, "."+filepath.Base(l.path)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), l.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return syncDir(dir)
}

// directory returns the ledger's directory, made if it was not there.
func (l *Ledger) directory() (string, error) {
	dir := filepath.Dir(l.path)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return dir, syncDir(filepath.Dir(dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Lock takes the ledger's lock, waiting for another agent to give it up. The
// kernel gives it up for an agent that was killed.
func (l *Ledger) Lock(wait time.Duration) (release func(), err error) {
	release, err = l.lock(wait)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", l.path, err)
	}
	return release, nil
}

func (l *Ledger) lock(wait time.Duration) (release func(), err error) {
	if _, err := l.directory(); err != nil {
		return nil, err
	}
	// A file of its own: the ledger itself is replaced at each save.
	f, err := os.OpenFile(l.path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	const pause = 20 * time.Millisecond
	for deadline := time.Now().Add(wait); ; time.Sleep(pause) {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return sync.OnceFunc(func() { _ = f.Close() }), nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(err, f.Close())
		case !time.Now().Add(pause).Before(deadline):
			_ = f.Close()
			return nil, fmt.Errorf("another agent has held it for %v: %w", wait, os.ErrDeadlineExceeded)
		}
	}
}
