package ocf

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// election is db2's: db1 is gone, everybody froze, db3's ballot says at.
func election(w *world, at string) {
	w.t.Helper()
	w.dies("db1")
	w.cluster.scores["db2"] = 0
	w.request.Note = Note{
		Present: true, Type: "pre", Operation: "promote", Promote: []string{"db2"}, Demote: []string{"db1"},
		Active: []string{"db2", "db3"}, Promoted: []string{"db1"}, Unpromoted: []string{"db2", "db3"},
	}
	if err := w.do(Notify); err != nil {
		w.t.Fatal(err)
	}
	w.says(attrBallot, w.ballot(db3, at))
	w.peer("db3", at)
	w.clear()
}

func TestPromoteWins(t *testing.T) {
	story(t, "with proof", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		w.twice(Promote, Success)
		// The record is written and read back before the marker; commits wait before
		// that, so that it does, too, and all before anybody may write.
		w.inOrder("server.detach", "quorate", "record.write", "record.readback", "ledger.save", "server.arm-source false",
			"server.arm-source true", "server.mark", "ledger.save", "server.unprotect", "address.up", "withdraw db-ballot", "publish db-position", "score 1000")
		// Who may not acknowledge is locked out before anybody may write.
		w.inOrder("record.write", "server.exclude repl.db1 true", "server.exclude repl.db3 false", "server.mark", "server.unprotect")
		rec, err := scoring.ParseRecord(w.cluster.record)
		if err != nil {
			t.Fatal(err)
		}
		if rec.Epoch != 4 || rec.Primary != db2 || rec.Start.String() != "0-1-150" || rec.Marker.String() != "0-2-151" || !rec.Has(db3) || rec.Has(db1) {
			t.Errorf("record is %s", rec)
		}
		if w.ledger.mem.Record != w.cluster.record || w.ledger.mem.Freeze != nil || w.ledger.mem.Opened != 4 {
			t.Errorf("ledger is %+v", w.ledger.mem)
		}
		if row := w.server.rows[len(w.server.rows)-1]; row.Marker != rec.Marker || row.Record != w.cluster.record {
			t.Errorf("row is %+v", row)
		}
		if !w.server.state.SemiSync.SourceOn || !w.server.state.Writable {
			t.Errorf("state is %+v", w.server.state)
		}
		if p, _ := w.said(attrPosition); p.Role != scoring.RolePrimary {
			t.Errorf("published %+v", p)
		}
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Errorf("monitor afterwards: %v", err)
		}
	})
	story(t, "after applying what it received", func(t *testing.T, w *world) {
		w.server.state.Executed = position(t, "0-1-120")
		election(w, "0-1-140")
		w.twice(Promote, Success)
		w.inOrder("server.drain", "record.write", "server.unprotect")
	})
	story(t, "after fetching what only db3 has", func(t *testing.T, w *world) {
		election(w, "0-1-160")
		w.twice(Promote, Success)
		w.inOrder("server.stop-all", "server.follow db3", "server.drain", "server.stop-all", "collect db-ballot", "server.detach",
			"record.write", "server.unprotect")
		if rec := record(t, w.cluster.record); rec.Start.String() != "0-1-160" || rec.Marker.String() != "0-2-161" {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "above what was once discarded here", func(t *testing.T, w *world) {
		w.ledger.mem.Discarded = "0-2-900"
		election(w, "0-1-150")
		w.twice(Promote, Success)
		if rec := record(t, w.cluster.record); rec.Marker.String() != "0-2-901" {
			t.Errorf("marker is %s: that number may have been used", rec.Marker)
		}
	})
	story(t, "waits for the ballot that is on its way", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		delete(w.cluster.private["db-ballot"], "db3")
		begun := time.Now()
		w.on["collect db-ballot"] = func() error {
			if time.Since(begun) > time.Second {
				w.says(attrBallot, w.ballot(db3, "0-1-150"))
			}
			return nil
		}
		w.twice(Promote, Success)
	})
}

// Who is promoted without proof says so in the log, as the reason of the promotion,
// and in an attribute for as long as it is the primary.
func TestPromoteUnproved(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		params, err := ParseParams(from(map[string]string{"data_loss": "allow", "wait_for_peers": "1s"}))
		if err != nil {
			t.Fatal(err)
		}
		w.request.Params = params
		w.cluster.record = strings.Replace(epoch3, "lossless", "async", 1)
		w.ledger.mem.Record = w.cluster.record
		w.ledger.mem.Waiting = w.clock.Now().Add(-time.Hour).Format(time.RFC3339)
		election(w, "0-1-150")
		if reason := ExitReason(w.twice(Promote, Success)); !strings.HasPrefix(reason, "promoted without proof: whatever") {
			t.Errorf("reason is %q", reason)
		}
		w.inOrder("ledger.save", "server.unprotect", "publish db-reason")
		if shown := w.cluster.public["db-reason"]; !strings.HasPrefix(shown, "promoted without proof: whatever was acknowledged in epoch 3") {
			t.Errorf("shown is %q", shown)
		}
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted || !strings.HasPrefix(w.cluster.public["db-reason"], unproved) {
			t.Errorf("after a monitor: %v, shown is %q", err, w.cluster.public["db-reason"])
		}
	})
	story(t, "reason", func(t *testing.T, w *world) {
		w.ledger.mem.Loss = "an older one's"
		election(w, "0-1-150")
		if err := w.do(Promote); err != nil || w.ledger.mem.Loss != "" {
			t.Errorf("with proof: %v, the ledger says %q", err, w.ledger.mem.Loss)
		}
	})
}

func TestPromoteRefuses(t *testing.T) {
	refused := func(t *testing.T, w *world, reason string) {
		t.Helper()
		before := w.cluster.record
		err := w.twice(Promote, ErrGeneric)
		if got := ExitReason(err); !strings.HasPrefix(got, "promote: refused: ") || !strings.Contains(got, reason) {
			t.Errorf("reason is %q, want %q", got, reason)
		}
		w.score(scoring.NegInf)
		w.never("record.write", "server.mark", "server.unprotect", "server.arm-source false", "server.detach")
		if w.cluster.record != before || w.server.state.Writable {
			t.Error("something was changed")
		}
	}
	story(t, "an acker is missing", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.dies("db3")
		former := w.ballot(db1, "0-1-150")
		former.Role, former.Observed = scoring.RoleRecovering, false // but its ledger is there
		w.cluster.members[0].Online = true
		w.says(attrBallot, former)
		refused(t, w, "waiting for db3")
		if w.ledger.mem.Waiting == "" {
			t.Error("since when it waits is not remembered")
		}
	})
	story(t, "the other's ballot is of another election", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		b := w.ballot(db3, "0-1-150")
		b.Target = "db3"
		w.says(attrBallot, b)
		refused(t, w, "only 1 of 3 ledgers could be read")
	})
	story(t, "pre-promote did not run", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.ledger.mem.Freeze = nil
		refused(t, w, "pre-promote did not run")
	})
	story(t, "the freeze is from before a reboot", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.clock.boot = "boot-2"
		refused(t, w, "no ballot of this node")
	})
	story(t, "the freeze would end before promote does", func(t *testing.T, w *world) {
		w.request.Params["election_freeze"] = "30s"
		election(w, "0-1-150")
		refused(t, w, "election_freeze is shorter than")
	})
	story(t, "the clone lacks notify", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.request.Notify = false
		refused(t, w, "notify=true")
	})
	story(t, "diverged", func(t *testing.T, w *world) {
		w.ledger.mem.Foreign = "0-2-7"
		election(w, "0-1-150")
		refused(t, w, "diverged: 0-2-7")
	})
	story(t, "a spare", func(t *testing.T, w *world) {
		w.cluster.permanent["db2/db-candidate"] = "no"
		election(w, "0-1-150")
		refused(t, w, "spare")
	})
	story(t, "a delayed replica is no candidate, and acknowledges nothing", func(t *testing.T, w *world) {
		w.server.state.Source.Delay = time.Hour
		if err := w.do(Monitor); CodeOf(err) != Success {
			t.Error(err)
		}
		if w.server.state.SemiSync.ReplicaEnabled {
			t.Error("it still acknowledges")
		}
		w.score(scoring.NegInf)
	})
	story(t, "what candidate= says is not readable", func(t *testing.T, w *world) {
		w.cluster.permanent["db2/db-candidate"] = "perhaps"
		election(w, "0-1-150")
		refused(t, w, "spare")
	})
}

// A refusal for what this node lacks stands until it holds it or the record moves.
func TestRefusalIsRemembered(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		election(w, "0-1-160")
		b := w.ballot(db3, "0-1-160")
		b.Broken = "applier stopped, error 1062" // it has more, and cannot send it
		w.says(attrBallot, b)
		w.twice(Promote, ErrGeneric)
		if r := w.ledger.mem.Refusal; r == nil || r.Lacked != "0-1-160" {
			t.Fatalf("refusal is %+v", r)
		}
		w.says(attrPosition, w.replica(db3, "0-1-150"))
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.score(scoring.NegInf)
	})
}

// Between winning and opening, everything that could have changed is looked at
// again, and each fault leaves the server closed and the score low.
func TestPromoteStopsHalfWay(t *testing.T) {
	for _, c := range []struct {
		name, step, reason string
		fault              func(w *world) error
		closed             []string // what must not have been done
	}{
		{
			"a ballot was withdrawn", "server.observe", "the ballot of db3 was withdrawn",
			func(w *world) error { delete(w.cluster.private["db-ballot"], "db3"); return nil },
			[]string{"record.write", "server.mark"},
		},
		{
			"a ballot was cast anew", "server.observe", "the ballot of db3 was withdrawn",
			func(w *world) error {
				b := w.ballot(db3, "0-1-155")
				b.Counter = 8
				w.says(attrBallot, b)
				return nil
			},
			[]string{"record.write", "server.mark"},
		},
		{
			"a voter left the cluster", "server.observe", "the ballot of db3 was withdrawn",
			func(w *world) error { w.dies("db3"); return nil },
			[]string{"record.write", "server.mark"},
		},
		{
			"no quorum any more", "server.detach", "no quorum",
			func(w *world) error { w.cluster.quorate = false; return nil },
			[]string{"record.write", "server.mark"},
		},
		{
			"quorum is not known", "quorate", "quorum: injected fault",
			func(*world) error { return errInjected },
			[]string{"record.write", "server.mark"},
		},
		{
			"the record is not read back", "record.readback", "write the epoch record",
			func(*world) error { return errInjected },
			[]string{"server.mark", "server.arm-source true"},
		},
		{
			"the ledger is full", "ledger.save", "injected fault",
			func(w *world) error { return errInjected },
			[]string{"server.mark", "server.arm-source true"},
		},
		{
			"the marker is not written", "server.mark", "mark epoch 4",
			func(*world) error { return errInjected },
			nil,
		},
		{
			"commits would not wait", "server.arm-source true", "injected fault",
			func(*world) error { return errInjected },
			[]string{"server.mark"},
		},
		{
			"detaching fails", "server.detach", "detach from the old primary",
			func(*world) error { return errInjected },
			[]string{"record.write"},
		},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			election(w, "0-1-160") // to be fetched: so that there is a while
			inCatchUp := false
			w.on["server.follow db3"] = func() error { inCatchUp = true; return nil }
			w.on[c.step] = func() error {
				if !inCatchUp {
					return nil
				}
				return c.fault(w)
			}
			err := w.do(Promote)
			if CodeOf(err) != ErrGeneric || !strings.Contains(err.Error(), c.reason) {
				t.Fatalf("%v, want %q\n%s", err, c.reason, w.log.String())
			}
			w.score(scoring.NegInf)
			w.never(append(c.closed, "server.unprotect", "score 1000")...)
			if w.server.state.Writable {
				t.Error("writable")
			}
			// What was left half done is no obstacle to the next election.
			w.on, w.cluster.quorate, w.cluster.members[2].Online = map[string]func() error{}, true, true
			election(w, "0-1-160")
			if err := w.do(Promote); err != nil {
				t.Errorf("the election after it: %v", err)
			}
		})
	}
}

func TestPromoteNotFrozenLongEnough(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		election(w, "0-1-160")
		w.on["server.follow db3"] = func() error { time.Sleep(179 * time.Second); return nil }
		err := w.do(Promote)
		if CodeOf(err) != ErrGeneric || w.server.state.Writable {
			t.Errorf("%v", err)
		}
		w.never("record.write", "server.unprotect")
	})
}

func TestPromoteServer(t *testing.T) {
	story(t, "is not running", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.unit.process = Process{}
		w.twice(Promote, NotRunning)
		w.score(scoring.NegInf)
	})
	story(t, "does not answer", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.fails("server.observe", errInjected)
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect", "record.write")
		w.score(scoring.NegInf) // or Pacemaker comes straight back
	})
	story(t, "what is to be fetched does not come in time", func(t *testing.T, w *world) {
		election(w, "0-1-160")
		w.peers["db3"].executed = position(t, "0-1-155")
		begun := time.Now()
		err := w.do(Promote)
		if took := time.Since(begun); CodeOf(err) != ErrGeneric || took >= w.request.Timeout {
			t.Errorf("after %s: %v", took, err)
		}
		w.never("server.unprotect", "record.write")
		w.score(scoring.NegInf) // although the action's time is over
	})
	story(t, "opened, and seen not to be", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.on["server.unprotect"] = func() error { return errors.New("super_read_only") }
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.score(scoring.NegInf)
	})
}
