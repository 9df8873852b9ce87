package replication

import (
	"context"
	"errors"
)

// SetEvents switches the event scheduler, and looks whether it took.
func (s *Server) SetEvents(ctx context.Context, want bool) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	word := "OFF"
	if want {
		word = "ON"
	}
	if err := on.do(ctx, say("SET GLOBAL event_scheduler = "+word)); err != nil {
		return err
	}
	st, err := s.Observe(ctx)
	if err == nil && st.Events != want {
		err = errors.New("the event scheduler is not " + word)
	}
	return err
}
