package replication

import (
	"context"
	"errors"
	"strings"
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

// Event is one that the scheduler does not run here because it was made on another
// server, whose replica this one was then.
type Event struct{ Schema, Name, Definer string }

func (e Event) String() string { return e.Schema + "." + e.Name }

// Enable is the statement that has it run here. Without its definer it would become
// that of whoever says so.
func (e Event) Enable() string {
	user, host := e.Definer, "%"
	if i := strings.LastIndex(e.Definer, "@"); i >= 0 {
		user, host = e.Definer[:i], e.Definer[i+1:]
	}
	name := func(s string) string { return "`" + strings.ReplaceAll(s, "`", "``") + "`" }
	return "ALTER DEFINER=" + name(user) + "@" + name(host) + " EVENT " + name(e.Schema) + "." + name(e.Name) + " ENABLE"
}

// Asleep lists them. What they were on their own server is not known here: those that
// were disabled there are among them.
func (s *Server) Asleep(ctx context.Context) ([]Event, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := on.ask(ctx, on.d.asleep())
	if err != nil {
		return nil, err
	}
	var all []Event
	for _, answer := range rows {
		r := reader{row: answer}
		if r.null("name") {
			return nil, errors.New("events cannot be seen: the account lacks EVENT")
		}
		all = append(all, Event{r.text("db"), r.text("name"), r.text("definer")})
		if r.err != nil {
			return nil, r.err
		}
	}
	return all, nil
}
