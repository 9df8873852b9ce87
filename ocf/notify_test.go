package ocf

import (
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func prePromote(w *world, target string) {
	w.request.Note = Note{Present: true, Type: "pre", Operation: "promote", Promote: []string{target}, Active: []string{"db2", "db3"}}
}

func TestFreeze(t *testing.T) {
	story(t, "the promise is durable before it is told", func(t *testing.T, w *world) {
		prePromote(w, "db3")
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.inOrder("ledger.save", "server.freeze", "server.observe", "publish db-ballot")
		b, ok := w.said(attrBallot)
		if !ok || !b.Frozen || !b.Observed || b.Target != "db3" || b.Position.String() != "0-1-150" || b.Connected {
			t.Errorf("ballot is %+v", b)
		}
		f := w.ledger.mem.Freeze
		if f == nil || f.Target != "db3" || f.Epoch != 3 || f.Counter != b.Counter || f.Boot != "boot-1" {
			t.Errorf("mark is %+v", f)
		}
		if _, now := w.clock.Boot(); f.Expires-now > 180*time.Second || f.Expires-now < 170*time.Second {
			t.Errorf("it stands for %s", f.Expires-now)
		}
		if w.server.state.Receiver.Running || !w.server.state.Applier.Running {
			t.Error("the receiver runs, or the applier does not")
		}
		// Nothing public changes: it would start the transition over.
		if len(w.cluster.public) != 0 {
			t.Errorf("public: %v", w.cluster.public)
		}
		w.never("score 0", "score -INFINITY", "publish db-position")
	})
	story(t, "again: a new ballot, the same promise", func(t *testing.T, w *world) {
		prePromote(w, "db2")
		_ = w.do(Notify)
		first, _ := w.said(attrBallot)
		time.Sleep(time.Second)
		_ = w.do(Notify)
		second, _ := w.said(attrBallot)
		if second.Counter <= first.Counter || !second.Frozen || !second.Position.Equal(first.Position) {
			t.Errorf("%+v after %+v", second, first)
		}
	})
	story(t, "holds until the election is over", func(t *testing.T, w *world) {
		prePromote(w, "db3")
		_ = w.do(Notify)
		w.clear()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.never("server.follow db1", "withdraw db-ballot")
		time.Sleep(181 * time.Second)
		w.clear()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("withdraw db-ballot", "server.follow db1") // the ballot is gone before anything is received
		if w.ledger.mem.Freeze != nil {
			t.Error("the mark stands")
		}
	})
	story(t, "ends with a newer epoch", func(t *testing.T, w *world) {
		prePromote(w, "db3")
		_ = w.do(Notify)
		w.dies("db1")
		w.cluster.record = "epoch=4 rev=1 primary=db3:cc start=0-1-150 durability=lossless waited=1 ackers=db2:bb marker=0-3-151"
		p := w.peer("db3", "0-1-150,0-3-151")
		p.writable = true
		w.clear()
		w.request.Note = Note{Present: true, Type: "post", Operation: "promote", Promote: []string{"db3"}}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.inOrder("withdraw db-ballot", "server.follow db3")
	})
}

// A ballot says what was seen: nothing is published as frozen that is not.
func TestFreezeFails(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault func(w *world)
	}{
		{"the receiver still runs", func(w *world) {
			w.on["server.freeze"] = func() error {
				w.on["server.observe"] = func() error { w.server.state.Receiver.Running = true; return nil }
				return nil
			}
		}},
		{"the receiver cannot be stopped", func(w *world) { w.fails("server.freeze", errInjected) }},
		{"the mark cannot be saved", func(w *world) { w.fails("ledger.save", errInjected) }},
		{"the server cannot be observed", func(w *world) { w.fails("server.observe", replication.ErrAccessDenied) }},
		{"the server is writable", func(w *world) { w.reign() }},
		{"the server is not running", func(w *world) { w.unit.process = Process{} }},
		{"the server is recovering", func(w *world) { w.unit.process.Ready = false }},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			c.fault(w)
			prePromote(w, "db3")
			if err := w.do(Notify); err != nil {
				t.Errorf("a notification failed: %v", err)
			}
			b, ok := w.said(attrBallot)
			if !ok {
				t.Fatal("the others do not learn that it is here")
			}
			if b.Frozen || b.Observed {
				t.Errorf("ballot is %+v", b)
			}
		})
	}
	story(t, "what lies in the relay log counts", func(t *testing.T, w *world) {
		w.server.state.Receiver, w.server.state.Applier, w.server.state.Source = replication.Thread{}, replication.Thread{}, nil
		w.datadir.relay = Relay{Received: "0-1-155", File: "relay-bin.000002", Offset: 4}
		prePromote(w, "db2")
		_ = w.do(Notify)
		w.inOrder("server.apply-relay", "publish db-ballot")
		if b, _ := w.said(attrBallot); b.Position.String() != "0-1-155" {
			t.Errorf("ballot is %+v", b)
		}
	})
	story(t, "the primary is promoted again: nothing to elect", func(t *testing.T, w *world) {
		w.reign()
		prePromote(w, "db1")
		_ = w.do(Notify)
		w.never("server.freeze", "ledger.save", "publish db-ballot")
	})
}

func TestNotifyNeverFails(t *testing.T) {
	steps := []string{
		"unit.look", "server.observe", "server.epochs", "server.freeze", "ledger.load", "ledger.save", "datadir.id", "record.read", "members",
		"collect db-position", "publish db-ballot", "withdraw db-ballot", "publish db-position", "score 0",
	}
	for _, event := range []string{"pre-promote", "post-promote", "post-demote", "post-stop", "post-start", "pre-stop", "pre-", "-"} {
		for _, step := range append(steps, "nothing") {
			story(t, event+" "+step, func(t *testing.T, w *world) {
				w.request.Note = Note{Present: true, Promote: []string{"db3"}}
				w.request.Note.Type, w.request.Note.Operation, _ = strings.Cut(event, "-")
				w.fails(step, errInjected)
				if err := w.do(Notify); err != nil {
					t.Errorf("%v", err)
				}
				w.never("server.unprotect", "record.write")
			})
		}
	}
}

func TestNotifyWithoutATarget(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		w.request.Note = Note{Present: true, Type: "pre", Operation: "promote"}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.never("server.freeze", "publish db-ballot")
	})
}

// A notification may come before the record: deposing is monitor's.
func TestNotifyDoesNotDepose(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.record = "epoch=4 rev=1 primary=db2:bb start=0-1-150 durability=lossless waited=1 ackers=db3:cc"
		w.request.Note = Note{Present: true, Type: "post", Operation: "demote"}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.never("server.protect", "unit.kill")
	})
}

// A redundant promote of a living primary (after a reload, or a refreshed history)
// has an election like every other: it must not leave the replicas frozen, or
// commits wait for election_freeze.
func TestRedundantPromoteDoesNotLeaveFrozen(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		prePromote(w, "db1")
		w.request.Note.Promoted = []string{"db1"}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.request.Note.Type = "post"
		w.clear()
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.inOrder("withdraw db-ballot", "server.follow db1")
		if st := w.server.state; !st.Receiver.Running || !st.SemiSync.ReplicaOn || w.ledger.mem.Freeze != nil || w.ledger.mem.Promise != nil {
			t.Errorf("state is %+v, ledger %+v", st, w.ledger.mem)
		}
	})
	story(t, "another's promotion that is not on record yet is no end", func(t *testing.T, w *world) {
		prePromote(w, "db3")
		_ = w.do(Notify)
		w.request.Note.Type = "post"
		w.clear()
		_ = w.do(Notify)
		w.never("withdraw db-ballot", "server.follow db1")
	})
}

// An expired promise whose election's outcome is not known: it receives again, and
// acknowledges nothing until it is known.
func TestPromiseOutlivesItsFreeze(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		prePromote(w, "db3")
		_ = w.do(Notify)
		delete(w.cluster.private["db-position"], "db3")
		time.Sleep(181 * time.Second)
		w.twice(Monitor, Success)
		w.inOrder("withdraw db-ballot", "server.arm-replica false", "server.follow db1")
		if w.server.state.SemiSync.ReplicaOn || w.ledger.mem.Promise == nil {
			t.Error("it acknowledges, and db3 may be primary of epoch 4")
		}
		// db3 says that it is not.
		w.says(attrPosition, w.replica(db3, "0-1-150"))
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		if !w.server.state.SemiSync.ReplicaOn || w.ledger.mem.Promise != nil {
			t.Error("it does not acknowledge although the outcome is known")
		}
	})
}

// Everything that the cluster does waits for a notification to end.
func TestNobodyToJoin(t *testing.T) {
	story(t, "the primary's node is lost", func(t *testing.T, w *world) {
		w.dies("db1")
		w.server.state.Source = nil // restarted just now
		w.server.state.Receiver, w.server.state.Applier = replication.Thread{}, replication.Thread{}
		w.server.state.SemiSync.ReplicaEnabled = false
		w.peer("db1", "0-1-150") // what answers is not the cluster's word
		w.request.Note = Note{Present: true, Type: "post", Operation: "start", Start: []string{"db2"}, Active: []string{"db3"}}
		begun := time.Now()
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > time.Second {
			t.Errorf("took %s", took)
		}
		w.never("dial db1", "server.follow db1")
	})
}

// A server that dies while its agent tells the cluster of it: its exit hook may have
// withdrawn before that what is written here, so whoever tells looks again.
func TestToldAndGone(t *testing.T) {
	joins := func(w *world) {
		w.server.state.SemiSync.ReplicaEnabled, w.server.state.SemiSync.ReplicaOn = false, false
		w.cluster.record = record(t, epoch3).WithAckers([]scoring.NodeID{db3}).String()
		w.request.Note = Note{Present: true, Type: "post", Operation: "start", Start: []string{"db2"}}
	}
	for name, c := range map[string]struct {
		action Action
		code   Code
		told   int // which of the times that it tells
		given  func(w *world)
	}{
		"a replica's monitor":   {Monitor, NotRunning, 1, func(*world) {}},
		"a primary's monitor":   {Monitor, NotRunning, 1, (*world).reign},
		"start":                 {Start, ErrGeneric, 1, func(w *world) { w.unit.process = Process{} }},
		"promote":               {Promote, NotRunning, 1, func(w *world) { election(w, "0-1-150") }},
		"a notification":        {Notify, Success, 1, joins},
		"one that waits longer": {Notify, Success, 2, joins},
	} {
		story(t, name, func(t *testing.T, w *world) {
			c.given(w)
			n := 0
			w.on["publish db-position"] = func() error {
				if n++; n == c.told {
					w.unit.process = Process{}
				}
				if n == 1 && c.told == 2 { // it may acknowledge from now on
					w.cluster.record = record(t, w.cluster.record).WithAckers([]scoring.NodeID{db2, db3}).String()
				}
				return nil
			}
			if err := w.do(c.action); CodeOf(err) != c.code {
				t.Errorf("%v", err)
			}
			if n < c.told {
				t.Fatalf("told %d times", n)
			}
			if p, ok := w.said(attrPosition); ok {
				t.Errorf("its position stands: %+v", p)
			}
			w.score(scoring.NegInf)
		})
	}
}
