package replication

import (
	"context"
	"fmt"
	"time"
)

// lockWait is how long Protect stands in the queue for the global lock; others
// cannot write while it does. The servers count in seconds.
const lockWait = time.Second

// Protect makes the server read-only; nil means that it was seen not writable
// afterwards and that nobody waited for an acknowledgement. It fails (ErrBusy)
// where commits or locks stand in the way.
func (s *Server) Protect(ctx context.Context) error {
	err := s.apart(ctx, func(d dialect) []statement { return d.patient(lockWait) }, func(on session) error {
		return on.do(ctx, on.d.protect())
	})
	if err != nil {
		return err
	}
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := on.look(ctx)
	if err != nil {
		return err
	}
	up, wanted, err := on.guard(ctx)
	switch {
	case err != nil:
		return err
	case st.Writable:
		return fmt.Errorf("read_only is still off")
	case wanted && !up:
		return fmt.Errorf("super_read_only is still off")
	case st.SemiSync.Waiting > 0:
		// Where it was read-only already the statement returns at once: privileged
		// sessions may have written since, and wait.
		return fmt.Errorf("%w: %d sessions wait for an acknowledgement", ErrBusy, st.SemiSync.Waiting)
	}
	return nil
}

// Unprotect ends read-only.
func (s *Server) Unprotect(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	if err := on.do(ctx, on.d.unprotect()); err != nil {
		return err
	}
	_, writable, err := on.position(ctx)
	if err == nil && !writable {
		err = fmt.Errorf("read_only is still on")
	}
	return err
}

// Busy counts client sessions that have been inside a transaction or statement
// for a second or longer, and those that wait for an acknowledgement at this
// moment. Under load there is always a fresh one of either. Sessions that commit
// while another one waits count as waiting, as they stand in line.
func (s *Server) Busy(ctx context.Context) (active, waiting int, err error) {
	on, err := s.plain(ctx)
	if err != nil {
		return 0, 0, err
	}
	clients, err := on.clients(ctx)
	if err != nil {
		return 0, 0, err
	}
	for _, c := range clients {
		if (c.Busy || c.Waits) && c.Age >= time.Second {
			active++
		}
		if c.Waits {
			waiting++
		}
	}
	return active, waiting, nil
}

// everyone lists all sessions.
func (s session) everyone(ctx context.Context) ([]client, error) {
	rows, err := s.ask(ctx, s.d.sessions())
	if err != nil {
		return nil, err
	}
	all := make([]client, 0, len(rows))
	for _, r := range rows {
		c, err := s.d.client(r)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// clients lists the sessions of clients other than ourselves.
func (s session) clients(ctx context.Context) ([]client, error) {
	all, err := s.everyone(ctx)
	if err != nil {
		return nil, err
	}
	line := false
	for _, c := range all {
		line = line || c.Waits
	}
	var clients []client
	for _, c := range all {
		if c.Own || c.Server {
			continue
		}
		c.Waits = c.Waits || line && c.Commits
		clients = append(clients, c)
	}
	return clients, nil
}

// Evict ends client sessions; never one that waits for an acknowledgement
// (killing it would commit what nobody acknowledged). It returns ErrBusy while
// such sessions, or any that do not end in time, remain. Only after Protect can
// none begin to commit between the look and the kill.
func (s *Server) Evict(ctx context.Context) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, on.bound)
	defer cancel()
	killed := map[int64]bool{}
	left, waiting := 0, 0
	err = until(ctx, "sessions to end", func() (bool, error) {
		clients, err := on.clients(ctx)
		if err != nil {
			return false, err
		}
		left, waiting = 0, 0
		for _, c := range clients {
			switch {
			case c.Waits:
				waiting++
			case killed[c.ID]:
				left++
			default:
				left++
				if err := on.kill(ctx, c.ID); err != nil {
					return false, err
				}
				killed[c.ID] = true
			}
		}
		return left == 0, nil
	})
	switch {
	case err != nil && left > 0:
		return fmt.Errorf("%w: %d sessions do not end: %w", ErrBusy, left, err)
	case err == nil && waiting > 0:
		return fmt.Errorf("%w: %d sessions wait for an acknowledgement", ErrBusy, waiting)
	}
	return err
}

// kill ends a session; one that is gone already is no error.
func (s session) kill(ctx context.Context, id int64) error {
	err := s.do(ctx, s.d.kill(id))
	if isNumber(err, erNoSuchThread) {
		return nil
	}
	return err
}
