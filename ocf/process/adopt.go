package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// servicePrefix begins the name of every unit of ours.
const servicePrefix = "mysql-ha-"

// Adopter is a unit that knows of a server on its data directory which it did not
// start: the distribution's, an operator's, or another agent's. Look shows it,
// Terminate and Kill end it, and Adopt makes it ours.
type Adopter struct {
	own     ocf.Unit
	base    string
	self    string // the binary that has the subcommand watch
	datadir string
	binary  string
	// tame has systemd leave a service's processes alone; nil where it does not run.
	tame func(ctx context.Context, pids []int) (main int, err error)
}

var (
	_ ocf.Unit   = (*Adopter)(nil)
	_ ocf.Strays = (*Adopter)(nil)
)

// NewAdopter adds to a resource's unit. Without a data directory only a server that
// was adopted before is known.
func NewAdopter(own ocf.Unit, runDir, resource, datadir, binary string, tame func(context.Context, []int) (int, error)) *Adopter {
	return &Adopter{own, filepath.Join(runDir, resource), "/proc/self/exe", datadir, binary, tame}
}

// adoption is what is kept of an adopted server, until the next boot.
type adoption struct {
	Server  identity
	Watcher identity
}

func (a *Adopter) file() string { return a.base + ".adopted" }

func (a *Adopter) load() (adoption, error) {
	text, err := os.ReadFile(a.file())
	if errors.Is(err, fs.ErrNotExist) {
		return adoption{}, nil
	}
	var kept adoption
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return adoption{}, fmt.Errorf("%s: %w", a.file(), err)
	}
	return kept, nil
}

func (a *Adopter) save(kept adoption) error {
	text, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	next := a.file() + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return err
	}
	return os.Rename(next, a.file())
}

// find returns the server that runs beside the unit, and whether it is ours: one
// whose death nobody would see is not, any more.
func (a *Adopter) find() (s stray, ours bool, err error) {
	kept, err := a.load()
	if err != nil {
		return stray{}, false, err
	}
	if alive, err := kept.Server.alive(); err != nil {
		return stray{}, false, err
	} else if alive {
		s = stray{identity: kept.Server, service: serviceOf(kept.Server.PID)}
		if s.keepers, err = keepersOf(s.PID); err != nil {
			return stray{}, false, err
		}
		watched, err := kept.Watcher.alive()
		return s, watched && len(s.keepers) == 0, err
	}
	if a.datadir == "" {
		return stray{}, false, nil
	}
	if s, err = findStray(a.datadir, a.binary); err != nil || s.PID == 0 {
		return stray{}, false, err
	}
	other, err := a.owner(s)
	if err != nil || other != "" {
		return stray{}, false, err // not this resource's to answer for
	}
	return s, false, nil
}

// Look asks the unit first. A server beside it is running; when it is not ours,
// Stray says whose it is.
func (a *Adopter) Look(ctx context.Context) (ocf.Process, error) {
	p, err := a.own.Look(ctx)
	if err != nil || p.Running {
		return p, err
	}
	s, ours, err := a.find()
	if err != nil {
		return ocf.Process{}, fmt.Errorf("look for a server on %s: %w", a.datadir, err)
	}
	if s.PID == 0 {
		return p, nil
	}
	q := ocf.Process{Running: true, Ready: true, PID: s.PID} // it cannot say whether it is
	if !ours {
		q.Stray = s.String()
	}
	return q, nil
}

// Start is the unit's, where nobody else uses the data directory or the logs.
func (a *Adopter) Start(ctx context.Context, c ocf.Command) error {
	s, err := findStray(c.Datadir, c.Binary)
	switch {
	case err != nil:
		return err
	case s.PID != 0:
		return fmt.Errorf("%s is in use by %s", c.Datadir, s)
	}
	if err := locked(c.Datadir); err != nil {
		return err
	}
	if err := sharedLogs(c.Logs, c.Binary); err != nil {
		return err
	}
	if err := os.Remove(a.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return a.own.Start(ctx, c)
}

// Terminate sends SIGTERM to the server.
func (a *Adopter) Terminate(ctx context.Context) error {
	s, err := a.beside(ctx)
	if err != nil || s.PID == 0 {
		return errors.Join(err, a.own.Terminate(ctx))
	}
	if _, err := a.calm(ctx, s); err != nil {
		return err
	}
	// A mysqld_safe ends with a server that ended well.
	return s.send(syscall.SIGTERM)
}

// Kill sends SIGKILL to the server and waits until it is gone. Who would start it
// again is held meanwhile, and ended after it: systemd ends the rest of a service
// whose first process has ended, by a signal that lets commits through.
func (a *Adopter) Kill(ctx context.Context) error {
	if err := a.own.Kill(ctx); err != nil {
		return err
	}
	s, _, err := a.find()
	if err != nil || s.PID == 0 {
		return err
	}
	_, calmed := a.calm(ctx, s)
	all := make([]identity, 0, len(s.keepers)+1)
	for _, k := range s.keepers {
		all = append(all, k.identity)
		err = errors.Join(err, k.send(syscall.SIGSTOP))
	}
	for _, who := range append([]identity{s.identity}, all...) {
		err = errors.Join(err, who.send(syscall.SIGKILL))
	}
	for _, who := range append(all, s.identity) {
		err = errors.Join(err, poll(ctx, func() (bool, error) {
			alive, err := who.alive()
			return !alive, err
		}))
	}
	if err != nil {
		return fmt.Errorf("kill %s: %w", s, err)
	}
	return calmed
}

// beside is the server that runs although the unit's does not.
func (a *Adopter) beside(ctx context.Context) (stray, error) {
	p, err := a.own.Look(ctx)
	if err != nil || p.Running {
		return stray{}, err
	}
	s, _, err := a.find()
	return s, err
}

// calm has systemd not restart the server, nor end it by a signal that lets commits
// through. It returns which process the service began with.
func (a *Adopter) calm(ctx context.Context, s stray) (int, error) {
	if a.tame == nil {
		return 0, nil
	}
	pids := []int{s.PID}
	for _, k := range s.keepers {
		pids = append(pids, k.PID)
	}
	main, err := a.tame(ctx, pids)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", s, err)
	}
	return main, nil
}

// Adopt ends who would start the server again, and has its death watched: hook
// runs then. A unit of ours has it faster, and through the loss of the watcher.
func (a *Adopter) Adopt(ctx context.Context, hook []string) error {
	s, err := a.beside(ctx)
	if err != nil {
		return err
	}
	if s.PID == 0 {
		return errors.New("no server runs beside the unit")
	}
	main, err := a.calm(ctx, s)
	if err != nil {
		return err
	}
	for _, k := range s.keepers {
		if k.PID == main {
			return fmt.Errorf("%s would end with its %s", s, k.name)
		}
	}
	for _, k := range s.keepers {
		if err := k.send(syscall.SIGKILL); err != nil {
			return fmt.Errorf("end %s: %w", k.name, err)
		}
	}
	watcher, err := a.watch(s.identity, hook)
	if err != nil {
		return err
	}
	return a.save(adoption{s.identity, watcher})
}

// watch starts the watcher, which outlives the action.
func (a *Adopter) watch(who identity, hook []string) (identity, error) {
	if err := os.MkdirAll(filepath.Dir(a.base), 0o755); err != nil {
		return identity{}, err
	}
	log, err := os.OpenFile(files{a.base}.log(), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return identity{}, err
	}
	defer log.Close()
	if err := keepDescriptors(); err != nil {
		return identity{}, err
	}
	args := append([]string{WatchCommand, strconv.Itoa(who.PID), strconv.FormatUint(who.Start, 10)}, hook...)
	cmd := exec.Command(a.self, args...) //nolint:noctx // it outlives the action
	cmd.Args[0] = "mysql-ha"
	cmd.Env, cmd.Dir = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return identity{}, fmt.Errorf("start the watcher: %w", err)
	}
	watcher, err := identify(cmd.Process.Pid)
	_ = cmd.Process.Release() // nobody waits for it
	return watcher, err
}
