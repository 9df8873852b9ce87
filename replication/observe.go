package replication

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// poll is the pause between two looks at something that is about to happen.
const poll = 20 * time.Millisecond

// Observe looks at everything at once. What could not be read is an error.
func (s *Server) Observe(ctx context.Context) (State, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return State{}, err
	}
	st, _, err := on.look(ctx)
	return st, err
}

func (s session) look(ctx context.Context) (State, [][]row, error) {
	var answers [][]row
	for _, question := range s.d.look() {
		rows, err := s.ask(ctx, question)
		if err != nil {
			return State{}, nil, err
		}
		answers = append(answers, rows)
	}
	st, err := s.d.observed(answers)
	return st, answers, err
}

// Position is the cheap look a peer takes: executed set and writability. To a writable
// server's belongs what its replicas may have received: commits that wait for an
// acknowledgement, too.
func (s *Server) Position(ctx context.Context) (executed gtid.Set, writable bool, err error) {
	on, err := s.plain(ctx)
	if err != nil {
		return gtid.Set{}, false, err
	}
	r, err := on.askOne(ctx, on.d.position())
	if err != nil {
		return gtid.Set{}, false, err
	}
	if executed, writable, err = on.d.held(r); err != nil || !writable {
		return executed, writable, err
	}
	more, err := on.d.pending(r)
	if err == nil {
		executed, err = executed.Union(more)
	}
	return executed, writable, err
}

func (s session) position(ctx context.Context) (gtid.Set, bool, error) {
	r, err := s.askOne(ctx, s.d.position())
	if err != nil {
		return gtid.Set{}, false, err
	}
	return s.d.held(r)
}

// UserTables lists schema.table, sorted, of all but the server's schemas and
// ours. Only names are asked for: anything more opens the tables and waits for
// a DDL statement that waits for an acknowledgement.
func (s *Server) UserTables(ctx context.Context) ([]string, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return nil, err
	}
	if err := on.seesTables(ctx); err != nil {
		return nil, err
	}
	rows, err := on.ask(ctx, say("SELECT table_schema AS s, table_name AS t FROM information_schema.tables"+
		" WHERE table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', ?)"+
		" ORDER BY table_schema, table_name", home))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(rows))
	for _, row := range rows {
		r := reader{row: row}
		names = append(names, r.text("s")+"."+r.text("t"))
		if r.err != nil {
			return nil, r.err
		}
	}
	return names, nil
}

// seesTables makes sure that no table is hidden from the account: the servers leave
// out, without a word, those on which it has no privilege at all.
func (s session) seesTables(ctx context.Context) error {
	rows, err := s.ask(ctx, say("SELECT privilege_type AS p FROM information_schema.user_privileges"+
		" WHERE privilege_type IN ('SELECT', 'REFERENCES') AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') LIMIT 1"))
	if err == nil && len(rows) == 0 {
		err = &Error{Number: erTableAccessDenied, kind: ErrAccessDenied, lacks: "REFERENCES on *.*, or SELECT"}
	}
	return err
}

// errWaited is until's way to say that it looked, and time ran out.
var errWaited = errors.New("waited in vain")

// until polls look until it reports true. When the time is over the error says
// what was waited for, also where the time ended during a further look: the
// server had answered before.
func until(ctx context.Context, what string, look func() (bool, error)) error {
	for first := true; ; first = false {
		done, err := look()
		if err != nil && (first || ctx.Err() == nil) || done {
			return err
		}
		if err := pause(ctx); err != nil {
			return fmt.Errorf("%w for %s: %w", errWaited, what, err)
		}
	}
}

func pause(ctx context.Context) error {
	t := time.NewTimer(poll)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// isNumber reports whether the server said this number.
func isNumber(err error, number int) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Number == number
}
