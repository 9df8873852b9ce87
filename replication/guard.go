package replication

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// guard reads whether administrators, too, are kept from writing.
func (s session) guard(ctx context.Context) (up, wanted bool, err error) {
	r, err := s.askOne(ctx, s.d.position())
	if err != nil {
		return false, false, err
	}
	return s.d.guard(r)
}

// lifted runs f, which writes through on, on a server that keeps administrators
// from writing: it lets them, f writes, and they are kept from it again, seen to
// be, also where f failed or ctx is over. Ordinary clients stay out. Meanwhile,
// and where we die before the end, a privileged client could write as it always
// can on MariaDB; Prepare and Protect raise what was left down. Where what f wrote
// waits for an acknowledgement, it is left so: raising would wait, too.
func (s *Server) lifted(ctx context.Context, on session, f func() error) error {
	up, _, err := on.guard(ctx)
	if err != nil {
		return err
	}
	if !up {
		return f()
	}
	if err := on.do(ctx, on.d.lift()); err != nil {
		return err
	}
	if err = f(); errors.Is(err, errWaits) {
		return err
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(s.bound, time.Second))
	defer cancel()
	raise := on.raise(end)
	if errors.Is(raise, ErrUnreachable) { // this connection is broken
		raise = s.apart(end, func(d dialect) []statement { return d.patient(lockWait) },
			func(other session) error { return other.raise(end) })
	}
	switch {
	case raise == nil:
		return err
	case err == nil:
		return raise
	}
	return fmt.Errorf("%w; %w", err, raise)
}

func (s session) raise(ctx context.Context) error {
	err := s.do(ctx, s.d.protect())
	if err == nil {
		var up bool
		if up, _, err = s.guard(ctx); err == nil && !up {
			err = errors.New("super_read_only is still off")
		}
	}
	if err != nil {
		return fmt.Errorf("keep administrators from writing again: %w", err)
	}
	return nil
}
