package ocf

import (
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// aside is db1, primary, with db2 acknowledging and db3 not (yet).
func aside(t *testing.T, w *world) {
	t.Helper()
	w.reign()
	rec := record(t, epoch3).WithAckers([]scoring.NodeID{db2})
	w.cluster.record, w.ledger.mem.Record = rec.String(), rec.String()
	own := w.replica(db1, "0-1-150")
	own.Role, own.Follows, own.Connected, own.Acks = scoring.RolePrimary, "", false, false
	own.Previous = position(t, "0-1-140")
	w.says(attrPosition, own)
	b := w.replica(db3, "0-1-150")
	b.Acks = false
	w.says(attrPosition, b)
}

// The record names a replica before it may acknowledge: first enlarge, then unlock.
func TestTendAdmits(t *testing.T) {
	story(t, "one that has caught up", func(t *testing.T, w *world) {
		aside(t, w)
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		if rec := record(t, w.cluster.record); !rec.Has(db3) || !rec.Has(db2) || rec.Revision != 3 {
			t.Errorf("record is %s", rec)
		}
		w.inOrder("server.exclude repl.db3 false", "record.write", "record.readback", "ledger.save")
		w.clear()
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.never("record.write")
	})
	for name, change := range map[string]func(p *Publication){
		"is behind":        func(p *Publication) { p.Position = gtidSet("0-1-139") },
		"holds nothing":    func(p *Publication) { p.Position = gtidSet("") },
		"is a spare":       func(p *Publication) { p.Electable = false },
		"is diverged":      func(p *Publication) { p.Foreign = "0-3-7" },
		"is not connected": func(p *Publication) { p.Connected = false },
		"is not observed":  func(p *Publication) { p.Observed = false },
		"recovers":         func(p *Publication) { p.Role = scoring.RoleRecovering },
	} {
		story(t, "not one that "+name, func(t *testing.T, w *world) {
			aside(t, w)
			p := w.replica(db3, "0-1-150")
			p.Acks = false
			change(&p)
			w.says(attrPosition, p)
			w.server.attached = []string{"repl.db2"}
			w.twice(Monitor, RunningPromoted)
			w.never("record.write")
		})
	}
	for name, change := range map[string]func(p *Publication){
		"diverged":    func(p *Publication) { p.Foreign = "0-3-7" },
		"quarantined": func(p *Publication) { p.Quarantined = "by hand" },
	} {
		// Its dump thread outlives it for a moment.
		story(t, "not one that is attached still and "+name, func(t *testing.T, w *world) {
			aside(t, w)
			p := w.replica(db3, "0-1-150")
			p.Acks = false
			change(&p)
			w.says(attrPosition, p)
			w.twice(Monitor, RunningPromoted)
			w.never("record.write", "server.exclude repl.db3 false")
		})
	}
	story(t, "not without quorum", func(t *testing.T, w *world) {
		aside(t, w)
		w.cluster.quorate = false
		w.twice(Monitor, RunningPromoted)
		w.never("record.write")
	})
}

// A dump thread that its replica has left is ended before the replica connects anew.
func TestTendHangsUp(t *testing.T) {
	both := []string{"repl.db2", "repl.db3"}
	says := func(w *world) {
		w.reign()
		w.server.attached = both
		p := w.replica(db3, "0-1-150")
		p.Connected = false
		w.says(attrPosition, p)
	}
	story(t, "on one that says it is not connected", func(t *testing.T, w *world) {
		says(w)
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.attached", "server.hang-up repl.db3")
		w.never("server.hang-up repl.db2", "record.write")
	})
	story(t, "on one whose machine is gone", func(t *testing.T, w *world) {
		w.reign()
		w.server.attached = both
		w.dies("db3")
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.attached", "dial db3", "server.hang-up repl.db3")
		w.never("server.hang-up repl.db2")
	})
	story(t, "not where there is none", func(t *testing.T, w *world) {
		says(w)
		w.server.attached = []string{"repl.db2"}
		w.twice(Monitor, RunningPromoted)
		w.never("server.hang-up repl.db3", "dial db3")
	})
	story(t, "not on a server that works on while its node is out of the cluster", func(t *testing.T, w *world) {
		w.reign()
		w.server.attached = both
		peer := w.peers["db3"]
		w.dies("db3")
		w.peers["db3"] = peer
		w.twice(Monitor, RunningPromoted)
		w.inOrder("dial db3")
		w.never("server.hang-up repl.db3")
	})
	story(t, "not on one whose word is missing", func(t *testing.T, w *world) {
		w.reign()
		w.server.attached = both
		delete(w.cluster.private["db-position"], "db3")
		w.twice(Monitor, RunningPromoted)
		w.never("server.hang-up repl.db2", "server.hang-up repl.db3")
	})
	story(t, "it cannot: not the server's failure", func(t *testing.T, w *world) {
		says(w)
		w.fails("server.hang-up repl.db3", replication.ErrUnreachable)
		w.twice(Monitor, RunningPromoted)
	})
}

// Absence is not enough: a removed replica's receiver comes back by itself.
func TestTendExcludes(t *testing.T) {
	gone := func(w *world) {
		w.reign()
		w.dies("db3")
		w.server.attached = []string{"repl.db2"}
	}
	long := func(w *world) {
		since := time.Now().Add(-time.Hour).Format(time.RFC3339)
		w.ledger.mem.Absent = map[string]string{"db2": since, "db3": since}
	}
	story(t, "an acker that left, after a while", func(t *testing.T, w *world) {
		gone(w)
		w.twice(Monitor, RunningPromoted)
		w.never("server.exclude repl.db3 true", "record.write")
		time.Sleep(21 * time.Second)
		w.clear()
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.inOrder("server.exclude repl.db3 true", "server.observe", "peer.position db2", "record.write")
		if rec := record(t, w.cluster.record); rec.Has(db3) || !rec.Has(db2) || rec.Epoch != 3 {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "one that was stopped on purpose, at once", func(t *testing.T, w *world) {
		gone(w)
		w.request.Note = Note{Present: true, Type: "post", Operation: "stop", Stop: []string{"db3"}}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.exclude repl.db3 true", "peer.position db2", "record.write")
	})
	story(t, "one that was stopped on purpose, while its dump thread has not noticed", func(t *testing.T, w *world) {
		gone(w)
		w.server.attached = []string{"repl.db2", "repl.db3"}
		w.request.Note = Note{Present: true, Type: "post", Operation: "stop", Stop: []string{"db3"}}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.inOrder("server.exclude repl.db3 true", "peer.position db2", "record.write")
	})
	story(t, "not one that is only restarted", func(t *testing.T, w *world) {
		gone(w)
		w.request.Note = Note{Present: true, Type: "post", Operation: "stop", Stop: []string{"db3"}, Start: []string{"db3"}}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.never("server.exclude repl.db3 true", "record.write")
	})
	story(t, "one that came back starts anew", func(t *testing.T, w *world) {
		gone(w)
		_ = w.do(Monitor)
		time.Sleep(15 * time.Second)
		w.cluster.members[2].Online = true
		w.server.attached = []string{"repl.db2", "repl.db3"}
		_ = w.do(Monitor)
		w.cluster.members[2].Online = false
		w.server.attached = []string{"repl.db2"}
		time.Sleep(15 * time.Second)
		_ = w.do(Monitor)
		w.never("server.exclude repl.db3 true", "record.write")
	})
	story(t, "one whose node was given other data, beside that", func(t *testing.T, w *world) {
		w.reign()
		old := scoring.NodeID{Name: "db3", Data: "before"}
		w.cluster.record = record(t, epoch3).WithAckers([]scoring.NodeID{db2, db3, old}).String()
		w.ledger.mem.Record = w.cluster.record
		w.server.attached = []string{"repl.db2", "repl.db3"}
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.observe", "peer.position db2", "record.write")
		w.never("server.exclude repl.db3 true")
		if rec := record(t, w.cluster.record); !rec.Has(db2) || !rec.Has(db3) || rec.Has(old) {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "not while it is attached and its node is there", func(t *testing.T, w *world) {
		gone(w)
		w.cluster.members[2].Online = true
		w.server.attached = []string{"repl.db2", "repl.db3"}
		w.twice(Monitor, RunningPromoted)
		time.Sleep(21 * time.Second)
		w.twice(Monitor, RunningPromoted)
		w.never("server.exclude repl.db3 true", "record.write", "server.hang-up repl.db3")
	})
	story(t, "one whose machine is gone, although its dump thread has not noticed", func(t *testing.T, w *world) {
		gone(w)
		w.server.attached = []string{"repl.db2", "repl.db3"}
		w.twice(Monitor, RunningPromoted)
		w.never("server.exclude repl.db3 true", "record.write")
		time.Sleep(21 * time.Second)
		w.clear()
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		w.inOrder("server.exclude repl.db3 true", "server.observe", "peer.position db2", "record.write")
	})
	story(t, "not before another holds everything", func(t *testing.T, w *world) {
		gone(w)
		long(w)
		w.peers["db2"].executed = position(t, "0-1-149")
		w.twice(Monitor, RunningPromoted)
		w.never("record.write")
	})
	story(t, "not the last one", func(t *testing.T, w *world) {
		gone(w)
		long(w)
		w.dies("db2")
		w.server.attached = nil
		w.twice(Monitor, RunningPromoted)
		w.never("server.exclude repl.db2 true", "server.exclude repl.db3 true", "record.write")
	})
	story(t, "not when nobody can be asked who is attached", func(t *testing.T, w *world) {
		gone(w)
		w.fails("server.attached", errInjected)
		w.twice(Monitor, RunningPromoted)
		w.never("record.write")
	})
}
