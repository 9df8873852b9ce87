package server_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

func TestFollow(t *testing.T) { each(t, testFollow) }

func testFollow(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	src := source.source("repl1")
	twice(t, func() error { return replica.Follow(replica.ctx(), src) })
	st := replica.state()
	if !st.Receiver.Running || !st.Applier.Running || st.Source == nil || st.Source.User != "repl1" ||
		st.Source.Port != source.port || st.Lag == nil || st.Writable || st.Refused != "" {
		t.Errorf("state %+v", st)
	}
	source.exec("INSERT d.t VALUES (1)")
	replica.caughtUp(source)

	// The roles change: what the former primary wrote is not in its gtid_slave_pos.
	must(t, source.Protect(source.ctx()))
	must(t, replica.Detach(replica.ctx()))
	must(t, replica.Unprotect(replica.ctx()))
	replica.exec("INSERT d.t VALUES (2)")
	twice(t, func() error { return source.Follow(source.ctx(), replica.source("repl2")) })
	source.caughtUp(replica)
	if n := source.read("SELECT COUNT(*) FROM d.t"); n != "2" {
		t.Errorf("%s rows, want 2", n)
	}

	// One thread alone is started again, the other untouched.
	source.threads("STOP", "IO_THREAD")
	must(t, source.Follow(source.ctx(), replica.source("repl2")))
	source.threads("STOP", "SQL_THREAD")
	must(t, source.Follow(source.ctx(), replica.source("repl2")))

	twice(t, func() error { return source.StopAll(source.ctx()) })
	twice(t, func() error { return source.Detach(source.ctx()) })
	if st := source.state(); st.Source != nil || st.Applier.Running {
		t.Errorf("after detach: %+v", st)
	}
}

func TestFollowFails(t *testing.T) { each(t, testFollowFails) }

func testFollowFails(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	wrong := source.source("repl1")
	wrong.Password = "wrong-" + secret
	wrong.User = "repl2"
	for range 2 {
		err := replica.Follow(replica.ctx(), wrong)
		if !errors.Is(err, replication.ErrAccessDenied) {
			t.Fatalf("wrong password: %v", err)
		}
	}
	if err := replica.state().Receiver.Err(); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("observed %v", err)
	}
	// The right one mends it.
	twice(t, func() error { return replica.Follow(replica.ctx(), source.source("repl2")) })

	// A source that is not there: the receiver keeps trying.
	nobody := source.source("repl1")
	nobody.Port = freePort(t)
	twice(t, func() error { return replica.Follow(replica.ctx(), nobody) })
	if st := replica.state(); !st.Receiver.Connecting || !st.Applier.Running {
		t.Errorf("without a source: %+v %+v", st.Receiver, st.Applier)
	}
	twice(t, func() error { return replica.Follow(replica.ctx(), source.source("repl1")) })
}

// The replica wrote by itself, the source went on. MariaDB's strict mode says so.
// MySQL replicates on, as its GTIDs name who wrote first: there only Executed
// tells, unless the source lost the end of what it wrote itself.
func TestDiverged(t *testing.T) { each(t, testDiverged) }

func testDiverged(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	if f.mysql() {
		replica.errant(true, "INSERT d.t VALUES (7)")
		source.exec("INSERT d.t VALUES (8)")
		replica.caughtUp(source)
		if got := replica.state().Executed.Compare(source.state().Executed); got != gtid.Ahead {
			t.Errorf("executed is %v", got)
		}
		must(t, replica.StopAll(replica.ctx()))
		source.exec("RESET BINARY LOGS AND GTIDS")
		source.exec("INSERT d.t VALUES (9)")
		for range 2 {
			refuses(t, replica, source, replication.ErrDiverged)
		}
		return
	}
	replica.errant(true, "INSERT d.t VALUES (7)")
	source.exec("INSERT d.t VALUES (8)")
	replica.wait("the applier to stop", func() bool { return !replica.state().Applier.Running })
	if err := replica.state().Applier.Err(); !errors.Is(err, replication.ErrDiverged) {
		t.Errorf("applier: %v", err)
	}
	source.exec("INSERT d.t VALUES (9)")
	err := replica.Follow(replica.ctx(), source.source("repl1"))
	if !errors.Is(err, replication.ErrDiverged) {
		t.Errorf("follow of a diverged replica: %v", err)
	}
	must(t, replica.StopAll(replica.ctx()))
	refuses(t, replica, source, replication.ErrDiverged)
}

func TestPurged(t *testing.T) { each(t, testPurged) }

func testPurged(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	must(t, replica.StopAll(replica.ctx()))
	// What a dump thread reads is not purged.
	source.wait("the dump thread to end", func() bool {
		users, err := source.Attached(source.ctx())
		return err == nil && len(users) == 0
	})
	source.exec("INSERT d.t VALUES (1)")
	source.exec("FLUSH BINARY LOGS")
	source.exec("INSERT d.t VALUES (2)")
	source.exec("FLUSH BINARY LOGS")
	source.exec("PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
	for range 2 {
		refuses(t, replica, source, replication.ErrPurged)
	}
}

// refuses expects that the source does not serve the replica: Follow says so, or
// Observe a little later.
func refuses(t *testing.T, replica, source *node, want error) {
	t.Helper()
	err := replica.Follow(replica.ctx(), source.source("repl1"))
	if !errors.Is(err, want) {
		t.Logf("follow: %v", err)
		replica.wait("the receiver to stop", func() bool { return replica.state().Receiver.Errno != 0 })
		err = replica.state().Receiver.Err()
	}
	if !errors.Is(err, want) {
		t.Errorf("follow: %v, want %v", err, want)
	}
}

func TestFreezeAndDrain(t *testing.T) { each(t, testFreezeAndDrain) }

func testFreezeAndDrain(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	// A backlog: received, not applied.
	replica.threads("STOP", "SQL_THREAD")
	source.exec("INSERT d.t VALUES (1)")
	source.exec("INSERT d.t VALUES (2)")
	target := source.state().Executed
	replica.wait("the backlog", func() bool { return replica.state().Received.Contains(target) })
	if replica.state().Executed.Contains(target) {
		t.Fatal("the backlog is applied already")
	}
	if err := replica.Drain(replica.ctx(), target); !errors.Is(err, replication.ErrApplier) {
		t.Errorf("drain with a stopped applier: %v", err)
	}
	twice(t, func() error { return replica.Freeze(replica.ctx()) })
	st := replica.state()
	if st.Receiver.Running || st.Receiver.Connecting || !st.Applier.Running {
		t.Errorf("frozen: %+v %+v", st.Receiver, st.Applier)
	}
	twice(t, func() error { return replica.Drain(replica.ctx(), target) })
	if n := replica.read("SELECT COUNT(*) FROM d.t"); n != "2" {
		t.Errorf("%s rows, want 2", n)
	}
	// Nothing comes any more.
	source.exec("INSERT d.t VALUES (3)")
	if err := replica.Drain(within(t, 300*time.Millisecond), source.state().Executed); err == nil {
		t.Error("drained what a frozen replica cannot have")
	}
	// Neither runs: nothing may be started.
	must(t, replica.StopAll(replica.ctx()))
	must(t, replica.Freeze(replica.ctx()))
	if replica.state().Applier.Running {
		t.Error("freeze started an applier alone: the relay log is gone")
	}
}

func TestFreezeOfBrokenReplica(t *testing.T) { each(t, testFreezeOfBrokenReplica) }

func testFreezeOfBrokenReplica(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	if !f.mysql() {
		replica.exec("SET GLOBAL gtid_strict_mode = 0")
	}
	replica.errant(false, "INSERT d.t VALUES (1)")
	source.exec("INSERT d.t VALUES (1)")
	replica.wait("the applier to stop", func() bool { return !replica.state().Applier.Running })
	for range 2 {
		if err := replica.Freeze(replica.ctx()); !errors.Is(err, replication.ErrApplier) {
			t.Fatalf("freeze: %v", err)
		}
		if !replica.state().Receiver.Running {
			t.Fatal("the receiver was stopped: its relay log would be purged")
		}
	}
	if err := replica.Drain(replica.ctx(), source.state().Executed); !errors.Is(err, replication.ErrApplier) {
		t.Errorf("drain: %v", err)
	}
	// The reason, not only where to look for it.
	if st := replica.state(); st.Applier.Errno != 1062 || !strings.Contains(st.Applier.Error, "Duplicate entry '1'") {
		t.Errorf("applier %+v", st.Applier)
	}
}

// A dead host does not answer the stopping receiver; the election waits for it.
func TestFreezeWithDeadSource(t *testing.T) { each(t, testFreezeWithDeadSource) }

func testFreezeWithDeadSource(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	resume := source.halt()
	defer resume()
	began := time.Now()
	must(t, replica.Freeze(replica.ctx()))
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("freeze took %v", took)
	}
}

func TestReceivedIsContained(t *testing.T) { each(t, testReceivedIsContained) }

func testReceivedIsContained(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	for range 5 {
		source.exec("INSERT d.t SELECT COALESCE(MAX(a), 0) + 1 FROM d.t")
		if st := replica.state(); !st.Received.Contains(st.Executed) {
			t.Errorf("received %v, executed %v", st.Received, st.Executed)
		}
	}
	replica.caughtUp(source)
	if got := replica.state().Executed.Compare(source.state().Executed); got != gtid.Equal {
		t.Errorf("executed is %v", got)
	}
}

// The source is gone; one replica fetches from the other what it lacks, and is
// primary then.
func TestCatchUpFromPeer(t *testing.T) { each(t, testCatchUpFromPeer) }

func testCatchUpFromPeer(t *testing.T, f *flavour) {
	source, behind := pair(t, f)
	ahead := start(t, f)
	must(t, ahead.Prepare(ahead.ctx(), accounts))
	must(t, ahead.Follow(ahead.ctx(), source.source("repl2")))
	must(t, behind.Freeze(behind.ctx()))
	source.exec("INSERT d.t VALUES (1)")
	ahead.caughtUp(source)
	source.kill()
	must(t, ahead.Freeze(ahead.ctx()))
	target := ahead.state().Received
	if got := behind.state().Received.Compare(target); got != gtid.Behind {
		t.Fatalf("the replica is %v", got)
	}
	must(t, behind.StopAll(behind.ctx()))
	twice(t, func() error { return behind.Follow(behind.ctx(), ahead.source("repl1")) })
	twice(t, func() error { return behind.Drain(behind.ctx(), target) })
	must(t, behind.StopAll(behind.ctx()))
	twice(t, func() error { return behind.Detach(behind.ctx()) })
	must(t, behind.Unprotect(behind.ctx()))
	behind.exec("INSERT d.t VALUES (2)")
	must(t, ahead.Follow(ahead.ctx(), behind.source("repl2")))
	ahead.caughtUp(behind)
	if n := ahead.read("SELECT COUNT(*) FROM d.t"); n != "2" {
		t.Errorf("%s rows, want 2", n)
	}
}
