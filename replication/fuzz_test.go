package replication

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What a server answers is read as it stands, or not at all: a switch that is not
// understood never reads as off, an unknown delay never as none.
func FuzzObserved(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(files) < 10 {
		f.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.Contains(file, "mariadb"), string(text))
	}
	f.Fuzz(func(t *testing.T, maria bool, text string) {
		all, ok := parseAnswers(text)
		if !ok {
			return
		}
		var speak dialect = mysqld{}
		globals, running, lag := mysqlGlobals, "Replica_IO_Running", "Seconds_Behind_Source"
		if maria {
			speak, globals, running, lag = mariadb{}, mariadbGlobals, "Slave_IO_Running", "Seconds_Behind_Master"
		}
		st, err := speak.observed(all)
		if err != nil {
			return
		}
		if st.Flavour.String() == "" || !st.Received.Contains(st.Executed) || st.Lag != nil && *st.Lag < 0 || st.SemiSync.Timeout < 0 ||
			st.SemiSync.Clients < 0 || st.SemiSync.Waiting < 0 || st.Receiver.Running && st.Receiver.Connecting {
			t.Errorf("%+v", st)
		}
		for _, thread := range []Thread{st.Receiver, st.Applier} {
			if (thread.Err() != nil) != (thread.Errno != 0) {
				t.Errorf("%+v: %v", thread, thread.Err())
			}
		}
		if st.Source != nil {
			if st.Source.Host == "" || st.Source.Password != "" {
				t.Errorf("source %+v", *st.Source)
			}
			if speak.follows(all, Source{Host: st.Source.Host + "x", Port: st.Source.Port, User: st.Source.User, TLS: st.Source.TLS}) {
				t.Errorf("it follows another than %+v", *st.Source)
			}
		}
		whole := all[globals][0]
		if _, writable, err := speak.held(whole); err != nil || writable != st.Writable {
			t.Errorf("held says writable=%t, %v; observed %t", writable, err, st.Writable)
		}
		for _, column := range []string{"version", "server_id", "read_only", "log_bin", "sync_binlog", "event_scheduler"} {
			for _, odd := range []*string{nil, new("\x00")} {
				all[globals][0] = maps.Clone(whole)
				all[globals][0][column] = odd
				if st, err := speak.observed(all); err == nil && (odd == nil || !slices.Contains([]string{"version", "event_scheduler"}, column)) {
					t.Errorf("%s is not understood, and it reads as %+v", column, st)
				}
			}
		}
		all[globals][0] = whole
		if st.Source == nil {
			return
		}
		rows := all[1]
		for _, column := range []string{running, lag} {
			all[1] = slices.Clone(rows)
			for i, r := range rows {
				all[1][i] = maps.Clone(r)
				maps.DeleteFunc(all[1][i], func(name string, _ *string) bool {
					_, renamed := modern(row{name: nil})[column]
					return name == column || renamed
				})
			}
			if st, err := speak.observed(all); err == nil {
				t.Errorf("without %s it reads as %+v", column, st)
			}
		}
	})
}

// The rows about sessions, accounts, and what an account keeps of its password.
func FuzzRows(f *testing.F) {
	f.Add("id: 8\nuser: app\ncommand: Query\nstate: Waiting for semi-sync ACK from replica\nown: 0\ntransaction: 1\nage: 3", "")
	f.Add("id: 9\nuser: system user\ncommand: Daemon\nstate: \nown: NO\ntransaction: 0\nage: 0", "rp")
	f.Add("id: 9\nuser: repl.db2\ncommand: Binlog Dump GTID\nstate: x\nown: 1\ntransaction: 0\nage: 99999999999", "rp")
	f.Add("host: %\npassword: caching_sha2_password 244124303041244718293052787945292560174A08791308637B4941714B6F6850426652596674652E"+
		"4D444A4B486B4647796A66644B702E5234525367626365445671454339\ntls: 1\nlocked: 0\nprivileged: 1\ntables: 4", "rp")
	f.Add("host: %\nplugin: mysql_native_password\npassword: *2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19\ntls: 1\nlocked: true\nprivileges: 2\nours: 1", "password")
	f.Add("host: %\npassword: caching_sha2_password 2441243030302400000000\ntls: 0\nlocked: 0\nprivileged: 0\ntables: 0", strings.Repeat("long", 9))
	dialects := []dialect{mysqld{}, mariadb{}}
	// What is said is the same for every password but for its arguments.
	var known strings.Builder
	for _, speak := range dialects {
		for _, have := range []*login{nil, {}} {
			for _, s := range speak.settle(Account{User: "repl.db1", Password: "another"}, have) {
				known.WriteString(s.text + "\n")
			}
		}
	}
	f.Fuzz(func(t *testing.T, text, password string) {
		one, ok := parseAnswers("-- x\n****\n" + text)
		if !ok || len(one) != 1 || len(one[0]) != 1 {
			return
		}
		answer := one[0][0]
		for _, speak := range dialects {
			if c, err := speak.client(answer); err == nil && (c.ID < 0 || c.Age < 0 || c.Dump && !c.Server) {
				t.Errorf("%+v", c)
			}
			l, err := speak.account(answer)
			// As many thousands of rounds as MySQL allows take seconds, and each costs more
			// with a longer password.
			dear := strings.Contains(l.Password, " 244124") && !strings.Contains(l.Password, " 2441243030")
			if err != nil || password == "" || len(password) > 100 || dear {
				continue
			}
			// Whatever is there, it is settled once and then left alone.
			account := Account{User: "repl.db1", Password: password}
			todo := speak.settle(account, &l)
			if right := !slices.ContainsFunc(todo, func(s statement) bool { return s.secret }); right && !strings.Contains(l.Password, "password ") {
				t.Errorf("%q is taken for the password's", l.Password)
			}
			for _, s := range todo {
				if !strings.Contains(known.String(), s.text+"\n") {
					t.Errorf("it says %q, for this password alone", s.text)
				}
			}
		}
	})
}
