package replication

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// Sentinels: only where somebody branches.
var (
	ErrTooManyConnections = errors.New("too many connections")
	ErrAccessDenied       = errors.New("access denied")
	ErrUnreachable        = errors.New("server does not answer")
	ErrBusy               = errors.New("locks or commits stand in the way")
	ErrApplier            = errors.New("applier stopped")
	ErrPurged             = errors.New("source has purged what is needed")
	ErrDiverged           = errors.New("source lacks what this server holds")
	ErrUnsupported        = errors.New("not supported")
)

// Error is what a server, or a replication thread of it, said.
type Error struct {
	Number int
	Text   string
	kind   error  // one of the sentinels, or nil
	lacks  string // privileges that the account would need
}

// Error names the sentinel and the number; the server's own words only where
// there is no sentinel.
func (e *Error) Error() string {
	switch {
	case e.lacks != "":
		return fmt.Sprintf("%v (%d): it needs %s: see mysql-ha grants", e.kind, e.Number, e.lacks)
	case e.kind != nil:
		return fmt.Sprintf("%v (%d)", e.kind, e.Number)
	}
	return fmt.Sprintf("%s (%d)", e.Text, e.Number)
}

// Unwrap returns the sentinel.
func (e *Error) Unwrap() error { return e.kind }

// Server error numbers. They are the same in both flavours where both have them.
const (
	erConCount            = 1040
	erDBAccessDenied      = 1044
	erAccessDenied        = 1045
	erBadDatabase         = 1049
	erShutdown            = 1053
	erNoSuchThread        = 1094
	erKillDenied          = 1095
	erUnknownTable        = 1109
	erTableAccessDenied   = 1142
	erColumnAccessDenied  = 1143
	erNoSuchTable         = 1146
	erNewAborting         = 1184 // init_connect turned the client away
	erLockOrTransaction   = 1192
	erUserConnections     = 1203
	erLockWaitTimeout     = 1205
	erDeadlock            = 1213
	erUserLimit           = 1226
	erSpecificAccess      = 1227
	erSourceFatalReading  = 1236
	erNoPassword          = 1698
	erMariaDBOutOfOrder   = 1950
	erMariaDBNoSuchQuery  = 1957
	erMariaDBStmtTimeout  = 1969
	erMySQLStmtTimeout    = 3024
	erMySQLAccountLocked  = 3118
	erAccountLocked       = 4151
	erMySQLFatalReading   = 13114 // 1236, as MySQL's receiver reports it
	crServerGone          = 2006
	crConnHost, crConnect = 2003, 2002
	crServerLost          = 2013
)

// kindOf tells what a number means to a caller; nil is "nobody branches on it".
func kindOf(number int, text string) error {
	switch number {
	case erConCount, erUserConnections, erUserLimit, erNewAborting:
		return ErrTooManyConnections
	case erAccessDenied, erDBAccessDenied, erTableAccessDenied, erColumnAccessDenied,
		erSpecificAccess, erKillDenied, erNoPassword, erAccountLocked, erMySQLAccountLocked:
		return ErrAccessDenied
	case erLockWaitTimeout, erLockOrTransaction, erDeadlock:
		return ErrBusy
	case erShutdown, erMariaDBStmtTimeout, erMySQLStmtTimeout,
		crServerGone, crServerLost, crConnHost, crConnect:
		return ErrUnreachable
	case erMariaDBOutOfOrder:
		return ErrDiverged
	case erSourceFatalReading, erMySQLFatalReading:
		return kindOfFatalReading(text)
	}
	return nil
}

// kindOfFatalReading parts the many meanings of 1236 by the server's words.
func kindOfFatalReading(text string) error {
	text = strings.ToLower(text)
	for _, s := range []string{
		"not in the master's binlog", "alternate history", "has diverged", "errant",
		"has more gtids than the master", "has more gtids than the source",
	} {
		if strings.Contains(text, s) {
			return ErrDiverged
		}
	}
	for _, s := range []string{"purged", "could not find gtid state", "could not find first log file"} {
		if strings.Contains(text, s) {
			return ErrPurged
		}
	}
	return nil
}

// lacking finds in the server's words which privilege was missing; "" where it was
// something else that denied access.
func lacking(number int, text string) string {
	switch number {
	case erSpecificAccess:
		_, after, _ := strings.Cut(text, "(at least one of) the ")
		names, _, ok := strings.Cut(after, " privilege")
		if ok {
			return strings.ReplaceAll(names, ", ", " or ")
		}
	case erTableAccessDenied, erColumnAccessDenied:
		verb, after, _ := strings.Cut(text, " command denied to user ")
		if _, where, ok := strings.Cut(after, " for "); ok {
			_, table, _ := strings.Cut(where, "table ")
			return verb + " on " + table
		}
	case erDBAccessDenied:
		if i := strings.LastIndex(text, " to database "); i >= 0 {
			return "rights on" + text[i+len(" to"):]
		}
	case erKillDenied:
		return "CONNECTION ADMIN (and on MySQL SYSTEM_USER)"
	}
	return ""
}

// explain turns what the driver returns into one of ours; the error stays wrapped.
func explain(err error) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*mysql.MySQLError](err); ok {
		number := int(e.Number)
		return &Error{Number: number, Text: e.Message, kind: kindOf(number, e.Message), lacks: lacking(number, e.Message)}
	}
	if _, ok := errors.AsType[net.Error](err); ok ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	return err
}

// Err says what stopped a replication thread, or keeps it from connecting; nil
// when it has no error.
func (t Thread) Err() error {
	if t.Errno == 0 {
		return nil
	}
	return &Error{Number: t.Errno, Text: t.Error, kind: kindOf(t.Errno, t.Error)}
}

// stopped is ErrApplier with the reason, where there is one.
func (t Thread) stopped() error {
	if err := t.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrApplier, err)
	}
	return ErrApplier
}
