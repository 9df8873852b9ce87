package server_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
)

func TestArm(t *testing.T) { each(t, testArm) }

func testArm(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	twice(t, func() error { return replica.ArmReplica(replica.ctx(), true) })
	twice(t, func() error { return source.ArmSource(source.ctx(), true) })
	source.exec("INSERT d.t VALUES (1)")
	st, rst := source.state().SemiSync, replica.state().SemiSync
	if !st.SourceEnabled || !st.SourceOn || st.Clients != 1 || !rst.ReplicaEnabled || !rst.ReplicaOn {
		t.Errorf("armed: %+v %+v", st, rst)
	}
	if st.Timeout < 1000*time.Hour {
		t.Errorf("commits wait for %v only", st.Timeout)
	}
	// Nobody acknowledges: commits wait.
	twice(t, func() error { return replica.ArmReplica(replica.ctx(), false) })
	if rst := replica.state(); rst.SemiSync.ReplicaOn || !rst.Receiver.Running {
		t.Errorf("disarmed: %+v", rst)
	}
	source.wait("no replica", func() bool { return source.state().SemiSync.Clients == 0 })
	stuck := source.background("INSERT d.t VALUES (2)")
	select {
	case err := <-stuck:
		t.Fatalf("a commit did not wait: %v", err)
	case <-time.After(1500 * time.Millisecond):
	}
	twice(t, func() error { return source.ArmSource(source.ctx(), false) })
	await(t, stuck)
	if st := source.state().SemiSync; st.SourceEnabled || st.SourceOn {
		t.Errorf("off: %+v", st)
	}
	// With the applier stopped a restart of the receiver would be the last one.
	must(t, replica.ArmReplica(replica.ctx(), true))
	replica.threads("STOP", "SQL_THREAD")
	if err := replica.ArmReplica(replica.ctx(), false); !errors.Is(err, replication.ErrApplier) {
		t.Errorf("disarm without applier: %v", err)
	}
	replica.threads("STOP", "")
	twice(t, func() error { return replica.ArmReplica(replica.ctx(), false) })
}

func TestExclude(t *testing.T) { each(t, testExclude) }

func testExclude(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	source.exec("INSERT d.t VALUES (1)")
	users, err := source.Attached(source.ctx())
	must(t, err)
	if !slices.Equal(users, []string{"repl1"}) {
		t.Errorf("attached %v", users)
	}
	held := source.state().Executed
	twice(t, func() error { return source.Exclude(source.ctx(), "repl1", true) })
	if users, err = source.Attached(source.ctx()); err != nil || len(users) != 0 {
		t.Errorf("attached %v, %v", users, err)
	}
	stuck := source.background("INSERT d.t VALUES (2)")
	select {
	case err := <-stuck:
		t.Fatalf("an excluded replica acknowledged: %v", err)
	case <-time.After(2500 * time.Millisecond): // it tries to reconnect every second
	}
	if err := replica.state().Receiver.Err(); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("the excluded receiver says %v", err)
	}
	// Prepare does not let it in again.
	must(t, source.Prepare(source.ctx(), accounts))
	if users, err = source.Attached(source.ctx()); err != nil || len(users) != 0 {
		t.Errorf("attached %v, %v", users, err)
	}
	twice(t, func() error { return source.Exclude(source.ctx(), "repl1", false) })
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	await(t, stuck)
	replica.caughtUp(source)
	if err := source.Exclude(source.ctx(), "nobody", true); err == nil {
		t.Error("excluded an account that is not there")
	}
	// Nothing of this is in the binary log: only the insert is new.
	if missing := held.Missing(source.state().Executed); missing != 1 {
		t.Errorf("%d transactions were logged, want 1", missing)
	}
}

// A dump thread that has lasted is ended, a new one is not.
func TestHangUp(t *testing.T) { each(t, testHangUp) }

func testHangUp(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	hangUp := func(user string, lasting time.Duration, want int) {
		t.Helper()
		n, err := source.HangUp(source.ctx(), user, lasting)
		must(t, err)
		if n != want {
			t.Errorf("%d dump threads of %s ended, want %d", n, user, want)
		}
	}
	hangUp("repl1", time.Hour, 0)
	hangUp("repl2", 0, 0)
	time.Sleep(2100 * time.Millisecond)
	hangUp("repl1", 2*time.Second, 1)
	source.exec("INSERT d.t VALUES (1)") // acknowledged once it has connected anew
	replica.caughtUp(source)
	hangUp("repl1", time.Minute, 0)
}

// Dismiss is for a shutdown that follows at once.
func TestDismiss(t *testing.T) { each(t, testDismiss) }

func testDismiss(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	dump := "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%' AND id <= "
	id := source.read("SELECT MAX(id) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'")
	must(t, source.Dismiss(source.ctx()))
	source.wait("the dump thread to end", func() bool { return source.read(dump+id) == "0" })
	// What closed its idle connections works on.
	twice(t, func() error { return source.Dismiss(source.ctx()) })
	if !f.mysql() {
		return
	}
	time.Sleep(2500 * time.Millisecond) // the receiver tries every second
	if users, err := source.Attached(source.ctx()); err != nil || len(users) != 0 {
		t.Errorf("attached %v, %v", users, err)
	}
	if replica.state().Receiver.Running {
		t.Error("it is let in")
	}
}

func TestPrepare(t *testing.T) { each(t, testPrepare) }

func testPrepare(t *testing.T, f *flavour) {
	args := []string{
		"--sync-binlog=0", "--innodb-flush-log-at-trx-commit=2", "--sync-relay-log=0",
		"--general-log=1", "--general-log-file=general.log", "--slow-query-log=1", "--long-query-time=0",
	}
	if !f.mysql() {
		args = append(args, "--gtid-strict-mode=0")
	}
	n := start(t, f, args...)
	twice(t, func() error { return n.Prepare(n.ctx(), accounts) })
	st := n.state()
	if st.Durable != (replication.Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 1}) {
		t.Errorf("durable %+v", st.Durable)
	}
	if !st.Executed.Empty() {
		t.Errorf("prepare is logged: %v", st.Executed)
	}
	tables, err := n.UserTables(n.ctx())
	must(t, err)
	if len(tables) != 0 {
		t.Errorf("user tables %v", tables)
	}
	if epochs, err := n.Epochs(n.ctx()); err != nil || len(epochs) != 0 {
		t.Errorf("epochs %v, %v", epochs, err)
	}
	login := func(password string) error {
		p := n.open(replication.Config{Host: "127.0.0.1", Port: n.port, User: "repl1", Password: password})
		if _, err := p.Epochs(n.ctx()); err != nil {
			return err
		}
		_, err := p.Observe(n.ctx())
		return err
	}
	must(t, login(secret))
	// A new password.
	changed := []replication.Account{{User: "repl1", Password: "4n0ther-one"}}
	twice(t, func() error { return n.Prepare(n.ctx(), changed) })
	must(t, login("4n0ther-one"))
	if err := login(secret); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("the old password: %v", err)
	}
	// TLS is asked for; this server has none.
	changed[0].RequireTLS = true
	twice(t, func() error { return n.Prepare(n.ctx(), changed) })
	if err := login("4n0ther-one"); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("without tls: %v", err)
	}
	// Nor does CHANGE MASTER get into the query logs, where MariaDB repeats it.
	unknown := replication.Source{Host: "127.0.0.1", Port: n.port, User: "x", Password: "zq7-h0rst-change"}
	if err := n.Follow(n.ctx(), unknown); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("follow: %v", err)
	}
	for _, s := range []string{"zq7-h0rst", "4n0ther-one"} {
		for _, file := range leaks(t, n.dir, s) {
			// Where the server itself keeps it: MySQL in a table, with InnoDB's logs.
			itself := []string{"/data/master.info", "/data/mysql.ibd", "/data/#ib_", "/data/#innodb_redo/", "/data/ib_logfile", "/data/ibdata1", "/data/undo_"}
			if !slices.ContainsFunc(itself, func(prefix string) bool { return strings.HasPrefix(file, prefix) }) {
				t.Errorf("%s is in %s", s, file)
			}
		}
	}
}

func TestEpochsWithoutTable(t *testing.T) { each(t, testEpochsWithoutTable) }

func testEpochsWithoutTable(t *testing.T, f *flavour) {
	n := start(t, f)
	if epochs, err := n.Epochs(n.ctx()); err != nil || len(epochs) != 0 {
		t.Errorf("epochs %v, %v", epochs, err)
	}
	must(t, n.Unprotect(n.ctx()))
	n.exec("CREATE DATABASE app")
	n.exec("CREATE TABLE app.b (a INT)")
	n.exec("CREATE TABLE app.a (a INT)")
	tables, err := n.UserTables(n.ctx())
	must(t, err)
	if !slices.Equal(tables, []string{"app.a", "app.b"}) {
		t.Errorf("user tables %v", tables)
	}
}

func TestRefused(t *testing.T) { each(t, testRefused) }

func testRefused(t *testing.T, f *flavour) {
	n := start(t, f, "--replicate-ignore-db=x")
	if got := n.state().Refused; got != "replication filter replicate_ignore_db" {
		t.Errorf("refused %q", got)
	}
	m := start(t, f)
	if f.mysql() {
		m.exec("CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='x' FOR CHANNEL 'far'")
		m.exec("CHANGE REPLICATION FILTER REPLICATE_DO_TABLE=(d.t) FOR CHANNEL 'far'")
		if st := m.state(); st.Refused != "multi-source channel far, replication filter replicate_do_table" || st.Source != nil {
			t.Errorf("refused %q, source %+v", st.Refused, st.Source)
		}
		return
	}
	m.exec("CHANGE MASTER 'far' TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x'")
	if st := m.state(); st.Refused != "multi-source connection far" || st.Source != nil {
		t.Errorf("refused %q, source %+v", st.Refused, st.Source)
	}
}
