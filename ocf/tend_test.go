package ocf

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func TestTendDurability(t *testing.T) {
	stuck := func(w *world) {
		w.reign()
		w.request.Params["durability"] = "degrade"
		w.server.state.SemiSync.Waiting = 4
	}
	story(t, "lossless waits as long as it takes", func(t *testing.T, w *world) {
		stuck(w)
		w.request.Params["durability"] = "lossless"
		for range 3 {
			if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
				t.Fatal(err)
			}
			time.Sleep(time.Hour)
		}
		w.never("server.arm-source false", "record.write")
	})
	story(t, "commits that do not wait are made to", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.SemiSync.SourceOn = false
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.arm-source true")
	})
	story(t, "degrades after its patience: the record first", func(t *testing.T, w *world) {
		stuck(w)
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.never("record.write")
		time.Sleep(29 * time.Second)
		_ = w.do(Monitor)
		w.never("record.write")
		time.Sleep(2 * time.Second)
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.inOrder("record.write", "record.readback", "quorate", "server.arm-source false")
		if rec := record(t, w.cluster.record); rec.Durability != scoring.Async || rec.Epoch != 3 {
			t.Errorf("record is %s", rec)
		}
	})
	for name, fault := range map[string]func(w *world) error{
		"quorum is lost while noticing":    func(w *world) error { w.cluster.quorate = false; return nil },
		"a member is lost while noticing":  func(w *world) error { w.cluster.members[2].Online = false; return nil },
		"quorum is not known":              func(w *world) error { w.fails("quorate", errInjected); return nil },
		"the record cannot be read back":   func(*world) error { return errInjected },
		"members are not known afterwards": func(w *world) error { w.fails("members", errInjected); return nil },
	} {
		story(t, "goes on waiting where "+name, func(t *testing.T, w *world) {
			stuck(w)
			w.ledger.mem.Stalled = time.Now().Add(-time.Minute).Format(time.RFC3339)
			w.on["record.readback"] = func() error { return fault(w) }
			if err := w.do(Monitor); CodeOf(err) == Success || CodeOf(err) == NotRunning {
				t.Errorf("%v", err)
			}
			w.never("server.arm-source false")
		})
	}
	story(t, "one commit waits whenever it looks, but never the same", func(t *testing.T, w *world) {
		stuck(w)
		for range 20 {
			if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
				t.Fatal(err)
			}
			w.server.state.SemiSync.Acknowledged += 100
			time.Sleep(5 * time.Second)
		}
		w.never("record.write")
	})
	story(t, "what stalled before it degraded does not count afterwards", func(t *testing.T, w *world) {
		stuck(w)
		_ = w.do(Monitor)
		time.Sleep(31 * time.Second)
		_ = w.do(Monitor)
		if rec := record(t, w.cluster.record); rec.Durability != scoring.Async || w.ledger.mem.Stalled != "" {
			t.Errorf("record is %s, stalled since %q", rec, w.ledger.mem.Stalled)
		}
	})
	story(t, "a moment without waiting starts the patience anew", func(t *testing.T, w *world) {
		stuck(w)
		_ = w.do(Monitor)
		w.server.state.SemiSync.Waiting = 0
		_ = w.do(Monitor)
		if w.ledger.mem.Stalled != "" {
			t.Error("still counted as stalled")
		}
	})
}

// Lossless again is a new epoch of the same primary, from what an acker was seen to hold.
func TestTendRestores(t *testing.T) {
	degraded := func(t *testing.T, w *world) {
		w.reign()
		w.request.Params["durability"] = "degrade"
		rec := record(t, epoch3).Degraded()
		w.cluster.record, w.ledger.mem.Record = rec.String(), rec.String()
		w.server.state.SemiSync.SourceEnabled, w.server.state.SemiSync.SourceOn = false, false
	}
	story(t, "", func(t *testing.T, w *world) {
		degraded(t, w)
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.inOrder("peer.position db2", "server.arm-source true", "server.observe", "peer.position db2", "record.write")
		rec := record(t, w.cluster.record)
		if rec.Epoch != 4 || rec.Durability != scoring.Lossless || rec.Primary != db1 || rec.Start.String() != "0-1-150" {
			t.Errorf("record is %s", rec)
		}
		w.clear()
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Errorf("again: %v", err)
		}
		w.never("record.write")
	})
	story(t, "not while nobody has caught up", func(t *testing.T, w *world) {
		degraded(t, w)
		w.peers["db2"].executed, w.peers["db3"].executed = position(t, "0-1-1"), position(t, "0-1-1")
		w.twice(Monitor, RunningPromoted)
		w.never("server.arm-source true")
	})
}

// A replica that is new has to have its account before it can acknowledge anything.
func TestTendPrepares(t *testing.T) {
	story(t, "while commits wait", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.SemiSync.Waiting = 1
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.prepare")
	})
	story(t, "and whether or not it gets through then", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.SemiSync.Waiting = 1
		w.fails("server.prepare", replication.ErrBusy)
		w.twice(Monitor, RunningPromoted)
		w.score(scoring.PrimaryScore)
	})
}

func TestTendAddress(t *testing.T) {
	story(t, "is added again", func(t *testing.T, w *world) {
		w.reign()
		w.address = &fakeAddress{journal: w.journal}
		w.twice(Monitor, RunningPromoted)
		w.inOrder("address.held", "address.up")
	})
	story(t, "a replica never holds it", func(t *testing.T, w *world) {
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.twice(Monitor, Success)
		if w.address.held {
			t.Error("held")
		}
	})
}

func TestRejoin(t *testing.T) {
	detached := func(w *world) {
		w.server.state.Source, w.server.state.SemiSync.ReplicaOn, w.server.state.SemiSync.ReplicaEnabled = nil, false, false
		w.server.state.Receiver.Running, w.server.state.Applier.Running = false, false
	}
	// What the primary sends next breaks the applier before anybody has compared.
	story(t, "diverged while it follows: it acknowledges no more, and says so", func(t *testing.T, w *world) {
		st := &w.server.state
		st.Executed, st.Received = position(t, "0-1-150,0-2-151"), position(t, "0-1-160,0-2-151")
		st.Applier = replication.Thread{Errno: 1950, Error: "out of order"}
		w.twice(Monitor, Success)
		if st.Receiver.Running {
			t.Error("it still receives")
		}
		if p, _ := w.said(attrPosition); p.Foreign != "0-2-151" || !strings.HasPrefix(w.cluster.public["db-reason"], "diverged: 0-2-151") {
			t.Errorf("published %+v, shown %q", p, w.cluster.public["db-reason"])
		}
		w.score(scoring.NegInf)
	})
	// A binary log that somebody replays comes with the numbers of the server that it is of.
	story(t, "no part of the history, but the primary's: it follows", func(t *testing.T, w *world) {
		st := &w.server.state
		st.Executed, st.Received = position(t, "0-1-150,0-9-151"), position(t, "0-1-150,0-9-151")
		w.peer("db1", "0-1-150,0-9-151").writable = true
		w.twice(Monitor, Success)
		if !st.Receiver.Running || w.ledger.mem.Foreign != "" {
			t.Errorf("receives %t, foreign %q", st.Receiver.Running, w.ledger.mem.Foreign)
		}
	})
	story(t, "diverged, and given other data since: the primary, which locked it out, can let it in", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.Executed = position(t, "0-1-150,0-2-151")
		w.server.state.Received = w.server.state.Executed
		w.twice(Monitor, Success)
		w.datadir.id = "ff"
		w.server.state.Executed, w.server.state.Received = position(t, "0-1-150"), position(t, "0-1-150")
		w.fails("dial db1", replication.ErrAccessDenied)
		w.twice(Monitor, Success)
		if p, _ := w.said(attrPosition); p.Foreign != "" {
			t.Errorf("it still says that %s is foreign", p.Foreign)
		}
	})
	story(t, "a primary whose first row waits for an acknowledgement", func(t *testing.T, w *world) {
		detached(w)
		w.peers["db1"].rows = []replication.Epoch{{Epoch: 2, Primary: "db3:cc", Marker: gtid.Entry{Server: 3, Seq: 50}, Start: position(t, "0-3-49")}}
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("peer.epochs db1", "server.follow db1")
		w.score(0)
	})
	story(t, "diverged: it never follows silently", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.Executed = position(t, "0-1-150,0-2-151")
		w.server.state.Received = w.server.state.Executed
		w.twice(Monitor, Success)
		w.never("server.follow db1", "server.stop-all", "server.arm-replica true")
		w.score(scoring.NegInf)
		if w.ledger.mem.Foreign != "0-2-151" || !strings.Contains(w.cluster.public["db-reason"], "diverged: 0-2-151") {
			t.Errorf("%q %v", w.ledger.mem.Foreign, w.cluster.public)
		}
	})
	story(t, "between two commits of the primary: asked twice", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.Received = position(t, "0-1-155")
		w.server.state.Executed = w.server.state.Received
		asked := 0
		w.on["peer.position db1"] = func() error {
			if asked++; asked == 2 {
				w.peers["db1"].executed = position(t, "0-1-160")
			}
			return nil
		}
		w.peers["db1"].executed = position(t, "0-1-150")
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.follow db1")
	})
	story(t, "a former primary's applier must not wait for acknowledgements", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.SemiSync.SourceEnabled, w.server.state.SemiSync.SourceOn = true, true
		w.twice(Monitor, Success)
		w.inOrder("server.arm-source false", "server.follow db1")
	})
	story(t, "nor be let go with what waits: it is killed", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.SemiSync.SourceEnabled, w.server.state.SemiSync.SourceOn, w.server.state.SemiSync.Waiting = true, true, 1
		if err := w.do(Monitor); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.inOrder("unit.kill")
		w.never("server.arm-source false", "server.follow db1")
	})
	story(t, "locked out: it says that it acknowledges nothing, or nobody would let it in", func(t *testing.T, w *world) {
		detached(w)
		w.server.state.SemiSync.ReplicaEnabled = true // as a start left it
		w.cluster.record = strings.NewReplacer("rev=1", "rev=2", "ackers=db2:bb,db3:cc", "ackers=db3:cc").Replace(w.cluster.record)
		w.ledger.mem.Record = w.cluster.record
		delete(w.peers, "db1")
		w.twice(Monitor, Success)
		w.inOrder("server.arm-replica false")
		if p, ok := w.said(attrPosition); !ok || p.Acks {
			t.Errorf("it says %+v", p)
		}
	})
	for _, applies := range []bool{true, false} {
		story(t, fmt.Sprintf("locked out while it still receives from the primary of an older epoch, and applies: %t", applies), func(t *testing.T, w *world) {
			// db1 was demoted and follows db3; this node missed the election.
			w.cluster.record = "epoch=4 rev=1 primary=db3:cc start=0-1-150 durability=lossless waited=1 ackers=db1:aa marker=0-3-151"
			w.ledger.mem.Record = w.cluster.record
			w.server.state.Applier.Running = applies
			w.fails("peer.epochs db3", replication.ErrAccessDenied)
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			w.inOrder("server.arm-replica false")
			if !applies {
				w.inOrder("server.freeze", "server.arm-replica false") // which starts the applier first
			}
			if p, ok := w.said(attrPosition); !ok || p.Acks {
				t.Errorf("it says %+v", p)
			}
		})
	}
	story(t, "the primary is away: what was received is applied, not purged", func(t *testing.T, w *world) {
		detached(w)
		delete(w.peers, "db1")
		w.datadir.relay = Relay{Received: "0-1-155", File: "relay-bin.000003", Offset: 256}
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.apply-relay", "publish db-position")
		w.never("server.follow db1")
	})
	story(t, "the primary is not open yet", func(t *testing.T, w *world) {
		detached(w)
		w.peers["db1"].writable = false
		w.twice(Monitor, Success)
		w.never("server.follow db1")
	})
	story(t, "an applier that stopped by an error is shown, not restarted", func(t *testing.T, w *world) {
		w.server.state.Applier.Running, w.server.state.Applier.Error, w.server.state.Applier.Errno = false, "Duplicate entry", 1062
		w.twice(Monitor, Success)
		w.never("server.follow db1", "server.stop-all")
		w.score(scoring.NegInf)
		if got := w.cluster.public["db-reason"]; !strings.Contains(got, "1062") {
			t.Error(got)
		}
	})
	story(t, "an address of its own for replication", func(t *testing.T, w *world) {
		detached(w)
		w.cluster.permanent["db1/db-address"] = "10.1.0.1"
		w.peers["10.1.0.1"] = w.peers["db1"]
		w.twice(Monitor, Success)
		w.inOrder("server.follow 10.1.0.1")
	})
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		setup func(w *world)
		code  Code
	}{
		{"good", func(*world) {}, Success},
		{"no notifications", func(w *world) { w.request.Notify = false }, ErrConfigured},
		{"alone needs none", func(w *world) { w.request.Notify, w.request.CloneMax = false, 1 }, Success},
		{"two nodes that degrade without fencing", func(w *world) {
			w.request.CloneMax, w.request.Params["durability"] = 2, "degrade"
		}, ErrConfigured},
		{"three may", func(w *world) { w.request.Params["durability"] = "degrade" }, Success},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			c.setup(w)
			w.twice(ValidateAll, c.code)
			w.never("ledger.lock")
		})
	}
}

// gtidSet is for literals in tables.
func gtidSet(s string) (set gtid.Set) {
	if err := set.UnmarshalText([]byte(s)); err != nil {
		panic(err)
	}
	return set
}
