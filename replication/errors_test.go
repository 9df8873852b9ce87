package replication

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func TestThreadErr(t *testing.T) {
	const wrap = "Got fatal error 1236 from master when reading data from binary log: '"
	tests := []struct {
		thread Thread
		want   error
		text   string
	}{
		{Thread{Errno: 1045, Error: "error connecting to master"}, ErrAccessDenied, "access denied (1045)"},
		{Thread{Errno: 4151, Error: "Access denied, this account is locked"}, ErrAccessDenied, "access denied (4151)"},
		{Thread{Errno: 2003, Error: "Can't connect"}, ErrUnreachable, "server does not answer (2003)"},
		{Thread{Errno: 1950, Error: "out-of-order"}, ErrDiverged, "source lacks what this server holds (1950)"},
		{Thread{Errno: 1236, Error: wrap + "Error: connecting slave requested to start from GTID 0-2-3, which is not in the" +
			" master's binlog. Since the master's binlog contains GTIDs with higher sequence numbers, it probably means that" +
			" the slave has diverged due to executing extra erroneous transactions'"}, ErrDiverged, "source lacks what this server holds (1236)"},
		{Thread{Errno: 1236, Error: wrap + "Could not find GTID state requested by slave in any binlog files. Probably the slave" +
			" state is too old and required binlog files have been purged.'"}, ErrPurged, "source has purged what is needed (1236)"},
		{Thread{Errno: 1236, Error: wrap + "log event entry exceeded max_allowed_packet'"}, nil, wrap + "log event entry exceeded max_allowed_packet' (1236)"},
		{Thread{Errno: 1062, Error: "Duplicate entry"}, nil, "Duplicate entry (1062)"},
	}
	for _, tt := range tests {
		err := tt.thread.Err()
		if err == nil || err.Error() != tt.text || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%d: %v, want %s", tt.thread.Errno, err, tt.text)
		}
		if err := tt.thread.stopped(); !errors.Is(err, ErrApplier) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%d: %v", tt.thread.Errno, err)
		}
	}
	if err := (Thread{}).Err(); err != nil {
		t.Errorf("no error: %v", err)
	}
	if err := (Thread{}).stopped(); !errors.Is(err, ErrApplier) {
		t.Errorf("stopped: %v", err)
	}
}

func TestExplain(t *testing.T) {
	for number, want := range map[uint16]error{
		1040: ErrTooManyConnections, 1203: ErrTooManyConnections, 1184: ErrTooManyConnections,
		1045: ErrAccessDenied, 1698: ErrAccessDenied, 1227: ErrAccessDenied, 1205: ErrBusy, 1192: ErrBusy, 1969: ErrUnreachable, 1053: ErrUnreachable,
	} {
		if err := explain(&mysql.MySQLError{Number: number}); !errors.Is(err, want) {
			t.Errorf("%d: %v, want %v", number, err, want)
		}
	}
	for _, err := range []error{context.DeadlineExceeded, mysql.ErrInvalidConn} {
		if got := explain(err); !errors.Is(got, ErrUnreachable) || !errors.Is(got, err) {
			t.Errorf("%v: %v", err, got)
		}
	}
	if err := explain(context.Canceled); errors.Is(err, ErrUnreachable) {
		t.Errorf("cancelled by us: %v", err)
	}
	if explain(nil) != nil {
		t.Error("nil is an error")
	}
}

// The server repeats parts of a statement it does not understand.
func TestSecretsStayOut(t *testing.T) {
	said := &mysql.MySQLError{Number: 1064, Message: "syntax error near 's3cret'"}
	err := secretly("CHANGE MASTER TO MASTER_PASSWORD=?", "s3cret").explain(said)
	if err == nil || strings.Contains(err.Error(), "s3cret") || err.Error() != "change failed (1064)" {
		t.Errorf("%v", err)
	}
	for ; err != nil; err = errors.Unwrap(err) {
		if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("wrapped: %v", err)
		}
	}
	if err := say("SELECT").explain(said); !strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the server's words are lost: %v", err)
	}
}

// A missing privilege is named, with where to read what is needed.
func TestLacking(t *testing.T) {
	for _, tt := range []struct {
		number uint16
		text   string
		want   string
	}{
		{
			1227, "Access denied; you need (at least one of) the SUPER, CONNECTION ADMIN privilege(s) for this operation",
			"access denied (1227): it needs SUPER or CONNECTION ADMIN: see mysql-ha grants",
		},
		{
			1227, "Access denied; you need (at least one of) the SYSTEM_VARIABLES_ADMIN or SUPER privilege(s) for this operation",
			"access denied (1227): it needs SYSTEM_VARIABLES_ADMIN or SUPER: see mysql-ha grants",
		},
		{1227, "Zugriff verweigert", "access denied (1227)"},
		{
			1142, "SELECT command denied to user 'mysql-ha'@'localhost' for table `mysql`.`global_priv`",
			"access denied (1142): it needs SELECT on `mysql`.`global_priv`: see mysql-ha grants",
		},
		{
			1142, "INSERT command denied to user 'mysql-ha'@'localhost' for table 'plugin'",
			"access denied (1142): it needs INSERT on 'plugin': see mysql-ha grants",
		},
		{
			1044, "Access denied for user 'mysql-ha'@'localhost' to database 'mysql_ha'",
			"access denied (1044): it needs rights on database 'mysql_ha': see mysql-ha grants",
		},
		{1045, "Access denied for user 'mysql-ha'@'localhost' (using password: YES)", "access denied (1045)"},
	} {
		err := explain(&mysql.MySQLError{Number: tt.number, Message: tt.text})
		if err.Error() != tt.want || !errors.Is(err, ErrAccessDenied) {
			t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
		}
	}
}
