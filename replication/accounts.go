package replication

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// home is our schema; the pattern is its name in a GRANT, where _ means any
// letter. Nothing here is counted as a user's table.
const (
	home        = "mysql_ha"
	homePattern = `mysql\_ha`
)

// epochTable is written once in each epoch, by its primary.
const epochTable = "CREATE TABLE IF NOT EXISTS " + home + ".epoch (" +
	"epoch BIGINT UNSIGNED NOT NULL PRIMARY KEY, " +
	"primary_node VARCHAR(255) NOT NULL, " +
	"domain INT UNSIGNED NOT NULL, " +
	"server INT UNSIGNED NOT NULL, " +
	"seq BIGINT UNSIGNED NOT NULL, " +
	"start MEDIUMTEXT NOT NULL, " +
	"record TEXT NOT NULL, " +
	"at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP" +
	") ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin"

func unlogged(d time.Duration) func(dialect) []statement {
	return func(speak dialect) []statement { return speak.unlogged(d) }
}

// Prepare creates, unlogged and only where missing, our schema with its empty
// table and the accounts; loads the plugins and sets the settings that lossless
// needs. On MySQL it also raises a super_read_only that was left down.
func (s *Server) Prepare(ctx context.Context, accounts []Account) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	todo, err := on.missing(ctx, accounts)
	if err != nil || len(todo) == 0 {
		return err
	}
	err = s.apart(ctx, unlogged(lockWait), func(at session) error {
		return s.lifted(ctx, at, func() error { return at.do(ctx, todo...) })
	})
	if err != nil {
		return err
	}
	if todo, err = on.missing(ctx, accounts); err == nil && len(todo) > 0 {
		verb, _, _ := strings.Cut(todo[0].text, "?")
		err = fmt.Errorf("the server did not take: %s", verb)
	}
	return err
}

// missing lists what is still to be done; it changes nothing.
func (s session) missing(ctx context.Context, accounts []Account) ([]statement, error) {
	todo, err := s.missingSupplies(ctx)
	if err != nil {
		return nil, err
	}
	settings, err := s.missingSettings(ctx)
	if err != nil {
		return nil, err
	}
	todo = append(todo, settings...)
	rows, err := s.ask(ctx, say("SELECT table_name AS t FROM information_schema.tables"+
		" WHERE table_schema = ? AND table_name = 'epoch'", home))
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		todo = append(todo, say("CREATE DATABASE IF NOT EXISTS "+home), say(epochTable))
	}
	for _, a := range accounts {
		logins, err := s.logins(ctx, a.User)
		if err != nil {
			return nil, err
		}
		var have *login
		if i := slices.IndexFunc(logins, func(l login) bool { return l.Host == "%" }); i >= 0 {
			have = &logins[i]
		}
		todo = append(todo, s.d.settle(a, have)...)
	}
	up, wanted, err := s.guard(ctx)
	if err == nil && wanted && !up {
		todo = append(todo, s.d.protect())
	}
	return todo, err
}

func (s session) missingSupplies(ctx context.Context) ([]statement, error) {
	var answers [][]row
	for _, question := range s.d.supplies() {
		rows, err := s.ask(ctx, question)
		if err != nil {
			return nil, err
		}
		answers = append(answers, rows)
	}
	return s.d.supply(answers)
}

func (s session) missingSettings(ctx context.Context) ([]statement, error) {
	var columns []string
	for _, want := range s.d.settings() {
		columns = append(columns, "@@global."+want.Name+" AS "+want.Name)
	}
	answer, err := s.askOne(ctx, say("SELECT "+strings.Join(columns, ", ")))
	if err != nil {
		return nil, err
	}
	var todo []statement
	r := reader{row: answer}
	for _, want := range s.d.settings() {
		if r.text(want.Name) != strconv.Itoa(want.Value) {
			todo = append(todo, say("SET GLOBAL "+want.Name+" = ?", want.Value))
		}
	}
	return todo, r.err
}

func (s session) logins(ctx context.Context, user string) ([]login, error) {
	rows, err := s.ask(ctx, s.d.accounts(user))
	if err != nil {
		return nil, err
	}
	var logins []login
	for _, r := range rows {
		l, err := s.d.account(r)
		if err != nil {
			return nil, fmt.Errorf("account %s: %w", user, err)
		}
		logins = append(logins, l)
	}
	return logins, nil
}
