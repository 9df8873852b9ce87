package replication

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"
)

// statement is one intent in the words of a flavour. Values are bound.
type statement struct {
	text   string
	args   []any
	secret bool // holds a password: the server's words about it are not repeated
}

func say(text string, args ...any) statement { return statement{text: text, args: args} }

func secretly(text string, args ...any) statement {
	return statement{text: text, args: args, secret: true}
}

// row is one row of an answer; nil is NULL.
type row map[string]*string

// queryer is a connection or the pool.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// session is one connection.
type session struct {
	q     queryer
	d     dialect
	bound time.Duration
}

// do executes statements in order, each with its own deadline. When one runs
// out the driver drops the connection.
func (s session) do(ctx context.Context, statements ...statement) error {
	for _, st := range statements {
		if err := s.exec(ctx, st); err != nil {
			return err
		}
	}
	return nil
}

func (s session) exec(ctx context.Context, st statement) error {
	ctx, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	_, err := s.q.ExecContext(ctx, st.text, st.args...)
	return st.explain(err)
}

// ask reads all rows of a question that changes nothing. The server itself gives
// it up shortly before we do, so that no stuck statement is left behind.
func (s session) ask(ctx context.Context, st statement) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	text := st.text
	if deadline, ok := ctx.Deadline(); ok && s.d != nil {
		text = s.d.limited(text, time.Until(deadline)*9/10)
	}
	rows, err := s.q.QueryContext(ctx, text, st.args...)
	if err != nil {
		return nil, st.explain(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, st.explain(err)
	}
	var answer []row
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, st.explain(err)
		}
		r := make(row, len(names))
		for i, name := range names {
			if values[i].Valid {
				r[name] = &values[i].String
			} else {
				r[name] = nil
			}
		}
		answer = append(answer, r)
	}
	return answer, st.explain(rows.Err())
}

// askOne is for questions that have exactly one row as answer.
func (s session) askOne(ctx context.Context, st statement) (row, error) {
	rows, err := s.ask(ctx, st)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("server answered with %d rows instead of one", len(rows))
	}
	return rows[0], nil
}

// explain keeps passwords out: a syntax error repeats parts of the statement.
func (st statement) explain(err error) error {
	err = explain(err)
	if e, ok := errors.AsType[*Error](err); ok && e.Number == erAccessDenied && strings.HasPrefix(st.text, "GRANT ") {
		e.lacks = "GRANT OPTION" // the same number as a login that is refused
	}
	if err == nil || !st.secret {
		return err
	}
	if e, ok := errors.AsType[*Error](err); ok {
		verb, _, _ := strings.Cut(st.text, " ")
		return &Error{Number: e.Number, Text: strings.ToLower(verb) + " failed", kind: e.kind, lacks: e.lacks}
	}
	return err
}

// plain is a session on any connection of the pool, for statements that neither
// need nor leave anything in the session.
func (s *Server) plain(ctx context.Context) (session, error) {
	d, err := s.dialect(ctx)
	return session{q: s.db, d: d, bound: s.bound}, err
}

// apart runs f on a connection that first takes the given settings and is thrown
// away afterwards, so that they reach nobody else.
func (s *Server) apart(ctx context.Context, settings func(dialect) []statement, f func(session) error) error {
	d, err := s.dialect(ctx)
	if err != nil {
		return err
	}
	connect, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	conn, err := s.db.Conn(connect)
	if err != nil {
		return explain(err)
	}
	defer conn.Close()
	// Not back to the pool, which keeps no connection that is called bad.
	defer func() { _ = conn.Raw(func(any) error { return driver.ErrBadConn }) }()
	on := session{q: conn, d: d, bound: s.bound}
	if err := on.do(ctx, settings(d)...); err != nil {
		return err
	}
	return f(on)
}
