package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ArmSource switches waiting for acknowledgements on, without end; and off.
// Switching off lets everything commit that waits: the caller's decision.
func (s *Server) ArmSource(ctx context.Context, on bool) error {
	at, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := at.look(ctx)
	if err != nil || !on && !st.SemiSync.SourceEnabled {
		return err
	}
	if err := at.do(ctx, at.d.armSource(on)...); err != nil {
		return err
	}
	return until(ctx, "the semi-synchronous source", func() (bool, error) {
		st, _, err := at.look(ctx)
		if err != nil || !on {
			return err == nil && !st.SemiSync.SourceEnabled && !st.SemiSync.SourceOn, err
		}
		if st.SemiSync.SourceEnabled && st.SemiSync.Timeout < endless {
			return false, fmt.Errorf("commits would wait for %v only", st.SemiSync.Timeout)
		}
		return st.SemiSync.SourceEnabled && st.SemiSync.SourceOn, nil
	})
}

// endless: MySQL's largest timeout is 49 days.
const endless = 24 * time.Hour

// ArmReplica switches acknowledging on or off and restarts a running
// receiver for it, only while the applier runs (ErrApplier).
func (s *Server) ArmReplica(ctx context.Context, on bool) error {
	at, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := at.look(ctx)
	if err != nil {
		return err
	}
	// A receiver goes by what the setting was when it connected.
	connected := st.Receiver.Running
	restart := st.receiving() && (!connected || st.SemiSync.ReplicaOn != on)
	if st.SemiSync.ReplicaEnabled == on && (!restart || !connected) {
		return nil
	}
	if restart && !st.Applier.Running {
		return st.Applier.stopped()
	}
	if err := at.do(ctx, at.d.armReplica(on)...); err != nil {
		return err
	}
	if restart {
		if err := at.stopReceiver(ctx); err != nil {
			return err
		}
		if err := at.do(ctx, at.d.start(true, false)); err != nil {
			return fmt.Errorf("start the receiver: %w", err)
		}
		if err := at.settled(ctx); err != nil {
			return err
		}
	}
	if st, _, err = at.look(ctx); err != nil {
		return err
	}
	switch {
	case st.SemiSync.ReplicaEnabled != on:
		return errors.New("the server did not take the setting")
	case on && st.Receiver.Running && !st.SemiSync.ReplicaOn:
		return errors.New("the receiver does not acknowledge: its source is not semi-synchronous")
	case !on && st.SemiSync.ReplicaOn:
		return errors.New("the receiver still acknowledges")
	}
	return nil
}

// Attached lists the accounts with a dump thread.
func (s *Server) Attached(ctx context.Context) ([]string, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return nil, err
	}
	all, err := on.everyone(ctx)
	if err != nil {
		return nil, err
	}
	users := []string{}
	for _, c := range all {
		if c.Dump {
			users = append(users, c.User)
		}
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

// Dismiss ends what a clean shutdown would wait for: the replicas' dump threads and
// our own idle connections (tried: MySQL 9.7 takes 11 s for them). Replicas may be
// kept out until the server's end. The caller has seen to it that nobody waits for an
// acknowledgement, and shuts down at once.
func (s *Server) Dismiss(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	if err := on.do(ctx, on.d.bar()...); err != nil {
		return err
	}
	if _, err := on.killDumps(ctx, func(client) bool { return true }); err != nil {
		return err
	}
	s.db.SetMaxIdleConns(0) // which closes those that are idle
	return nil
}

// HangUp ends an account's dump threads that have lasted at least so long, in whole
// seconds, and returns how many. A replica that is there connects anew by itself.
func (s *Server) HangUp(ctx context.Context, user string, lasting time.Duration) (int, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return 0, err
	}
	return on.killDumps(ctx, func(c client) bool { return c.User == user && c.Age >= lasting })
}

// killDumps ends the dump threads that are meant, and returns how many.
func (s session) killDumps(ctx context.Context, meant func(client) bool) (int, error) {
	all, err := s.everyone(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, c := range all {
		if !c.Dump || !meant(c) {
			continue
		}
		if err := s.kill(ctx, c.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Exclude locks a replication account (or unlocks it) and kills its dump
// thread, with every other session of the account: one that is logged in
// already could still ask for the binary log. Unlogged.
func (s *Server) Exclude(ctx context.Context, user string, lock bool) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	if err := s.lock(ctx, on, user, lock); err != nil || !lock {
		return err
	}
	return until(ctx, "sessions of "+user+" to end", func() (bool, error) {
		all, err := on.everyone(ctx)
		if err != nil {
			return false, err
		}
		gone := true
		for _, c := range all {
			if c.User != user || c.Own {
				continue
			}
			gone = false
			if err := on.kill(ctx, c.ID); err != nil {
				return false, err
			}
		}
		return gone, nil
	})
}

func (s *Server) lock(ctx context.Context, on session, user string, lock bool) error {
	look := func() ([]login, error) {
		logins, err := on.logins(ctx, user)
		if err == nil && len(logins) == 0 {
			err = fmt.Errorf("there is no account %s", user)
		}
		return slices.DeleteFunc(logins, func(l login) bool { return l.Locked == lock }), err
	}
	todo, err := look()
	if err != nil || len(todo) == 0 {
		return err
	}
	err = s.apart(ctx, unlogged(lockWait), func(at session) error {
		var change []statement
		for _, l := range todo {
			change = append(change, at.d.lock(user, l.Host, lock))
		}
		return s.lifted(ctx, at, func() error { return at.do(ctx, change...) })
	})
	if err != nil {
		return err
	}
	if todo, err = look(); err == nil && len(todo) > 0 {
		err = errors.New("the account did not change")
	}
	return err
}
