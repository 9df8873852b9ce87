package ocf

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// lets are the ways to commit what nobody has acknowledged.
var lets = []string{"server.evict", "server.arm-source false", "unit.terminate"}

func TestDemote(t *testing.T) {
	story(t, "planned: the final position is put on record", func(t *testing.T, w *world) {
		w.reign()
		w.address = &fakeAddress{journal: w.journal, held: true}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.inOrder("score -INFINITY", "server.refuse", "server.busy", "server.protect", "server.admit", "address.down",
			"peer.position db2", "server.arm-source false", "record.write")
		rec := record(t, w.cluster.record)
		if rec.Final == nil || rec.Final.String() != "0-1-150" || rec.Epoch != 3 || rec.Revision != 2 {
			t.Errorf("record is %s", rec)
		}
		if w.server.state.Writable || w.server.closed || w.address.held {
			t.Error("still open, or new sessions are still refused")
		}
		w.clear()
		if err := w.do(Demote); err != nil {
			t.Errorf("again: %v", err)
		}
		w.never("record.write", "unit.kill", "server.unprotect")
	})
	story(t, "waits for transactions to end", func(t *testing.T, w *world) {
		w.reign()
		w.server.active = 2
		begun := time.Now()
		w.on["server.busy"] = func() error {
			if time.Since(begun) > 2*time.Second {
				w.server.active = 0
			}
			return nil
		}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.never("unit.kill")
		if took := time.Since(begun); took < 2*time.Second {
			t.Errorf("after %s", took)
		}
	})
	story(t, "transactions that do not end: their sessions are ended", func(t *testing.T, w *world) {
		w.reign()
		w.server.active = 1
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.protect", "server.evict", "server.protect", "record.write")
		w.never("unit.kill")
	})
	story(t, "dead server", func(t *testing.T, w *world) {
		w.reign()
		w.unit.process = Process{}
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.twice(Demote, Success)
		w.score(scoring.NegInf)
		if _, ok := w.said(attrPosition); ok || w.address.held {
			t.Error("position or address is left")
		}
	})
	story(t, "made read-only by somebody else: it is concluded, and its commits wait no more", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.Writable = false
		w.twice(Demote, Success)
		if w.server.state.SemiSync.SourceEnabled {
			t.Error("what it applies as a replica would wait for an acknowledgement")
		}
		if rec := record(t, w.cluster.record); rec.Final == nil || rec.Revision != 2 {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "unpromoted already", func(t *testing.T, w *world) {
		w.twice(Demote, Success)
		w.never("server.protect", "record.write", "unit.kill")
	})
	story(t, "recovering", func(t *testing.T, w *world) {
		w.unit.process.Ready = false
		w.twice(Demote, Success)
		w.never("server.observe", "unit.kill")
	})
	story(t, "unknown is not dead", func(t *testing.T, w *world) {
		w.reign()
		w.fails("unit.look", errInjected)
		if err := w.do(Demote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
	})
	story(t, "no final position without quorum", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.quorate = false
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.never("record.write")
	})
	story(t, "works without its cluster", func(t *testing.T, w *world) {
		w.reign()
		for _, step := range []string{"score -INFINITY", "collect db-position", "record.read", "members", "quorate", "publish db-position"} {
			w.fails(step, errInjected)
		}
		if err := w.do(Demote); err != nil {
			t.Errorf("%v", err)
		}
		if w.server.state.Writable {
			t.Error("still writable")
		}
	})
}

// What waits for an acknowledgement is never let go: only a kill leaves it
// uncommitted.
func TestDemoteKills(t *testing.T) {
	killed := func(t *testing.T, w *world) {
		t.Helper()
		w.address = &fakeAddress{journal: w.journal, held: true}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.inOrder("unit.kill", "withdraw db-position", "address.down")
		w.never(append(lets, "record.write")...)
		if w.unit.process.Running {
			t.Error("it runs")
		}
		if err := w.do(Demote); err != nil {
			t.Errorf("again: %v", err)
		}
	}
	story(t, "sessions wait at the end of grace", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.SemiSync.Waiting = 3
		w.fails("server.protect", replication.ErrBusy)
		killed(t, w)
		w.never("server.evict")
	})
	story(t, "sessions cannot be counted", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.busy", errInjected)
		killed(t, w)
		w.never("server.protect")
	})
	story(t, "the server cannot be observed", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.observe", replication.ErrUnreachable)
		killed(t, w)
	})
	story(t, "it cannot be made read-only", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.protect", errInjected)
		killed(t, w)
	})
	story(t, "a commit starts to wait between the count and the lock", func(t *testing.T, w *world) {
		w.reign()
		w.on["server.protect"] = func() error {
			w.server.state.SemiSync.Waiting = 1
			return replication.ErrBusy
		}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if w.unit.process.Running {
			t.Error("it runs")
		}
	})
	story(t, "not even a kill", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.SemiSync.Waiting = 1
		w.fails("unit.kill", errInjected)
		if err := w.do(Demote); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "cannot kill the server") {
			t.Errorf("%v", err)
		}
	})
}

func TestStop(t *testing.T) {
	story(t, "replica: a clean shutdown", func(t *testing.T, w *world) {
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.twice(Stop, Success)
		w.inOrder("score -INFINITY", "withdraw db-position", "withdraw db-ballot", "unit.terminate", "unit.look", "address.down")
		w.score(scoring.NegInf)
	})
	story(t, "not running", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.twice(Stop, Success)
		w.never("unit.terminate")
	})
	story(t, "writable and nobody waits: closed first", func(t *testing.T, w *world) {
		w.reign()
		w.twice(Stop, Success)
		w.inOrder("server.protect", "unit.terminate")
	})
	story(t, "commits wait: SIGKILL", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.protect", replication.ErrBusy)
		w.server.state.SemiSync.Waiting = 2
		w.twice(Stop, Success)
		w.inOrder("unit.kill")
		w.never(lets...)
	})
	story(t, "read-only and commits still wait: SIGKILL", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.Writable, w.server.state.SemiSync.Waiting = false, 1
		w.twice(Stop, Success)
		w.never(lets...)
	})
	story(t, "cannot be observed: SIGKILL", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.observe", replication.ErrUnreachable)
		w.twice(Stop, Success)
		w.inOrder("unit.kill")
		w.never(lets...)
	})
	story(t, "does not end when asked", func(t *testing.T, w *world) {
		w.unit.stubborn = true
		begun := time.Now()
		w.twice(Stop, Success)
		w.inOrder("unit.terminate", "unit.kill")
		if took := time.Since(begun); took >= w.request.Timeout {
			t.Errorf("after %s", took)
		}
	})
	story(t, "works without its cluster", func(t *testing.T, w *world) {
		for _, step := range []string{"score -INFINITY", "withdraw db-position", "withdraw db-ballot", "collect db-position", "record.read", "members"} {
			w.fails(step, errInjected)
		}
		w.twice(Stop, Success)
	})
	story(t, "works without credentials and with default parameters", func(t *testing.T, w *world) {
		w.fails("server.observe", replication.ErrAccessDenied)
		w.twice(Stop, Success)
	})
}

// Stop says "stopped" only when it has looked.
func TestStopNeverLies(t *testing.T) {
	story(t, "cannot look", func(t *testing.T, w *world) {
		w.fails("unit.look", errInjected)
		if err := w.do(Stop); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
	})
	story(t, "cannot look afterwards", func(t *testing.T, w *world) {
		w.on["unit.kill"] = func() error { w.fails("unit.look", errInjected); return nil }
		if err := w.do(Stop); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
	})
	story(t, "killed, and it still runs", func(t *testing.T, w *world) {
		w.unit.stubborn = true
		looks := 0
		w.on["unit.look"] = func() error { looks++; w.unit.process = Process{Running: true, Ready: true, PID: 4711}; return nil }
		if err := w.do(Stop); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "server still runs (pid 4711)") {
			t.Errorf("after %d looks: %v", looks, err)
		}
	})
	story(t, "cannot be killed", func(t *testing.T, w *world) {
		w.unit.stubborn = true
		w.fails("unit.kill", errInjected)
		if err := w.do(Stop); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "cannot end the server") {
			t.Errorf("%v", err)
		}
	})
}

// TestDoorIsOpenedAgain: a demote that is killed, or whose last step fails, leaves new
// sessions refused; nobody but the agent would ever let them in again.
func TestDoorIsOpenedAgain(t *testing.T) {
	for name, prepare := range map[string]func(w *world){"primary": (*world).reign, "replica": func(*world) {}} {
		story(t, name, func(t *testing.T, w *world) {
			prepare(w)
			w.server.closed = true
			if err := w.do(Monitor); CodeOf(err) != Success && CodeOf(err) != RunningPromoted {
				t.Fatal(err)
			}
			if w.server.closed {
				t.Error("clients are still turned away")
			}
		})
	}
}
