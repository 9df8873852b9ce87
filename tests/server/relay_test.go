package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
)

// A replica dies with transactions it had received, and acknowledged, but not
// applied; its source is gone. They are applied from the relay log, also by several
// threads, and where the replica has forgotten its source.
func TestApplyRelay(t *testing.T) { each(t, testApplyRelay) }

func testApplyRelay(t *testing.T, f *flavour) {
	for _, c := range []struct{ forgotten, parallel bool }{{}, {parallel: true}, {forgotten: true}, {true, true}} {
		if c.forgotten && f.mysql() {
			continue // it keeps that in tables
		}
		source, replica := armed(t, f)
		source.exec("INSERT d.t VALUES (1)")
		replica.caughtUp(source)
		replica.threads("STOP", "SQL_THREAD")
		file := replica.status("Relay_Log_File")
		pos, err := strconv.ParseInt(replica.status("Relay_Log_Pos"), 10, 64)
		must(t, err)
		for i := 2; i <= 30; i++ {
			source.exec("INSERT d.t VALUES (?)", i)
		}
		source.exec("CREATE TABLE d.u (a INT)")
		target := source.state().Executed
		source.kill()
		replica.kill()
		if c.forgotten {
			removeAll(t, replica.datadir(), "master.info", "relay-log.info")
		}
		replica.up()
		if replica.state().Executed.Contains(target) {
			t.Fatal("nothing is left to apply")
		}
		if st := replica.state(); (st.Source == nil) != c.forgotten {
			t.Fatalf("source %+v", st.Source)
		}
		switch {
		case c.parallel && f.mysql():
			replica.exec("SET GLOBAL replica_parallel_workers = 8")
		case c.parallel:
			replica.exec("SET GLOBAL slave_parallel_threads = 8, slave_parallel_mode = optimistic")
		}
		// A wrong place first: it fails and keeps the relay log.
		if f.mysql() {
			file, pos = "", 0 // it knows
		} else if err := replica.ApplyRelay(replica.ctx(), "relay.000099", 4, target); err == nil {
			t.Error("applied a relay log that is not there")
		}
		twice(t, func() error { return replica.ApplyRelay(replica.ctx(), file, pos, target) })
		st := replica.state()
		if !st.Executed.Contains(target) || st.Applier.Running || st.Receiver.Running || st.Receiver.Connecting {
			t.Errorf("after apply: %+v", st)
		}
		if n := replica.read("SELECT COUNT(*) FROM d.t"); n != "30" {
			t.Errorf("%s rows, want 30", n)
		}
		if (st.Source == nil) != c.forgotten {
			t.Errorf("source %+v", st.Source)
		}
		// The source comes back, and is followed as if nothing had been.
		source.up()
		must(t, source.Unprotect(source.ctx()))
		source.exec("INSERT d.t VALUES (31)")
		twice(t, func() error { return replica.Follow(replica.ctx(), source.source("repl1")) })
		replica.caughtUp(source)
	}
}

func TestApplyRelayFails(t *testing.T) { each(t, testApplyRelayFails) }

func testApplyRelayFails(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	replica.threads("STOP", "SQL_THREAD")
	replica.errant(false, "INSERT d.t VALUES (2)")
	file := replica.status("Relay_Log_File")
	pos, err := strconv.ParseInt(replica.status("Relay_Log_Pos"), 10, 64)
	must(t, err)
	for i := 1; i <= 3; i++ {
		source.exec("INSERT d.t VALUES (?)", i)
	}
	target := source.state().Executed
	replica.wait("the backlog", func() bool { return replica.state().Received.Contains(target) })
	if err := replica.ApplyRelay(replica.ctx(), file, pos, target); !errors.Is(err, replication.ErrBusy) {
		t.Errorf("apply while the receiver runs: %v", err)
	}
	replica.kill()
	replica.up()
	for range 2 {
		// The second time begins before what is executed by now: strict mode says so.
		if err := replica.ApplyRelay(replica.ctx(), file, pos, target); !errors.Is(err, replication.ErrApplier) {
			t.Fatalf("apply onto a conflicting row: %v", err)
		}
		if st := replica.state(); st.Applier.Running {
			t.Error("the applier still runs")
		}
	}
	if err := replica.Drain(replica.ctx(), target); !errors.Is(err, replication.ErrApplier) {
		t.Errorf("drain: %v", err)
	}
}

// The replica died while it received: the last transaction is not whole. The
// others are applied, and the applier can be stopped.
func TestApplyRelayWithTornEnd(t *testing.T) { each(t, testApplyRelayWithTornEnd) }

func testApplyRelayWithTornEnd(t *testing.T, f *flavour) {
	for what, cut := range map[string]int64{"an event less": 31, "a torn event": 35} {
		t.Run(what, func(t *testing.T) { t.Parallel(); applyTorn(t, f, cut) })
	}
}

func applyTorn(t *testing.T, f *flavour, cut int64) {
	source, replica := pair(t, f)
	replica.threads("STOP", "SQL_THREAD")
	file := replica.status("Relay_Log_File")
	pos, err := strconv.ParseInt(replica.status("Relay_Log_Pos"), 10, 64)
	must(t, err)
	source.exec("INSERT d.t VALUES (1)")
	whole := source.state().Executed
	source.exec("INSERT d.t VALUES (2)")
	all := source.state().Executed
	replica.wait("the backlog", func() bool { return replica.state().Received.Contains(all) })
	replica.kill()
	path := filepath.Join(replica.datadir(), file)
	info, err := os.Stat(path)
	must(t, err)
	must(t, os.Truncate(path, info.Size()-cut)) // the Xid event has 31 bytes
	replica.up()
	if err := replica.ApplyRelay(within(t, time.Second), file, pos, all); err == nil {
		t.Error("applied a transaction that is not whole")
	}
	if st := replica.state(); !st.Executed.Contains(whole) || st.Executed.Contains(all) || st.Applier.Running {
		t.Errorf("executed %v, applier %+v", st.Executed, st.Applier)
	}
	twice(t, func() error { return replica.ApplyRelay(replica.ctx(), file, pos, whole) })
	if n := replica.read("SELECT COUNT(*) FROM d.t"); n != "1" {
		t.Errorf("%s rows, want 1", n)
	}
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	replica.caughtUp(source)
}
