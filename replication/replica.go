package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// A thread that cannot go on starts, and stops within moments: it counts as
// running when it was seen so in that many looks in a row.
const steady = 5

// settling is how long Follow waits for a receiver to connect.
const settling = time.Second

// Freeze stops the receiver of a running replica, with the applier running:
// where it does not run it is started first. If it cannot run (ErrApplier)
// nothing is stopped, since MariaDB throws the relay log away when a thread
// starts while neither runs. For the same reason nothing is started when the
// receiver does not run: then there is nothing to freeze.
func (s *Server) Freeze(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := on.look(ctx)
	if err != nil || !st.receiving() {
		return err
	}
	if !st.Applier.Running {
		if err := on.startApplier(ctx); err != nil {
			return err
		}
	}
	return on.stopReceiver(ctx)
}

// receiving reports whether the receiver's thread exists, connected or not.
func (st State) receiving() bool { return st.Receiver.Running || st.Receiver.Connecting }

// startApplier returns when the applier was seen running, or stopped again.
func (s session) startApplier(ctx context.Context) error {
	if err := s.do(ctx, s.d.start(false, true)); err != nil {
		return fmt.Errorf("start the applier: %w", err)
	}
	seen := 0
	return until(ctx, "the applier", func() (bool, error) {
		st, _, err := s.look(ctx)
		switch {
		case err != nil:
			return false, err
		case st.Applier.Running:
			seen++
		default:
			return false, st.Applier.stopped()
		}
		return seen == steady, nil
	})
}

func (s session) stopReceiver(ctx context.Context) error {
	if err := s.do(ctx, s.d.stop(true, false)); err != nil {
		return fmt.Errorf("stop the receiver: %w", err)
	}
	return until(ctx, "the receiver to stop", func() (bool, error) {
		st, _, err := s.look(ctx)
		return err == nil && !st.receiving(), err
	})
}

// StopAll stops applier and receiver. The caller has made sure that nothing
// received is unapplied (MariaDB purges the relay log at the next start).
func (s *Server) StopAll(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	return on.stopAll(ctx)
}

func (s session) stopAll(ctx context.Context) error {
	stopped := func() (bool, error) {
		st, _, err := s.look(ctx)
		return err == nil && !st.receiving() && !st.Applier.Running, err
	}
	if done, err := stopped(); done || err != nil {
		return err
	}
	if err := s.do(ctx, s.d.stop(true, true)); err != nil {
		return fmt.Errorf("stop replication: %w", err)
	}
	return until(ctx, "replication to stop", stopped)
}

// Drain waits until everything in target is executed.
func (s *Server) Drain(ctx context.Context, target gtid.Set) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	return on.drain(ctx, target)
}

func (s session) drain(ctx context.Context, target gtid.Set) error {
	var have gtid.Set
	err := until(ctx, "the applier", func() (bool, error) {
		// The thread before the position: what an applier executed before it was
		// seen stopped is in the position read after it.
		st, _, err := s.look(ctx)
		if err != nil {
			return false, err
		}
		if have = st.Executed; have.Contains(target) {
			return true, nil
		}
		if st.Applier.Running {
			return false, nil
		}
		if have, _, err = s.position(ctx); err != nil || have.Contains(target) {
			return err == nil, err
		}
		return false, st.Applier.stopped()
	})
	if err != nil {
		return fmt.Errorf("%d transactions are not applied: %w", have.Missing(target), err)
	}
	return nil
}

// Follow makes the server a replica of src by GTID from what it has executed,
// both threads started. It does nothing where it already follows src and runs.
// The caller has made sure that nothing received is unapplied. What keeps the
// receiver from working is returned when it shows within a moment, else by
// Observe.
func (s *Server) Follow(ctx context.Context, src Source) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, answers, err := on.look(ctx)
	if err != nil {
		return err
	}
	follows := on.d.follows(answers, src)
	denied := errors.Is(st.Receiver.Err(), ErrAccessDenied) // a new password, or locked until now
	switch {
	case follows && st.Receiver.Running && st.Applier.Running:
		return nil
	case follows && st.receiving() && !denied:
		if !st.Applier.Running {
			if err := on.do(ctx, on.d.start(false, true)); err != nil {
				return fmt.Errorf("start the applier: %w", err)
			}
		}
	case follows && st.Applier.Running && !st.receiving() && !denied:
		if err := on.do(ctx, on.d.start(true, false)); err != nil {
			return fmt.Errorf("start the receiver: %w", err)
		}
	default:
		if err := s.apart(ctx, dialect.discreet, func(on session) error { return on.turnTo(ctx, src) }); err != nil {
			return err
		}
	}
	return on.settled(ctx)
}

// turnTo stops what runs, points to src and starts.
func (s session) turnTo(ctx context.Context, src Source) error {
	if err := s.stopAll(ctx); err != nil {
		return err
	}
	// Only now, as the applier executed until it stopped.
	executed, _, err := s.position(ctx)
	if err != nil {
		return err
	}
	if err := s.do(ctx, s.d.follow(src, executed)...); err != nil {
		return err
	}
	if err := s.do(ctx, s.d.start(true, true)); err != nil {
		return fmt.Errorf("start replication: %w", err)
	}
	return nil
}

// settled looks again: both threads run, or the receiver is still connecting.
func (s session) settled(ctx context.Context) error {
	short, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	var st State
	seen := 0
	err := until(short, "replication", func() (bool, error) {
		now, _, err := s.look(ctx)
		if err != nil {
			return false, err
		}
		st = now
		switch err := st.Receiver.Err(); {
		case !st.Applier.Running:
			return false, st.Applier.stopped()
		case err != nil && (!st.receiving() || errors.Is(err, ErrAccessDenied)):
			return false, err
		case st.Receiver.Running:
			seen++
		default:
			seen = 0
		}
		return seen == steady, nil
	})
	if errors.Is(err, errWaited) && ctx.Err() == nil && st.receiving() {
		return nil // a source that is not there yet; the receiver keeps trying
	}
	return err
}

// Detach stops replication and forgets the source.
func (s *Server) Detach(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := on.look(ctx)
	if err != nil || st.Source == nil {
		return err
	}
	if err := on.stopAll(ctx); err != nil {
		return err
	}
	if err := on.do(ctx, on.d.detach()...); err != nil {
		return err
	}
	if st, _, err = on.look(ctx); err == nil && st.Source != nil {
		err = fmt.Errorf("source %s is still configured", st.Source.Host)
	}
	return err
}
