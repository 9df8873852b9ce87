package ocf

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// cannotApply is a server whose applier has stopped at a duplicate key behind 0-1-140.
func (w *world) cannotApply() {
	w.server.state.Executed = position(w.t, "0-1-140")
	w.server.state.Applier = replication.Thread{Errno: 1062, Error: "Duplicate entry"}
	broken := func() error { return fmt.Errorf("%w: %w", replication.ErrApplier, w.server.state.Applier.Err()) }
	w.on["server.freeze"] = broken
	w.on["server.apply-relay"] = broken
	w.on["server.stop-all"] = func() error {
		w.on["server.observe"] = func() error {
			w.server.state.Applier = replication.Thread{Errno: 1062, Error: "Duplicate entry"}
			return nil
		}
		return nil
	}
}

// Its ballot counts: what it has received it holds. What it cannot do is to win, or to
// send it.
func TestFreezeBesideABrokenApplier(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		w.cannotApply()
		for range 2 { // the second time no thread runs
			prePromote(w, "db3")
			w.clear()
			if err := w.do(Notify); err != nil {
				t.Fatal(err)
			}
			b, _ := w.said(attrBallot)
			if !b.Frozen || !b.RelayIntact || b.Broken == "" || b.Position.String() != "0-1-150" {
				t.Errorf("ballot is %+v\n%s", b, w.log.String())
			}
			if h := w.ledger.mem.Held; h == nil || h.Position != "0-1-150" || h.Epoch != 3 {
				t.Errorf("held is %+v", h)
			}
			w.inOrder("ledger.save", "publish db-ballot")
		}
		// Somebody starts replication by hand: MariaDB throws its relay log away.
		delete(w.on, "server.observe")
		w.server.state.Received = w.server.state.Executed
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		if p, _ := w.said(attrPosition); p.RelayIntact {
			t.Error("it counts as one that holds all that it acknowledged")
		}
	})
	story(t, "the relay log goes only when the primary holds it, and what it held is known", func(t *testing.T, w *world) {
		w.cannotApply()
		w.server.state.Receiver = replication.Thread{}
		w.on["server.follow db1"] = func() error {
			if h := w.ledger.mem.Held; h == nil || h.Position != "0-1-150" {
				t.Errorf("held is %+v", h)
			}
			return nil
		}
		w.clear()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("dial db1", "ledger.save", "server.stop-all", "server.follow db1")
		if w.ledger.mem.Held != nil {
			t.Error("it has all of it again")
		}
	})
	story(t, "with nobody to follow it is tried again, and says why", func(t *testing.T, w *world) {
		w.cannotApply()
		w.dies("db1")
		w.server.state.Receiver = replication.Thread{}
		w.datadir.relay = Relay{Received: "0-1-150", File: "relay.000002", Offset: 4}
		w.clear()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.apply-relay", "publish db-position")
		if reason := w.cluster.public["db-reason"]; reason != "applier stopped: error 1062" {
			t.Errorf("reason is %q", reason)
		}
		// Whatever stood in its way has been removed.
		delete(w.on, "server.apply-relay")
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		if got := w.server.state.Executed.String(); got != "0-1-150" {
			t.Errorf("executed is %s", got)
		}
	})
}

func TestHolds(t *testing.T) {
	rec := record(t, epoch3)
	held := Held{Epoch: 3, Data: db2.Data, Position: "0-1-150"}
	unknown := Held{Epoch: 3, Data: db2.Data}
	for _, c := range []struct {
		name string
		h    *Held
		id   scoring.NodeID
		have string
		want bool
	}{
		{"nothing is known", nil, db2, "0-1-1", true},
		{"all of it", &held, db2, "0-1-151", true},
		{"less", &held, db2, "0-1-149", false},
		{"nothing at all", &held, db2, "", false},
		{"other data", &held, scoring.NodeID{Name: "db2", Data: "new"}, "0-1-149", true},
		{"another epoch", &Held{Epoch: 2, Data: db2.Data, Position: "0-1-150"}, db2, "0-1-149", true},
		{"nobody knows how much", &unknown, db2, "0-1-151", false},
		{"not readable", &Held{Epoch: 3, Data: db2.Data, Position: "?"}, db2, "0-1-151", false},
	} {
		if got := holds(c.h, c.id, rec, position(t, c.have)); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestStuck(t *testing.T) {
	thread := replication.Thread{Errno: 1062, Error: "Duplicate entry"}
	for want, err := range map[string]error{
		"":                            errInjected,
		"applier stopped":             replication.ErrApplier,
		"applier stopped: error 1062": fmt.Errorf("freeze: %w: %w", replication.ErrApplier, thread.Err()),
	} {
		if got := stuck(err); got != want {
			t.Errorf("%v: %q", err, got)
		}
	}
	if stuck(nil) != "" || stuck(errors.Join(context.Canceled)) != "" {
		t.Error("an applier that was not asked")
	}
}

// What an earlier source sends while this node is compared with the new one is compared,
// too, before it is thrown away.
func TestLateFromAnEarlierSource(t *testing.T) {
	for name, lacks := range map[string]bool{"which the primary holds": false, "which it lacks": true} {
		story(t, name, func(t *testing.T, w *world) {
			w.server.state.Source.Host = "db3"
			w.on["server.stop-all"] = func() error {
				w.server.state.Received = position(t, "0-1-151")
				if !lacks {
					w.peers["db1"].executed = position(t, "0-1-151")
				}
				return nil
			}
			w.clear()
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			w.inOrder("peer.position db1", "server.stop-all", "peer.position db1")
			if lacks {
				w.never("server.follow db1")
				w.score(scoring.NegInf)
			} else {
				w.inOrder("peer.position db1", "ledger.save", "server.follow db1")
			}
		})
	}
}

// A relay log that cannot be read to its end is no obstacle: with a primary it is
// fetched again, and without one this node vouches for nothing more in this epoch.
func TestDamagedRelayLog(t *testing.T) {
	restarted := func(w *world) {
		w.server.state.Receiver, w.server.state.Applier = replication.Thread{}, replication.Thread{}
		w.server.state.Executed, w.server.state.Received = position(w.t, "0-1-130"), position(w.t, "0-1-130")
		w.datadir.relay = Relay{Received: "0-1-140", File: "relay.000002", Offset: 4, Damaged: "checksum does not match"}
	}
	story(t, "with a primary", func(t *testing.T, w *world) {
		restarted(w)
		w.on["server.follow db1"] = func() error {
			if h := w.ledger.mem.Held; h == nil || h.Position != "0-1-150" {
				t.Errorf("held is %+v, and the primary has 0-1-150", h)
			}
			w.server.sources = nil // it does not come at once
			return nil
		}
		w.clear()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.inOrder("peer.position db1", "server.stop-all", "ledger.save", "server.follow db1", "publish db-position")
		if p, _ := w.said(attrPosition); p.RelayIntact {
			t.Error("it counts before it has all of it again")
		}
		w.server.state.Executed, w.server.state.Received = position(t, "0-1-150"), position(t, "0-1-150")
		for range 2 {
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
		}
		if p, _ := w.said(attrPosition); !p.RelayIntact || w.ledger.mem.Held != nil {
			t.Errorf("it does not count again: %+v", w.ledger.mem.Held)
		}
	})
	story(t, "in an election", func(t *testing.T, w *world) {
		restarted(w)
		w.dies("db1")
		w.server.state.Receiver = replication.Thread{}
		prePromote(w, "db3")
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		b, ok := w.said(attrBallot)
		if !ok || !b.Frozen || b.RelayIntact || b.Position.String() != "0-1-140" {
			t.Errorf("ballot is %+v", b)
		}
		// What was read and applied is thrown away; that there was more stays known.
		w.datadir.relay = Relay{}
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		if p, _ := w.said(attrPosition); p.RelayIntact {
			t.Error("it counts again")
		}
	})
	for _, number := range relayUnreadable {
		story(t, fmt.Sprintf("met by a running applier: %d", number), func(t *testing.T, w *world) {
			w.server.state.Applier = replication.Thread{Errno: number, Error: "Relay log read failure"}
			w.server.state.Executed = position(t, "0-1-130")
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			w.inOrder("ledger.save", "peer.position db1", "server.stop-all", "server.follow db1")
		})
	}
}
