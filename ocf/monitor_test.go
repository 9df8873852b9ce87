package ocf

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func TestMonitor(t *testing.T) {
	story(t, "replica in sync", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		w.twice(Monitor, Success)
		w.score(0)
		p, ok := w.said(attrPosition)
		if !ok || !p.Observed || !p.Connected || !p.Acks || p.Record != record(t, epoch3).String() || p.Role != scoring.RoleReplica {
			t.Errorf("published %+v", p)
		}
		want := map[string]string{"db-status": "replica, follows db1, lag none, lossless", "db-reason": "promotable", "db-readable": "1"}
		if diff := cmp.Diff(want, w.cluster.public); diff != "" {
			t.Error(diff)
		}
	})
	story(t, "replica whose server has another password", func(t *testing.T, w *world) {
		w.server.state.Receiver = replication.Thread{Connecting: true, Errno: wrongPassword, Error: "access denied"}
		if err := w.do(Monitor); CodeOf(err) != Success {
			t.Error(err)
		}
		if !w.server.state.Receiver.Running {
			t.Error("it is not given the right one")
		}
	})
	story(t, "replica that the primary locks out", func(t *testing.T, w *world) {
		w.server.state.Receiver = replication.Thread{Connecting: true, Errno: 4151, Error: "access denied"}
		if err := w.do(Monitor); CodeOf(err) != Success {
			t.Error(err)
		}
		w.never("server.stop-all", "server.follow db1")
	})
	story(t, "primary", func(t *testing.T, w *world) {
		w.reign()
		w.twice(Monitor, RunningPromoted)
		w.score(scoring.PrimaryScore)
		if w.cluster.public["db-status"] != "primary, epoch 3, lossless" {
			t.Error(w.cluster.public)
		}
		w.never("server.unprotect", "server.protect", "record.write")
	})
	story(t, "dead server: the score goes before the answer", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.scores["db1"] = scoring.PrimaryScore
		w.unit.process = Process{}
		w.twice(Monitor, NotRunning)
		w.score(scoring.NegInf)
		w.inOrder("unit.look", "score -INFINITY", "withdraw db-position")
	})
	story(t, "dead server, and no score can be written", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("score -INFINITY", errInjected)
		if err := w.do(Monitor); CodeOf(err) != NotRunning {
			t.Errorf("%v", err)
		}
	})
	story(t, "who cannot look does not say: not running", func(t *testing.T, w *world) {
		w.fails("unit.look", errInjected)
		if err := w.do(Monitor); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("score -INFINITY")
	})
	story(t, "dies while it is looked at", func(t *testing.T, w *world) {
		w.on["server.observe"] = func() error { w.unit.process = Process{}; return replication.ErrUnreachable }
		if err := w.do(Monitor); CodeOf(err) != NotRunning {
			t.Errorf("%v", err)
		}
		w.score(scoring.NegInf)
	})
	story(t, "recovering", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		w.unit.process.Ready, w.unit.process.Status = false, "InnoDB: applying batch"
		w.twice(Monitor, Degraded)
		w.score(scoring.NegInf)
		if p, _ := w.said(attrPosition); p.Role != scoring.RoleRecovering || p.Observed {
			t.Errorf("published %+v", p)
		}
		w.request.Interval = 0
		if err := w.do(Monitor); err != nil {
			t.Errorf("a probe finds it running: %v", err)
		}
	})
}

// A query that failed never reads as primary, as not running or as in sync.
func TestMonitorKnowsWhatItDoesNotKnow(t *testing.T) {
	for step, code := range map[string]struct{ primary, replica Code }{
		"server.observe":         {ErrGeneric, ErrGeneric},
		"server.epochs":          {ErrGeneric, ErrGeneric},
		"ledger.load":            {ErrGeneric, ErrGeneric},
		"datadir.id":             {ErrGeneric, ErrGeneric},
		"record.read":            {Degraded, Degraded},
		"collect db-position":    {Degraded, Degraded},
		"members":                {Degraded, Degraded},
		"permanent db-candidate": {DegradedPromoted, Degraded}, // the record is read by then
	} {
		story(t, "primary, "+step, func(t *testing.T, w *world) {
			w.reign()
			w.request.Interval = 5 * time.Second
			w.ledger.mem.Record = "" // nothing proven: no role to fall back on
			w.fails(step, errInjected)
			if err := w.do(Monitor); CodeOf(err) != code.primary {
				t.Errorf("code %d, want %d: %v", CodeOf(err), code.primary, err)
			}
			w.never("score 1000", "score 0", "server.unprotect")
		})
		story(t, "replica, "+step, func(t *testing.T, w *world) {
			w.request.Interval = 6 * time.Second
			w.ledger.mem.Record = ""
			w.fails(step, errInjected)
			if err := w.do(Monitor); CodeOf(err) != code.replica {
				t.Errorf("code %d, want %d: %v", CodeOf(err), code.replica, err)
			}
			w.never("score 1000", "score 0", "server.unprotect")
		})
	}
}

func TestMonitorOneSlowAnswer(t *testing.T) {
	story(t, "is no failure", func(t *testing.T, w *world) {
		left := 2
		w.on["server.observe"] = func() error {
			if left--; left > 0 {
				return replication.ErrUnreachable
			}
			return nil
		}
		w.twice(Monitor, Success)
	})
	story(t, "a server that never answers has a deadline", func(t *testing.T, w *world) {
		w.request.Timeout = 30 * time.Second
		w.fails("server.observe", replication.ErrUnreachable)
		begun := time.Now()
		err := w.do(Monitor)
		if took := time.Since(begun); CodeOf(err) != ErrGeneric || took >= w.request.Timeout {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

// A server that takes no connection is alive: the last proven role stands.
func TestMonitorTooManyConnections(t *testing.T) {
	story(t, "primary", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.ping", replication.ErrTooManyConnections)
		w.twice(Monitor, DegradedPromoted)
	})
	story(t, "replica", func(t *testing.T, w *world) {
		w.fails("server.ping", replication.ErrTooManyConnections)
		w.twice(Monitor, Degraded)
	})
	story(t, "demoted cleanly since", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Record = record(t, epoch3).Demoted(position(t, "0-1-150")).String()
		w.fails("server.ping", replication.ErrTooManyConnections)
		w.twice(Monitor, Degraded)
	})
}

func TestMonitorDeposed(t *testing.T) {
	deposed := func(t *testing.T, w *world) {
		w.reign()
		w.request.Interval = 5 * time.Second
		w.address = &fakeAddress{journal: w.journal, held: true}
		next := record(t, "epoch=4 rev=1 primary=db2:bb start=0-1-150 durability=lossless waited=1 ackers=db3:cc")
		w.cluster.record = next.String()
	}
	story(t, "is made read-only", func(t *testing.T, w *world) {
		deposed(t, w)
		if err := w.do(Monitor); CodeOf(err) != Degraded {
			t.Fatalf("%v", err)
		}
		w.inOrder("score -INFINITY", "server.protect", "address.down")
		if w.server.state.Writable || w.address.held {
			t.Error("still writable, or it holds the address")
		}
		w.clear()
		// The second look finds a replica that has to rejoin.
		if err := w.do(Monitor); CodeOf(err) != Success {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect", "score 1000")
	})
	story(t, "commits wait: it is killed, they are not let go", func(t *testing.T, w *world) {
		deposed(t, w)
		w.server.state.SemiSync.Waiting = 3
		if err := w.do(Monitor); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.inOrder("score -INFINITY", "server.protect", "unit.kill")
		w.never("server.evict", "server.arm-source false", "unit.terminate")
	})
	story(t, "writable and no record anywhere", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.record, w.ledger.mem.Record, w.server.rows = "", "", nil
		w.cluster.private = map[string]map[string]string{}
		if err := w.do(Monitor); err != nil {
			t.Errorf("a probe finds it running: %v", err)
		}
		w.score(scoring.NegInf)
		if w.server.state.Writable {
			t.Error("still writable")
		}
	})
}

// The cib can go back in time; whoever is primary writes the newest record again.
func TestMonitorKeepsTheRecord(t *testing.T) {
	old := "epoch=2 rev=4 primary=db3:cc start= durability=lossless waited=1 ackers=db1:aa"
	story(t, "again", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.record = old
		w.twice(Monitor, RunningPromoted)
		if w.cluster.record != record(t, epoch3).String() {
			t.Errorf("cib holds %s", w.cluster.record)
		}
	})
	story(t, "not without quorum", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.record, w.cluster.quorate = old, false
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Errorf("%v", err)
		}
		w.never("record.write")
	})
	story(t, "two primaries in one epoch: nobody acts", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.record = strings.Replace(epoch3, "db1:aa", "db3:cc", 1)
		if err := w.do(Monitor); CodeOf(err) == RunningPromoted || CodeOf(err) == Success {
			t.Errorf("%v", err)
		}
		w.never("record.write", "score 1000")
	})
}

func TestDo(t *testing.T) {
	story(t, "an unknown action", func(t *testing.T, w *world) {
		err := w.do("migrate_to")
		if CodeOf(err) != ErrUnimplemented || len(w.steps) != 0 {
			t.Errorf("%v %q", err, w.steps)
		}
	})
	story(t, "one agent at a time", func(t *testing.T, w *world) {
		w.fails("ledger.lock", errInjected)
		if err := w.do(Monitor); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "another agent of db is at work") {
			t.Errorf("%v", err)
		}
		w.never("unit.look")
	})
	story(t, "the reason is one sentence", func(t *testing.T, w *world) {
		w.fails("unit.look", errInjected)
		if got := ExitReason(w.do(Promote)); got != "promote: injected fault" {
			t.Error(got)
		}
	})
}

// The hook lowers the score at the death of the server, and reports a replica's.
func TestHook(t *testing.T) {
	hook := func(t *testing.T, w *world, role scoring.Role) {
		t.Helper()
		p := Publication{Candidate: scoring.Candidate{Node: scoring.NodeID{Name: w.self.Name, Data: "x"}, Role: role}}
		text, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		w.cluster.set("db-position", w.self.Name, text)
		w.unit.process = Process{}
		if err := w.agent("hook").Hook(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	story(t, "a replica's death is reported, after its score is lowered", func(t *testing.T, w *world) {
		hook(t, w, scoring.RoleReplica)
		w.inOrder("score -INFINITY", "withdraw db-position", "fail")
	})
	story(t, "a primary's is not: its restart would come before the promotion", func(t *testing.T, w *world) {
		hook(t, w, scoring.RolePrimary)
		w.score(scoring.NegInf)
		w.never("fail")
	})
	story(t, "dead", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		for range 2 {
			a := w.agent("hook")
			a.Ledger, a.Local, a.Datadir = nil, nil, nil
			if err := a.Hook(context.Background()); err != nil {
				t.Fatal(err)
			}
			w.score(scoring.NegInf)
			if _, ok := w.said(attrPosition); ok {
				t.Error("its position stands")
			}
		}
	})
	story(t, "started again meanwhile", func(t *testing.T, w *world) {
		if err := w.agent("hook").Hook(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.never("score -INFINITY")
	})
	story(t, "unknown is not alive", func(t *testing.T, w *world) {
		w.fails("unit.look", errors.New("no bus"))
		if err := w.agent("hook").Hook(context.Background()); err != nil {
			t.Fatal(err)
		}
		w.score(scoring.NegInf)
	})
}
