package server_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// What keeps administrators from writing is up after everything the agent does,
// also where that failed, and where a predecessor died in between.
func TestGuard(t *testing.T) { only(t, gtid.MySQL, testGuard) }

func testGuard(t *testing.T, f *flavour) {
	n := start(t, f)
	guarded := func(what string) {
		t.Helper()
		if n.read("SELECT @@global.super_read_only") != "1" || n.state().Writable {
			t.Errorf("%s: super_read_only is off", what)
		}
	}
	must(t, n.Prepare(n.ctx(), accounts))
	guarded("prepare")
	must(t, n.Exclude(n.ctx(), "repl1", true))
	guarded("exclude")
	long := []replication.Account{{User: strings.Repeat("x", 40), Password: secret}}
	if err := n.Prepare(n.ctx(), long); err == nil {
		t.Error("an account that cannot be was created")
	}
	guarded("prepare that failed")
	for what, mend := range map[string]func() error{
		"prepare": func() error { return n.Prepare(n.ctx(), accounts) },
		"protect": func() error { return n.Protect(n.ctx()) },
	} {
		n.exec("SET GLOBAL super_read_only = 0")
		if n.state().Writable {
			t.Error("read_only is on, and it counts as writable")
		}
		twice(t, mend)
		guarded("left down, then " + what)
	}
	// While the applier is at work, too.
	source := start(t, f)
	must(t, source.Prepare(source.ctx(), accounts))
	must(t, source.Unprotect(source.ctx()))
	source.exec("CREATE DATABASE d")
	source.exec("CREATE TABLE d.t (a INT PRIMARY KEY)")
	must(t, n.Follow(n.ctx(), source.source("repl2")))
	writer := source.background("SET SESSION cte_max_recursion_depth = 5000",
		"INSERT d.t WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r WHERE a < 5000) SELECT a FROM r")
	for i := range 5 {
		source.exec("INSERT d.t VALUES (?)", -i)
		must(t, n.Prepare(n.ctx(), []replication.Account{{User: "repl1", Password: fmt.Sprint(secret, i)}}))
		guarded("prepare of a replica")
	}
	await(t, writer)
	n.caughtUp(source)
	must(t, n.Detach(n.ctx()))
	// Nobody raises it on a primary.
	must(t, n.Unprotect(n.ctx()))
	must(t, n.Prepare(n.ctx(), long[:0]))
	must(t, n.Exclude(n.ctx(), "repl1", false))
	if !n.state().Writable {
		t.Error("prepare closed a primary")
	}
}

// Without a plugin nothing waits and nothing is claimed; Prepare says what it
// cannot load.
func TestPluginMissing(t *testing.T) { only(t, gtid.MySQL, testPluginMissing) }

func testPluginMissing(t *testing.T, f *flavour) {
	n := start(t, f, "--max-connections=20")
	if got := n.state().SemiSync; got != (replication.SemiSync{}) {
		t.Errorf("semi-sync %+v without a plugin", got)
	}
	for what, err := range map[string]error{
		"source":  n.ArmSource(n.ctx(), true),
		"replica": n.ArmReplica(n.ctx(), true),
	} {
		if err == nil || !strings.Contains(err.Error(), "rpl_semi_sync_"+what) {
			t.Errorf("arm %s: %v", what, err)
		}
	}
	must(t, n.ArmSource(n.ctx(), false))
	// Its library is not there.
	n.kill()
	n.up("--plugin-dir="+t.TempDir(), "--skip-grant-tables", "--skip-networking=0")
	for range 2 {
		if err := n.Prepare(n.ctx(), accounts); err == nil || !strings.Contains(err.Error(), "semisync_source.so") {
			t.Errorf("prepare: %v", err)
		}
		if n.read("SELECT @@global.super_read_only") != "1" {
			t.Error("super_read_only is off")
		}
	}
	n.kill()
	n.up()
	twice(t, func() error { return n.Prepare(n.ctx(), accounts) })
	twice(t, func() error { return n.ArmSource(n.ctx(), true) })
	// It stays there, switched off.
	n.kill()
	n.up()
	if st := n.state().SemiSync; st.SourceEnabled || st.Timeout == 0 {
		t.Errorf("after a restart: %+v", st)
	}
}

// A replica dies while several workers apply: some later transactions are in,
// earlier ones are not. All are, afterwards.
func TestApplyRelayAfterCrash(t *testing.T) { only(t, gtid.MySQL, testApplyRelayAfterCrash) }

func testApplyRelayAfterCrash(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	replica.threads("STOP", "SQL_THREAD")
	var writers sync.WaitGroup
	for w := range 4 {
		source.exec(fmt.Sprintf("CREATE TABLE d.w%d (a INT PRIMARY KEY)", w))
		writers.Go(func() {
			for i := range 100 {
				if _, err := source.db.Exec(fmt.Sprintf("INSERT d.w%d VALUES (%d)", w, i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	target, before := source.state().Executed, replica.state().Executed
	source.kill()
	replica.threads("START", "SQL_THREAD")
	replica.wait("some of it", func() bool { return before.Missing(replica.state().Executed) > 20 })
	replica.kill()
	replica.up()
	st := replica.state()
	if !st.Received.Contains(target) {
		t.Fatalf("received %v after the crash, was %v", st.Received, target)
	}
	t.Logf("%d transactions are left to apply", st.Executed.Missing(target))
	twice(t, func() error { return replica.ApplyRelay(replica.ctx(), "", 0, target) })
	for w := range 4 {
		if got := replica.read(fmt.Sprintf("SELECT COUNT(*) FROM d.w%d", w)); got != "100" {
			t.Errorf("%s rows in w%d, want 100", got, w)
		}
	}
}

// What a replica has received is on its source's word, also while the commit waits for
// an acknowledgement that nobody sends: it came from there.
func TestPositionWhileWaiting(t *testing.T) { each(t, testPositionWhileWaiting) }

func testPositionWhileWaiting(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	must(t, source.ArmSource(source.ctx(), true))
	before := source.state().Executed
	stuck := source.background("INSERT d.t VALUES (1)")
	source.wait("a commit to wait", func() bool { return source.state().SemiSync.Waiting == 1 })
	replica.wait("the replica to receive it", func() bool { return !before.Contains(replica.state().Executed) })
	have := replica.state().Executed
	word, writable, err := source.Position(source.ctx())
	must(t, err)
	if foreign := have.Subtract(word); !writable || !foreign.Empty() {
		t.Errorf("the replica has %s, and its source says %s", have, word)
	}
	must(t, source.ArmSource(source.ctx(), false))
	await(t, stuck)
	if word, _, err = source.Position(source.ctx()); err != nil || !word.Equal(source.state().Executed) {
		t.Errorf("nothing waits, and the position is %s, %v", word, err)
	}
}
