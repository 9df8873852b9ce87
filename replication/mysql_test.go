package replication

import (
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

const mysql97 = "mysql-9.7"

// The servers that the goldens are for; 8.0 stands for all before 8.0.22.
var (
	can80 = capabilities{Processlist: true, Rounds: 5000}
	can84 = capabilities{Replica: true, Source: true, Variables: true, Processlist: true, Rounds: 5000}
	can97 = capabilities{Replica: true, Source: true, Variables: true, Processlist: true, Rounds: 10000}
)

func mysqlSet(t *testing.T, s string) gtid.Set {
	t.Helper()
	g, err := gtid.ParseMySQL(s)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestObservedByMySQL(t *testing.T) {
	const first, second = "a09369a5-e99e-11f1-8904-02fc00000001:", "a3095a18-e99e-11f1-a489-02fc00000001:"
	source := &Source{Host: "127.0.0.1", Port: 23301, User: "repl2"}
	runs := Thread{Running: true}
	holds := func(s *State, executed, received string) {
		s.Executed, s.Received = mysqlSet(t, executed), mysqlSet(t, received)
	}
	replica := func(s *State) {
		s.ServerID, s.Source, s.Receiver, s.Applier, s.Lag = 2, source, runs, runs, new(time.Duration)
		s.SemiSync.ReplicaEnabled, s.SemiSync.ReplicaOn = true, true
	}
	tests := map[string]func(*State){
		"fresh": func(s *State) { // no plugin is loaded
			s.ServerID, s.Writable, s.SemiSync.Timeout = 1, true, 0
		},
		"replica": func(s *State) {
			replica(s)
			holds(s, first+"1-3", first+"1-3")
			s.Fetched = s.Received
		},
		"backlog": func(s *State) {
			replica(s)
			s.Applier, s.Lag = Thread{}, nil
			holds(s, first+"1-3", first+"1-4")
			s.Fetched = s.Received
		},
		"waiting": func(s *State) {
			s.ServerID, s.Writable = 1, true
			holds(s, first+"1-4", first+"1-4") // not what nobody acknowledged
			// The dump thread has not noticed yet that its replica is gone.
			s.SemiSync = SemiSync{SourceEnabled: true, SourceOn: true, Waiting: 1, Clients: 1, Timeout: math.MaxInt64}
		},
		"connecting": func(s *State) {
			replica(s)
			s.Source = &Source{Host: "127.0.0.1", Port: 1, User: "repl2"}
			s.Receiver = Thread{Connecting: true, Errno: 2003, Error: "Error connecting to source 'repl2@127.0.0.1:1'." +
				" This was attempt 1/0, with a delay of 1 seconds between attempts." +
				" Message: Can't connect to MySQL server on '127.0.0.1:1' (111)"}
			s.Lag = nil
			holds(s, first+"1-6,"+second+"1", first+"1-6,"+second+"1")
		},
		"conflict": func(s *State) { // the worker's words, not the coordinator's
			replica(s)
			s.Lag = nil
			s.Applier = Thread{Errno: 1062, Error: "Worker 1 failed executing transaction '" + first + "6' at source log" +
				" binlog.000001, end_log_pos 1557; Could not execute Write_rows event on table d.t; Duplicate entry '4' for key" +
				" 't.PRIMARY', Error_code: 1062; handler error HA_ERR_FOUND_DUPP_KEY; the event's source log binlog.000001, end_log_pos 1557"}
			holds(s, first+"1-5", first+"1-6")
			s.Fetched = s.Received
		},
		"multi": func(s *State) {
			s.ServerID = 2
			s.SemiSync.ReplicaEnabled = true
			holds(s, first+"1-6,"+second+"1", first+"1-6,"+second+"1")
			s.Refused = "multi-source channel east, multi-source channel west, replication filter replicate_do_db"
		},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			want := State{
				Flavour: gtid.MySQL, Version: "9.7.4-2", SemiSync: SemiSync{Timeout: 10 * time.Second},
				Durable: Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 10000},
			}
			change(&want)
			got, err := mysqld{can97}.observed(answers(t, mysql97, name))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
		})
	}
	// A worker that tells of no error does not hide the one that the coordinator has.
	all := answers(t, mysql97, "conflict")
	all[mysqlWorkers][0]["number"] = new("0")
	if st, err := (mysqld{can97}).observed(all); err != nil || st.Applier.Errno == 0 {
		t.Errorf("a worker without an error: %+v, %v", st.Applier, err)
	}
	st, err := mysqld{can97}.observed(answers(t, mysql97, "diverged"))
	if err != nil || !errors.Is(st.Receiver.Err(), ErrDiverged) || st.Receiver.Errno != 13114 {
		t.Errorf("diverged: %+v, %v", st.Receiver, err)
	}
}

// What SHOW SLAVE STATUS and the old plugins call the same.
func TestObservedByOldMySQL(t *testing.T) {
	old := func(text string) string {
		return strings.NewReplacer("Get_Source", "Get_master", "Source_public", "Master_public", "Source", "Master",
			"Replica", "Slave", "_source", "_master", "_replica", "_slave").Replace(text)
	}
	for _, name := range []string{"fresh", "replica", "backlog", "waiting", "connecting", "multi"} {
		want, err := mysqld{can97}.observed(answers(t, mysql97, name))
		if err != nil {
			t.Fatal(err)
		}
		all := answers(t, mysql97, name)
		for _, i := range []int{mysqlReplica, mysqlSettings, mysqlSemiSync} {
			for k, rows := range all[i] {
				changed := row{}
				for column, value := range rows {
					if column == "Variable_name" {
						renamed := old(*value)
						value = &renamed
					}
					if i == mysqlReplica {
						column = old(column)
					}
					changed[column] = value
				}
				all[i][k] = changed
			}
		}
		got, err := mysqld{can80}.observed(all)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: state (-new +old):\n%s", name, diff)
		}
	}
}

func TestObservedByMySQLMissing(t *testing.T) {
	m := mysqld{can97}
	used := 0
	for i, rows := range answers(t, mysql97, "replica") {
		if i > mysqlReplica {
			continue
		}
		for column := range rows[0] {
			all := answers(t, mysql97, "replica")
			delete(all[i][0], column)
			if _, err := m.observed(all); err != nil {
				used++
				if !strings.Contains(err.Error(), column) {
					t.Errorf("without %s: %v", column, err)
				}
			} else if i == mysqlGlobals {
				t.Errorf("without %s: no error", column)
			}
		}
	}
	if want := len(mysqlVariables) + 1 + 15; used != want {
		t.Errorf("%d columns are needed, want %d", used, want)
	}
	need := []string{
		"rpl_semi_sync_source_timeout", "Rpl_semi_sync_source_status", "Rpl_semi_sync_source_clients",
		"Rpl_semi_sync_source_wait_sessions", "Rpl_semi_sync_source_yes_tx", "Rpl_semi_sync_replica_status",
	}
	for _, i := range []int{mysqlSettings, mysqlSemiSync} {
		for k := range answers(t, mysql97, "replica")[i] {
			all := answers(t, mysql97, "replica")
			name := *all[i][k]["Variable_name"]
			all[i] = slices.Delete(all[i], k, k+1)
			if _, err := m.observed(all); slices.Contains(need, name) != (err != nil) {
				t.Errorf("without %s: %v", name, err)
			}
		}
	}
	if _, err := m.observed(nil); err == nil {
		t.Error("no answer is a state")
	}
}

func TestRefusedByMySQL(t *testing.T) {
	for column, want := range map[string]string{
		"log_bin": "log_bin is off", "log_replica_updates": "log_replica_updates is off",
		"performance_schema": "performance_schema is off", "gtid_mode": "gtid_mode is off_permissive",
	} {
		all := answers(t, mysql97, "replica")
		text := "0"
		if column == "gtid_mode" {
			text = "OFF_PERMISSIVE"
		}
		all[mysqlGlobals][0][column] = &text
		if st, err := (mysqld{can97}).observed(all); err != nil || st.Refused != want {
			t.Errorf("%s: refused %q, %v", column, st.Refused, err)
		}
	}
}

func TestFollowsByMySQL(t *testing.T) {
	m := mysqld{can97}
	all := answers(t, mysql97, "replica")
	same := Source{Host: "127.0.0.1", Port: 23301, User: "repl2"}
	if !m.follows(all, same) {
		t.Error("does not see what it follows")
	}
	for _, other := range []Source{
		{Host: "127.0.0.2", Port: 23301, User: "repl2"},
		{Host: "127.0.0.1", Port: 23302, User: "repl2"},
		{Host: "127.0.0.1", Port: 23301, User: "repl1"},
		{Host: "127.0.0.1", Port: 23301, User: "repl2", TLS: &TLS{}},
	} {
		if m.follows(all, other) {
			t.Errorf("follows %+v", other)
		}
	}
	for column, value := range map[string]string{"Auto_Position": "0", "Source_Retry_Count": "10"} {
		all := answers(t, mysql97, "replica")
		all[mysqlReplica][0][column] = &value
		if m.follows(all, same) {
			t.Errorf("follows with %s %s", column, value)
		}
	}
	if m.follows(answers(t, mysql97, "fresh"), same) {
		t.Error("follows nobody")
	}
}

func TestClientOfMySQL(t *testing.T) {
	session := func(user, command, state, transaction string) row {
		id, own := "7", "0"
		return row{"id": &id, "user": &user, "command": &command, "state": &state, "own": &own, "transaction": &transaction, "age": &own}
	}
	tests := []struct {
		row  row
		want client
	}{
		{session("app", "Sleep", "", "0"), client{}},
		{session("app", "Sleep", "", "1"), client{Busy: true}},
		{session("app", "Query", "updating", "1"), client{Busy: true}},
		{session("app", "Query", "Waiting for semi-sync ACK from replica", "1"), client{Busy: true, Waits: true}},
		{session("app", "Query", "Waiting for semi-sync ACK from slave", "1"), client{Busy: true, Waits: true}}, // before 8.0.26
		{session("app", "Killed", "waiting for handler commit", "1"), client{Busy: true, Commits: true}},
		{session("repl", "Binlog Dump GTID", "Source has sent all binlog to replica", "0"), client{Busy: true, Dump: true, Server: true}},
		{session("system user", "Connect", "Waiting for source to send event", "0"), client{Server: true}},
		{session("event_scheduler", "Daemon", "Waiting on empty queue", "0"), client{Busy: true, Server: true}},
	}
	for _, tt := range tests {
		tt.want.ID, tt.want.User = 7, *tt.row["user"]
		got, err := mysqld{}.client(tt.row)
		if err != nil || got != tt.want {
			t.Errorf("%s %s: %+v, %v; want %+v", tt.want.User, *tt.row["state"], got, err, tt.want)
		}
	}
}

func TestMarkerOfMySQL(t *testing.T) {
	const uuid = "a09369a5-e99e-11f1-8904-02fc00000001:"
	answer := func(executed string) row { return row{"gtid_executed": &executed} }
	e, executed, err := mysqld{}.marker(answer(uuid+"1-5"), mysqlSet(t, uuid+"1-900"))
	if err != nil || e != (gtid.Entry{}) || executed.String() != uuid+"1-5" {
		t.Errorf("marker %v, executed %v, %v", e, executed, err)
	}
	start := Epoch{Start: mysqlSet(t, uuid+"1-5")}
	if err := (mysqld{}).written(answer(uuid+"1-6"), start); err != nil {
		t.Errorf("written: %v", err)
	}
	if err := (mysqld{}).written(answer(uuid+"1-5"), start); err == nil {
		t.Error("a row that no replica gets counts as written")
	}
}

func TestCapable(t *testing.T) {
	sign := func(name, value string) row { return row{"name": &name, "value": &value} }
	all := []row{
		sign(wordReplica, ""), sign(wordSource, ""), sign("log_replica_updates", "ON"), sign("PROCESSLIST", ""), sign(mysqlRounds, "10000"),
	}
	for _, tt := range []struct {
		signs []row
		want  capabilities
	}{
		{all, can97},
		{append(slices.Clone(all[:4]), sign(mysqlRounds, "5000")), can84},
		{all[3:4], can80},
		{nil, capabilities{Rounds: 5000}},
		{append(slices.Clone(all), sign("rpl_semi_sync_slave_enabled", "OFF")), capabilities{true, true, true, true, true, 10000}},
	} {
		if got, err := capable(tt.signs); err != nil || got != tt.want {
			t.Errorf("%+v, %v; want %+v", got, err, tt.want)
		}
	}
	if _, err := capable([]row{sign(mysqlRounds, "many")}); err == nil {
		t.Error("not a number, and no error")
	}
}

func TestSupply(t *testing.T) {
	plugin := func(name, status string) row { return row{"name": &name, "status": &status} }
	source, replica := plugin("rpl_semi_sync_source", "ACTIVE"), plugin("rpl_semi_sync_replica", "ACTIVE")
	for want, have := range map[int][]row{0: {source, replica}, 1: {source}, 2: nil} {
		if todo, err := (mysqld{can97}).supply([][]row{have}); err != nil || len(todo) != want {
			t.Errorf("%d statements, %v; want %d", len(todo), err, want)
		}
	}
	if _, err := (mysqld{can97}).supply([][]row{{source, plugin("rpl_semi_sync_replica", "DISABLED")}}); err == nil {
		t.Error("a disabled plugin counts as there")
	}
}

func TestStatementsOfMySQL(t *testing.T) {
	for server, can := range map[string]capabilities{"mysql-8.0": can80, "mysql-8.4": can84, mysql97: can97} {
		m := mysqld{can}
		src := Source{Host: "db1", Port: 3306, User: "repl", Password: "s3cret", TLS: &TLS{CA: "/ca.pem", Cert: "/c.pem", Key: "/k.pem"}}
		account := Account{User: "repl", Password: "s3cret", RequireTLS: true}
		closed := door{limit: 151}.change(true, m.turn())
		supply, _ := m.supply(nil)
		right := &login{Host: "%", Password: "caching_sha2_password " + hex.EncodeToString([]byte(sha2Hash("s3cret", 5000))), TLS: true, Privileged: true}
		settings := []statement{}
		for _, s := range m.settings() {
			settings = append(settings, say(s.Name, s.Value))
		}
		golden(t, server, map[string][]statement{
			"signs":          {mysqlSigns()},
			"look":           m.look(),
			"limited":        {say(m.limited("SELECT 1", time.Second)), say(m.limited("SHOW GLOBAL STATUS", time.Second))},
			"position":       {m.position()},
			"start":          {m.start(true, true), m.start(true, false), m.start(false, true)},
			"stop":           {m.stop(true, true), m.stop(true, false), m.stop(false, true)},
			"follow":         m.follow(src, gtid.Set{}),
			"detach":         m.detach(),
			"point":          append(m.point("relay.000002", 621, true), m.unpoint(true)...),
			"unlogged":       m.unlogged(time.Second),
			"patient":        m.patient(time.Second),
			"protect":        {m.protect(), m.unprotect(), m.lift()},
			"sessions":       {m.sessions(), m.kill(7)},
			"asleep":         {m.asleep()},
			"door":           append([]statement{doorState(), closed}, m.bar()...),
			"arm source":     m.armSource(true),
			"disarm source":  m.armSource(false),
			"arm replica":    m.armReplica(true),
			"disarm replica": m.armReplica(false),
			"mark":           append(append([]statement{m.marking()}, m.mark(gtid.Entry{})...), m.marked()),
			"nudge":          {m.nudge()},
			"suiting":        {m.suiting()},
			"settings":       settings,
			"supply":         append(m.supplies(), supply...),
			"accounts":       {m.accounts("repl")},
			"settle new":     m.settle(account, nil),
			"settle changed": m.settle(account, &login{Host: "%", Password: "mysql_native_password 2A", Privileged: true}),
			"settle nothing": m.settle(account, right),
			"lock":           {m.lock("repl", "%", true), m.lock("repl", "%", false)},
		})
	}
}

// As a source says it while commits wait, with a tag and with two of one server.
func TestPending(t *testing.T) {
	const a, b = "a09369a5-e99e-11f1-8904-02fc00000001", "a3095a18-e99e-11f1-a489-02fc00000001"
	for owned, want := range map[string]string{
		"": "", a + ":7#24": a + ":7", a + ":7#24:5#19:6#20," + b + ":blue:1#3": a + ":5-7," + b + ":blue:1",
	} {
		got, err := mysqld{can97}.pending(row{"gtid_owned": &owned})
		if err != nil || !got.Equal(mysqlSet(t, want)) {
			t.Errorf("%q: %s, %v", owned, got, err)
		}
	}
	for _, odd := range []*string{nil, new("what is this")} {
		if got, err := (mysqld{can97}).pending(row{"gtid_owned": odd}); err == nil {
			t.Errorf("%v is not understood, and reads as %s", odd, got)
		}
	}
}
