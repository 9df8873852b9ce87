package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Unit is mysqld as a process of its own session.
type Unit struct {
	files files
	self  string // the binary that has the subcommand supervise
}

var _ ocf.Unit = (*Unit)(nil)

// New returns the unit of a resource; its state is kept under runDir.
func New(runDir, resource string) *Unit {
	return &Unit{files: files{filepath.Join(runDir, resource)}, self: "/proc/self/exe"}
}

// Look reads what the supervisor wrote, and holds it against the process table.
func (u *Unit) Look(context.Context) (ocf.Process, error) {
	p, _, err := u.look()
	if err != nil {
		return ocf.Process{}, fmt.Errorf("look at %s: %w", u.files.base, err)
	}
	return p, nil
}

func (u *Unit) look() (ocf.Process, record, error) {
	rec, err := u.files.load()
	if err != nil {
		return ocf.Process{}, record{}, err
	}
	server, err := rec.server()
	if err != nil {
		return ocf.Process{}, rec, err
	}
	if server == (identity{}) {
		return ocf.Process{Result: rec.Result}, rec, nil
	}
	return ocf.Process{Running: true, Ready: rec.Ready, PID: server.PID, Status: rec.Status, Since: rec.Since}, rec, nil
}

// Start starts a supervisor, which starts mysqld, and returns when the process
// exists. What remains of an earlier run is waited for, its exit hook included.
func (u *Unit) Start(ctx context.Context, c ocf.Command) error {
	if err := u.start(ctx, c); err != nil {
		return fmt.Errorf("start %s: %w", c.Binary, err)
	}
	return nil
}

func (u *Unit) start(ctx context.Context, c ocf.Command) error {
	err := poll(ctx, func() (bool, error) {
		p, last, err := u.look()
		if err != nil {
			return false, err
		}
		if p.Running {
			return false, fmt.Errorf("it runs already as process %d", p.PID)
		}
		hooking, err := last.Supervisor.alive()
		return !hooking, err
	})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(u.files.base), 0o755); err != nil {
		return err
	}
	if err := u.files.save(record{Command: c}); err != nil {
		return err
	}
	// Its own errors, and mysqld's, of this run.
	log, err := os.OpenFile(u.files.log(), os.O_CREATE|os.O_TRUNC|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	defer log.Close()
	answer, supervisor, err := os.Pipe()
	if err != nil {
		return err
	}
	defer answer.Close()

	if err := keepDescriptors(); err != nil {
		return err
	}
	cmd := exec.Command(u.self, SuperviseCommand, u.files.base) //nolint:noctx // it outlives the action
	cmd.Args[0] = "mysql-ha"
	cmd.Env, cmd.Dir = []string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{supervisor} // descriptor 3
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = supervisor.Close()
	if err != nil {
		return err
	}
	_ = cmd.Process.Release() // nobody waits for it
	return u.hear(ctx, answer)
}

// hear waits for the supervisor to say that mysqld runs, or why not.
func (u *Unit) hear(ctx context.Context, answer *os.File) error {
	defer context.AfterFunc(ctx, func() { _ = answer.SetReadDeadline(time.Unix(1, 0)) })()
	line, err := bufio.NewReader(answer).ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("the supervisor has not said anything: %w", ctx.Err())
	case err != nil:
		return fmt.Errorf("the supervisor ended, see %s", u.files.log())
	case line != started:
		return errors.New(strings.TrimSpace(line))
	}
	return nil
}

// Terminate sends SIGTERM to mysqld.
func (u *Unit) Terminate(context.Context) error {
	if _, err := u.signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("terminate %s: %w", u.files.base, err)
	}
	return nil
}

// Kill sends SIGKILL to mysqld and waits until it is gone.
func (u *Unit) Kill(ctx context.Context) error {
	server, err := u.signal(syscall.SIGKILL)
	if err == nil {
		err = poll(ctx, func() (bool, error) {
			alive, err := server.alive()
			return !alive, err
		})
	}
	if err != nil {
		return fmt.Errorf("kill %s: %w", u.files.base, err)
	}
	return nil
}

// signal reports whom it sent to; nobody where mysqld does not run.
func (u *Unit) signal(sig os.Signal) (identity, error) {
	rec, err := u.files.load()
	if err != nil {
		return identity{}, err
	}
	server, err := rec.server()
	if err != nil || server == (identity{}) {
		return identity{}, err
	}
	return server, server.send(sig)
}

// poll asks until it is so.
func poll(ctx context.Context, so func() (bool, error)) error {
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		if done, err := so(); done || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
}
