package replication

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

func set(t *testing.T, s string) gtid.Set {
	t.Helper()
	g, err := gtid.ParseMariaDB(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestObserved(t *testing.T) {
	seconds := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	common := State{
		Flavour: gtid.MariaDB, Version: "10.11.19-MariaDB-0+deb12u1-log",
		Durable: Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 1},
	}
	source := &Source{Host: "127.0.0.1", Port: 23001, User: "repl2"}
	runs := Thread{Running: true}
	const outOfOrder = "An attempt was made to binlog GTID 0-1-6 which would create an out-of-order sequence number" +
		" with existing GTID 0-2-6, and gtid strict mode is enabled"
	tests := map[string]func(*State){
		"fresh": func(s *State) {
			s.ServerID, s.Writable = 1, true
			s.SemiSync.Timeout = math.MaxInt64 // as long as it goes
		},
		"replica": func(s *State) {
			s.ServerID, s.Source, s.Receiver, s.Applier, s.Lag = 2, source, runs, runs, seconds(0)
			s.Executed, s.Received = set(t, "0-1-3"), set(t, "0-1-3")
			s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
		},
		"backlog": func(s *State) {
			s.ServerID, s.Source, s.Receiver = 2, source, runs
			s.Executed, s.Received = set(t, "0-1-3"), set(t, "0-1-4")
			s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
		},
		"waiting": func(s *State) {
			s.ServerID, s.Writable = 1, true
			// Includes what nobody acknowledged.
			s.Executed, s.Received = set(t, "0-1-5"), set(t, "0-1-5")
			s.SemiSync = SemiSync{SourceEnabled: true, SourceOn: true, Waiting: 1, Acknowledged: 1, Timeout: math.MaxInt64}
		},
		"connecting": func(s *State) {
			s.ServerID, s.Applier = 2, runs
			s.Source = &Source{Host: "127.0.0.1", Port: 1, User: "repl2"}
			s.Receiver = Thread{Connecting: true, Errno: 2003, Error: "error connecting to master 'repl2@127.0.0.1:1' -" +
				" retry-time: 1  maximum-retries: 100000  message: Can't connect to server on '127.0.0.1' (111 \"Connection refused\")"}
			s.Executed, s.Received = set(t, "0-1-5"), set(t, "0-1-5")
			// The server says so of a receiver that is not connected, too.
			s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
		},
		"diverged": func(s *State) {
			s.ServerID, s.Source, s.Receiver = 2, source, runs
			s.Applier = Thread{Errno: 1950, Error: outOfOrder}
			s.Executed, s.Received = set(t, "0-1-5,0-2-6"), set(t, "0-1-6,0-2-6")
			s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
		},
		"multi": func(s *State) {
			s.ServerID = 3
			s.Executed, s.Received = set(t, "0-3-3"), set(t, "0-3-3")
			s.Refused = "multi-source connection east, multi-source connection west"
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			server := mariadb1011
			want := common
			want.SemiSync.Timeout = 10 * time.Second
			change(&want)
			got, err := mariadb{}.observed(answers(t, server, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

// The same questions to a later version.
func TestObservedByMariaDB118(t *testing.T) {
	const server = "mariadb-11.8"
	for name, change := range map[string]func(*State){
		"fresh": func(s *State) { s.ServerID, s.Writable = 1, true },
		"replica": func(s *State) {
			s.ServerID, s.Lag = 2, new(time.Duration)
			s.Source = &Source{Host: "127.0.0.1", Port: 23311, User: "repl2"}
			s.Receiver, s.Applier = Thread{Running: true}, Thread{Running: true}
			s.Executed, s.Received = set(t, "0-1-3"), set(t, "0-1-3")
			s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
		},
		"waiting": func(s *State) {
			s.ServerID, s.Writable = 1, true
			s.Executed, s.Received = set(t, "0-1-4"), set(t, "0-1-4")
			s.SemiSync = SemiSync{SourceEnabled: true, SourceOn: true, Waiting: 1, Timeout: math.MaxInt64}
		},
	} {
		t.Run(name, func(t *testing.T) {
			want := State{
				Flavour: gtid.MariaDB, Version: "11.8.9-MariaDB-0+deb13u1 from Debian-log", SemiSync: SemiSync{Timeout: 10 * time.Second},
				Durable: Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 1},
			}
			change(&want)
			got, err := mariadb{}.observed(answers(t, server, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
}

// What is not in the answer is an error, never a default.
func TestObservedMissing(t *testing.T) {
	optional := append(slices.Clone(mariadbFilters),
		// Only read where TLS is on, or by follows.
		"Master_SSL_CA_File", "Master_SSL_Cert", "Master_SSL_Key", "Using_Gtid")
	used := 0
	for i, rows := range answers(t, mariadb1011, "replica") {
		if i == mariadbSemiSync {
			continue
		}
		for column := range rows[0] {
			all := answers(t, mariadb1011, "replica")
			delete(all[i][0], column)
			if _, err := (mariadb{}).observed(all); err != nil {
				used++
				if !strings.Contains(err.Error(), column) {
					t.Errorf("without %s: %v", column, err)
				}
			} else if i == mariadbGlobals && !slices.Contains(optional, column) {
				t.Errorf("without %s: no error", column)
			}
		}
	}
	if want := len(mariadbVariables) + 13; used != want {
		t.Errorf("%d columns are needed, want %d", used, want)
	}
	for i := range answers(t, mariadb1011, "replica")[mariadbSemiSync] {
		all := answers(t, mariadb1011, "replica")
		name := *all[mariadbSemiSync][i]["Variable_name"]
		all[mariadbSemiSync] = slices.Delete(all[mariadbSemiSync], i, i+1)
		_, err := mariadb{}.observed(all)
		need := slices.Contains([]string{
			"Rpl_semi_sync_master_status", "Rpl_semi_sync_master_clients",
			"Rpl_semi_sync_master_wait_sessions", "Rpl_semi_sync_master_yes_tx", "Rpl_semi_sync_slave_status",
		}, name)
		if need != (err != nil) {
			t.Errorf("without %s: %v", name, err)
		}
	}
	if _, err := (mariadb{}).observed(nil); err == nil {
		t.Error("no answer is a state")
	}
}

func TestWritable(t *testing.T) {
	for text, want := range map[string]bool{"0": true, "OFF": true, "1": false, "ON": false, "NO_LOCK": false, "NO_LOCK_NO_ADMIN": false} {
		r := reader{row: row{"read_only": &text}}
		if got := r.writable(); got != want || r.err != nil {
			t.Errorf("%s: %v, %v", text, got, r.err)
		}
	}
	for _, text := range []string{"", "2", "MAYBE"} {
		r := reader{row: row{"read_only": &text}}
		if r.writable() || r.err == nil {
			t.Errorf("%q was understood", text)
		}
	}
	r := reader{row: row{"read_only": nil}}
	if r.writable() || r.err == nil {
		t.Error("NULL was understood")
	}
}

func TestFollows(t *testing.T) {
	all := answers(t, mariadb1011, "replica")
	same := Source{Host: "127.0.0.1", Port: 23001, User: "repl2"}
	if !(mariadb{}).follows(all, same) {
		t.Error("does not see what it follows")
	}
	for _, other := range []Source{
		{Host: "127.0.0.2", Port: 23001, User: "repl2"},
		{Host: "127.0.0.1", Port: 23002, User: "repl2"},
		{Host: "127.0.0.1", Port: 23001, User: "repl1"},
		{Host: "127.0.0.1", Port: 23001, User: "repl2", TLS: &TLS{}},
	} {
		if (mariadb{}).follows(all, other) {
			t.Errorf("follows %+v", other)
		}
	}
	byFile := "No"
	all[mariadbReplica][0]["Using_Gtid"] = &byFile
	if (mariadb{}).follows(all, same) || (mariadb{}).follows(answers(t, mariadb1011, "fresh"), same) {
		t.Error("follows by file and position, or nobody")
	}
}

func TestClient(t *testing.T) {
	session := func(user, command, state, transaction string) row {
		id, query, own := "7", "9", "0"
		return row{"id": &id, "query_id": &query, "user": &user, "command": &command, "state": &state, "own": &own, "transaction": &transaction, "age": &own}
	}
	tests := []struct {
		row  row
		want client
	}{
		{session("app", "Sleep", "", "0"), client{}},
		{session("app", "Sleep", "", "1"), client{Busy: true}},
		{session("app", "Query", "Updating", "1"), client{Busy: true}},
		{session("app", "Query", "Waiting for semi-sync ACK from slave", "1"), client{Busy: true, Waits: true}},
		{session("app", "Killed", "Commit", "1"), client{Busy: true, Commits: true}},
		{session("app", "Query", "Writing to binlog", "0"), client{Busy: true, Commits: true}},
		{session("repl", "Binlog Dump", "Master has sent all", "0"), client{Busy: true, Dump: true, Server: true}},
		{session("system user", "Slave_IO", "Waiting", "0"), client{Busy: true, Server: true}},
		{session("event_scheduler", "Daemon", "Waiting on empty queue", "0"), client{Busy: true, Server: true}},
	}
	for _, tt := range tests {
		tt.want.ID, tt.want.Query, tt.want.User = 7, 9, *tt.row["user"]
		got, err := mariadb{}.client(tt.row)
		if err != nil || got != tt.want {
			t.Errorf("%s %s: %+v, %v; want %+v", tt.want.User, *tt.row["state"], got, err, tt.want)
		}
	}
}

func TestMarker(t *testing.T) {
	answer := row{}
	for k, v := range map[string]string{
		"gtid_binlog_state": "0-1-100,0-2-90,1-1-7", "gtid_slave_pos": "0-2-101", "gtid_domain_id": "0", "server_id": "1",
	} {
		answer[k] = &v
	}
	for seen, want := range map[string]uint64{"": 102, "0-3-500": 501, "1-1-900": 102} {
		e, executed, err := mariadb{}.marker(answer, set(t, seen))
		if err != nil || e != (gtid.Entry{Domain: 0, Server: 1, Seq: want}) {
			t.Errorf("seen %s: %v, %v; want %d", seen, e, err, want)
		}
		if got := executed.String(); got != "0-1-100,0-2-101,1-1-7" {
			t.Errorf("executed %s", got)
		}
	}
}

// The statements as they are said: one place to see them all.
func TestStatements(t *testing.T) {
	m := mariadb{}
	src := Source{Host: "db1", Port: 3306, User: "repl", Password: "s3cret", TLS: &TLS{CA: "/ca.pem", Cert: "/c.pem", Key: "/k.pem"}}
	account := Account{User: "repl", Password: "s3cret", RequireTLS: true}
	closed := door{limit: 151}.change(true, m.turn())
	intents := map[string][]statement{
		"look":           m.look(),
		"position":       {m.position()},
		"start":          {m.start(true, true), m.start(true, false), m.start(false, true)},
		"stop":           {m.stop(true, true), m.stop(true, false), m.stop(false, true)},
		"follow":         m.follow(src, set(t, "0-1-5,0-2-6,1-1-3")),
		"detach":         m.detach(),
		"point":          append(m.point("relay.000002", 621, true), m.point("relay.000002", 621, false)...),
		"unpoint":        append(m.unpoint(true), m.unpoint(false)...),
		"discreet":       m.discreet(),
		"unlogged":       m.unlogged(time.Second),
		"patient":        m.patient(time.Second),
		"protect":        {m.protect(), m.unprotect()},
		"sessions":       {m.sessions(), m.kill(7)},
		"asleep":         {m.asleep()},
		"door":           append([]statement{doorState(), closed}, m.bar()...),
		"arm source":     m.armSource(true),
		"disarm source":  m.armSource(false),
		"arm replica":    m.armReplica(true),
		"disarm replica": m.armReplica(false),
		"mark":           append(append([]statement{m.marking()}, m.mark(gtid.Entry{Domain: 0, Server: 1, Seq: 101})...), m.marked()),
		"accounts":       {m.accounts("repl")},
		"settle new":     m.settle(account, nil),
		"settle changed": m.settle(account, &login{Host: "%", Password: "ed25519 x", Privileged: true}),
		"settle nothing": m.settle(account, &login{Host: "%", Password: "mysql_native_password " + nativeHash("s3cret"), TLS: true, Privileged: true}),
		"nudge":          append(m.release(client{Query: 9}), m.nudge()),
		"lock":           {m.lock("repl", "%", true), m.lock("repl", "%", false)},
	}
	golden(t, mariadb1011, intents)
	golden(t, "mariadb-11.8", intents)
}

func TestNativeHash(t *testing.T) {
	// SELECT PASSWORD('x1')
	if got := nativeHash("x1"); got != "*6891F9D51EB5A38D1BB310DDBC6379A189A4F575" {
		t.Errorf("hash %s", got)
	}
	if got := nativeHash(""); got != "" {
		t.Errorf("hash of nothing %q", got)
	}
}
