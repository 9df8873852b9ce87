package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Unit is one transient service.
type Unit struct {
	name    string
	connect func(context.Context) (bus, error)
}

var _ ocf.Unit = (*Unit)(nil)

// bus is what is used of *dbus.Conn.
type bus interface {
	GetAllPropertiesContext(ctx context.Context, unit string) (map[string]any, error)
	StartTransientUnitContext(ctx context.Context, name, mode string, properties []dbus.Property, ch chan<- string) (int, error)
	KillUnitWithTarget(ctx context.Context, name string, target dbus.Who, signal int32) error
	ResetFailedUnitContext(ctx context.Context, name string) error
	Close()
}

// New returns the unit of this name: "mysql-ha-db.service". Nothing is asked of
// systemd yet. It fails where systemd is not what the machine was booted with.
func New(name string) (*Unit, error) {
	if !strings.HasSuffix(name, ".service") || strings.ContainsAny(name, "/ ") {
		return nil, fmt.Errorf("%q is not the name of a service", name)
	}
	if _, err := os.Stat("/run/systemd/system"); err != nil { // as sd_booted(3)
		return nil, fmt.Errorf("systemd does not run here: %w", err)
	}
	return &Unit{name: name, connect: dial}, nil
}

// dial connects as systemctl does: root directly to systemd, so that a message
// bus that is stuck or gone does not matter.
func dial(ctx context.Context) (bus, error) {
	type result struct {
		conn *dbus.Conn
		err  error
	}
	// Neither connecting to a socket with a full queue nor the handshake obeys the
	// context by itself; late connections are closed by it.
	ch := make(chan result, 1)
	go func() {
		var r result
		if os.Geteuid() == 0 {
			r.conn, r.err = dbus.NewSystemdConnectionContext(ctx)
		}
		if r.conn == nil {
			r.conn, r.err = dbus.NewSystemConnectionContext(ctx)
		}
		ch <- r
	}()
	select {
	case r := <-ch:
		if r.err != nil {
			return nil, fmt.Errorf("connect to systemd: %w", r.err)
		}
		return r.conn, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to systemd: %w", ctx.Err())
	}
}

// with runs f on a connection of its own.
func (u *Unit) with(ctx context.Context, doing string, f func(bus) error) error {
	conn, err := u.connect(ctx)
	if err == nil {
		err = f(conn)
		conn.Close()
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing, u.name, err)
	}
	return nil
}

// Look asks systemd for the unit. A unit that it does not know does not run.
func (u *Unit) Look(ctx context.Context) (p ocf.Process, err error) {
	err = u.with(ctx, "look at", func(b bus) error {
		s, err := u.state(ctx, b)
		p = s.Process
		return err
	})
	return p, err
}

func (u *Unit) state(ctx context.Context, b bus) (state, error) {
	properties, err := b.GetAllPropertiesContext(ctx, u.name)
	if err != nil {
		return state{}, err
	}
	return parseState(properties)
}

// Start starts mysqld and returns when its process exists. What remains of an
// earlier run is waited for, its exit hook included.
func (u *Unit) Start(ctx context.Context, c ocf.Command) error {
	return u.with(ctx, "start", func(b bus) error {
		last, err := u.await(ctx, b, func(s state) bool { return s.Running || s.over })
		switch {
		case err != nil:
			return fmt.Errorf("wait for the end of the last run: %w", err)
		case last.Running:
			return fmt.Errorf("it runs already as process %d", last.PID)
		}
		// What failed keeps its name taken. Unless there is nothing to reset, the
		// start would fail for it and say so.
		_ = b.ResetFailedUnitContext(ctx, u.name)

		// If Pacemaker is being stopped meanwhile, a job that minds the order would wait
		// for that, and Pacemaker for this action.
		const mode = "ignore-dependencies"
		done := make(chan string, 1) // READY=1, or the end of a process that never was
		if _, err := b.StartTransientUnitContext(ctx, u.name, mode, properties(u.name, c), done); err != nil {
			return err
		}
		ended := false
		s, err := u.await(ctx, b, func(s state) bool {
			if s.Running || ended {
				return true
			}
			select {
			case <-done:
				ended = true // once more, to see how
			default:
			}
			return false
		})
		switch {
		case err != nil:
			return err
		case s.Running:
			return nil
		case s.Result == "", s.Result == "success":
			return errors.New("it ended at once")
		}
		return fmt.Errorf("it ended at once (%s)", s.Result)
	})
}

// Terminate sends SIGTERM to mysqld. By a signal and not by a stop job: the unit
// is ordered before Pacemaker's, so a job would wait for Pacemaker to stop, and
// Pacemaker for this action.
func (u *Unit) Terminate(ctx context.Context) error {
	return u.with(ctx, "terminate", func(b bus) error {
		_, err := u.signal(ctx, b, syscall.SIGTERM)
		return err
	})
}

// Kill sends SIGKILL to mysqld alone, so that the exit hook lives on, and waits
// until the process is gone.
func (u *Unit) Kill(ctx context.Context) error {
	return u.with(ctx, "kill", func(b bus) error {
		pid, err := u.signal(ctx, b, syscall.SIGKILL)
		if err != nil || pid == 0 {
			return err
		}
		if _, err := u.await(ctx, b, func(s state) bool { return s.PID != pid }); err != nil {
			return fmt.Errorf("wait for the end of process %d: %w", pid, err)
		}
		return nil
	})
}

// signal reports the process it sent to; 0 where there is none.
func (u *Unit) signal(ctx context.Context, b bus, sig syscall.Signal) (pid int, err error) {
	s, err := u.state(ctx, b)
	if err != nil || !s.Running {
		return 0, err
	}
	if err := b.KillUnitWithTarget(ctx, u.name, dbus.Main, int32(sig)); err != nil {
		// It may have ended in between.
		if now, lookErr := u.state(ctx, b); lookErr == nil && now.PID != s.PID {
			return 0, nil
		}
		return 0, err
	}
	return s.PID, nil
}

// await looks until the state is as wanted.
func (u *Unit) await(ctx context.Context, b bus, wanted func(state) bool) (state, error) {
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		s, err := u.state(ctx, b)
		if err != nil || wanted(s) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(pause):
		}
	}
}
