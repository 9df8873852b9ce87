package replication

import (
	"maps"
	"strings"
	"testing"
)

// suitable is a running server's answer, of either flavour.
func suitable(change map[string]string) row {
	all := map[string]string{
		"datadir": "/var/lib/mysql/", "port": "3306", "skip_networking": "0", "bind_address": "*", "server_id": "42",
		"binlog_format": "ROW", "event_scheduler": "OFF", "log_bin": "/var/lib/mysql/binlog", "relay_log": "/var/lib/mysql/relay-bin",
		"binlog_encryption": "OFF", "applier": "OFF",
	}
	maps.Copy(all, change)
	r := row{}
	for name, value := range all {
		r[name] = &value
	}
	return r
}

func TestSuited(t *testing.T) {
	layout := Layout{
		Datadir: "/var/lib/mysql", Port: 3306, BinaryLog: "/var/lib/mysql/binlog", RelayLog: "relay-bin", ServerID: 42,
	}
	tests := map[string]struct {
		change    map[string]string
		why       string   // of both
		mariadb   []string // what is still to be set
		mysql     []string
		mysqlOnly string // why, of MySQL alone
	}{
		"as it should be":        {},
		"on all but loopback":    {change: map[string]string{"bind_address": "127.0.0.1,10.0.0.1"}},
		"on nothing in words":    {change: map[string]string{"bind_address": ""}},
		"elsewhere":              {change: map[string]string{"datadir": "/srv/mysql/"}, why: "the server at the socket has datadir="},
		"another port":           {change: map[string]string{"port": "3307"}, why: "port is 3307"},
		"no network":             {change: map[string]string{"skip_networking": "1"}, why: "skip_networking is on"},
		"loopback":               {change: map[string]string{"bind_address": "127.0.0.1"}, why: "bind_address is 127.0.0.1"},
		"loopback, a list":       {change: map[string]string{"bind_address": "127.0.0.1, ::1,localhost"}, why: "bind_address is"},
		"another binary log":     {change: map[string]string{"log_bin": "/var/lib/mysql/mysql-bin"}, why: "binary logs are at"},
		"another relay log":      {change: map[string]string{"relay_log": "/var/lib/mysql/db1-relay-bin"}, why: "relay logs are at"},
		"no relay log":           {change: map[string]string{"relay_log": ""}, why: "relay logs are at"},
		"a number of somebody's": {change: map[string]string{"server_id": "1"}, mariadb: []string{"server_id"}, mysql: []string{"server_id"}},
		"events":                 {change: map[string]string{"event_scheduler": "ON"}, mariadb: []string{"event_scheduler"}, mysql: []string{"event_scheduler"}},
		"no events at all":       {change: map[string]string{"event_scheduler": "DISABLED"}},
		"statements":             {change: map[string]string{"binlog_format": "MIXED"}, mariadb: []string{"binlog_format"}, mysql: []string{"binlog_format"}},
		"statements, applying": {
			change: map[string]string{"binlog_format": "MIXED", "applier": "ON"}, mariadb: []string{"binlog_format"},
			mysql: []string{"STOP REPLICA SQL_THREAD", "binlog_format", "START REPLICA SQL_THREAD"},
		},
		"encrypted": {change: map[string]string{"binlog_encryption": "ON"}, mysqlOnly: "binlog_encryption is on"},
	}
	for name, tt := range tests {
		for flavour, d := range map[string]suiter{"mariadb": mariadb{}, "mysql": mysqld{can97}} {
			want, expect := tt.mariadb, tt.why
			if flavour == "mysql" {
				want, expect = tt.mysql, tt.why+tt.mysqlOnly
			}
			why, todo, err := d.suited(suitable(tt.change), layout)
			if err != nil || !strings.HasPrefix(why, expect) || (expect == "") != (why == "") || len(todo) != len(want) {
				t.Errorf("%s, %s: %q, %v, %v; want %q, %v", name, flavour, why, todo, err, expect, want)
				continue
			}
			for i, st := range todo {
				if !strings.Contains(st.text, want[i]) {
					t.Errorf("%s, %s: %s; want %s", name, flavour, st.text, want[i])
				}
			}
		}
	}
	for column := range suitable(nil) {
		answer := suitable(nil)
		delete(answer, column)
		if _, _, err := (mysqld{can97}).suited(answer, layout); err == nil {
			t.Errorf("without %s: no error", column)
		}
	}
}
