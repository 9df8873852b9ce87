package ocf

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// harm is what nobody may do to a server that runs because of something else.
var harm = []string{"unit.kill", "unit.terminate", "server.protect", "address.down", "server.evict", "server.arm-source false"}

// A cluster that stumbles is no server's failure: nothing is recovered, and the
// error is in the log.
func TestMonitorTroubledPrimary(t *testing.T) {
	for _, step := range []string{
		"permanent db-candidate", "publish db-position", "score 1000", "publish db-status", "publish db-reason",
		"quorate", "record.write", "record.readback", "ledger.save", "server.prepare",
	} {
		story(t, step, func(t *testing.T, w *world) {
			w.reign()
			w.request.Interval = 5 * time.Second
			w.address = &fakeAddress{journal: w.journal, held: true}
			w.cluster.record = strings.Replace(epoch3, "epoch=3", "epoch=2", 1) // to be written again
			w.fails(step, errInjected)
			if err := w.do(Monitor); CodeOf(err) != DegradedPromoted {
				t.Errorf("code %d: %v", CodeOf(err), err)
			}
			w.never(harm...)
			if !w.server.state.Writable || !strings.Contains(w.log.String(), "injected fault") {
				t.Errorf("writable: %t; log:\n%s", w.server.state.Writable, w.log.String())
			}
			w.on = map[string]func() error{}
			if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
				t.Errorf("afterwards: %v", err)
			}
			w.score(scoring.PrimaryScore)
		})
	}
	for step, reason := range map[string]string{
		"address.held":           "virtual ip: injected fault",
		"address.up":             "virtual ip: injected fault",
		"server.arm-source true": "commits would not wait for an acknowledgement: injected fault",
	} {
		story(t, step+": that is its failure", func(t *testing.T, w *world) {
			w.reign()
			w.address = &fakeAddress{journal: w.journal}
			w.server.state.SemiSync.SourceOn = false
			w.fails(step, errInjected)
			if err := w.do(Monitor); CodeOf(err) != ErrGeneric || ExitReason(err) != reason {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestMonitorTroubledReplica(t *testing.T) {
	for _, step := range []string{
		"permanent db-candidate", "publish db-position", "score 0", "publish db-status", "publish db-reason", "server.prepare",
	} {
		story(t, step, func(t *testing.T, w *world) {
			w.request.Interval = 6 * time.Second
			w.fails(step, errInjected)
			w.twice(Monitor, Degraded)
			w.never(harm...)
			w.score(scoring.NegInf)
			if !strings.Contains(w.log.String(), "injected fault") {
				t.Error(w.log.String())
			}
			w.on = map[string]func() error{}
			if err := w.do(Monitor); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			w.score(0)
		})
		story(t, step+", a probe", func(t *testing.T, w *world) {
			w.fails(step, errInjected)
			w.twice(Monitor, Success)
			w.score(scoring.NegInf)
		})
	}
	story(t, "nor can the score be lowered", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		w.fails("publish db-position", errInjected)
		w.fails("score -INFINITY", errInjected)
		if err := w.do(Monitor); CodeOf(err) != Degraded {
			t.Errorf("%v", err)
		}
	})
}

// TestMonitorSplit: both halves of a cluster of two may have gone on by data_loss=allow.
// The one that is read-only is no primary, or Pacemaker would restart it for ever.
func TestMonitorSplit(t *testing.T) {
	story(t, "read-only", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		w.ledger.mem.Record = strings.NewReplacer("db1:aa", "db2:bb", "ackers=db2:bb", "ackers=db1:aa").Replace(epoch3)
		w.twice(Monitor, Degraded)
		if got := w.cluster.public["db-reason"]; got != scoring.ErrSplit.Error() {
			t.Errorf("it says %q", got)
		}
	})
}

// TestMonitorOutlives: the server dies, and the exit hook withdraws its score, before
// the monitor writes the one that it has computed.
func TestMonitorOutlives(t *testing.T) {
	for name, prepare := range map[string]func(w *world){"primary": (*world).reign, "replica": func(*world) {}} {
		story(t, name, func(t *testing.T, w *world) {
			prepare(w)
			w.on["publish db-position"] = func() error { w.unit.process = Process{}; return nil }
			if err := w.do(Monitor); CodeOf(err) != NotRunning {
				t.Errorf("%v", err)
			}
			w.score(scoring.NegInf)
			if p, ok := w.said(attrPosition); ok {
				t.Errorf("it still says %+v", p)
			}
		})
	}
}

// Whoever cannot log in cannot tell what role a server has; where none runs there
// is nothing to log in to.
func TestMonitorMisconfigured(t *testing.T) {
	refused := errors.New("/etc/mysql-ha/credentials has mode 0644")
	monitor := func(w *world) error {
		a := w.agent(Monitor)
		a.Misconfigured = refused
		return a.Do(w.t.Context())
	}
	story(t, "a server runs", func(t *testing.T, w *world) {
		err := monitor(w)
		if CodeOf(err) != ErrGeneric || ExitReason(err) != "credentials: "+refused.Error() {
			t.Errorf("%v", err)
		}
		w.never("server.ping", "server.observe")
	})
	story(t, "none runs", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		if err := monitor(w); CodeOf(err) != NotRunning {
			t.Errorf("%v", err)
		}
		w.score(scoring.NegInf)
	})
	story(t, "nobody can tell", func(t *testing.T, w *world) {
		w.fails("unit.look", errInjected)
		if err := monitor(w); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
	})
}

// Each write of a public attribute makes the cluster compute: a monitor writes
// what has changed, everybody else makes sure.
func TestMonitorWritesOnChange(t *testing.T) {
	public := func(w *world) (written []string) {
		for _, step := range w.steps {
			if strings.HasPrefix(step, "score ") || step == "publish db-status" || step == "publish db-reason" {
				written = append(written, step)
			}
		}
		return written
	}
	expect := func(t *testing.T, w *world, want ...string) {
		t.Helper()
		w.clear()
		if err := w.do(Monitor); CodeOf(err) != Success && CodeOf(err) != RunningPromoted {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, public(w)); diff != "" {
			t.Error(diff)
		}
		if !slices.Contains(w.steps, "publish db-position") {
			t.Error("the position is not told")
		}
	}
	story(t, "replica", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		expect(t, w, "score 0", "publish db-status", "publish db-reason")
		expect(t, w)
		lag := 10 * time.Second
		w.server.state.Lag = &lag
		expect(t, w, "publish db-status")
		expect(t, w)
		delete(w.cluster.scores, "db2") // its attribute daemon was restarted
		expect(t, w, "score 0")
		w.cluster.scores["db2"] = scoring.NegInf
		expect(t, w, "score 0")
	})
	story(t, "primary", func(t *testing.T, w *world) {
		w.reign()
		w.request.Interval = 5 * time.Second
		expect(t, w, "score 1000", "publish db-status", "publish db-reason")
		expect(t, w)
	})
	story(t, "what cannot be compared is written", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		expect(t, w, "score 0", "publish db-status", "publish db-reason")
		for _, step := range []string{"shown master-db", "shown db-status", "shown db-reason"} {
			w.fails(step, errInjected)
		}
		expect(t, w, "score 0", "publish db-status", "publish db-reason")
	})
	story(t, "a probe makes sure of the score", func(t *testing.T, w *world) {
		w.cluster.scores["db2"] = 0
		expect(t, w, "score 0", "publish db-status", "publish db-reason")
		expect(t, w, "score 0")
	})
	story(t, "the CIB is late", func(t *testing.T, w *world) {
		w.request.Interval = 6 * time.Second
		w.cluster.scores["db2"] = scoring.NegInf
		// Raised, then to be lowered again while the CIB shows what was before.
		w.on["publish db-status"] = func() error { return errInjected }
		shown := scoring.FormatScore(scoring.NegInf)
		w.cluster.late = &shown
		if err := w.do(Monitor); CodeOf(err) != Degraded {
			t.Fatal(err)
		}
		w.inOrder("score 0", "publish db-status", "score -INFINITY")
	})
}

func TestStartTroubled(t *testing.T) {
	for _, step := range []string{
		"members", "collect db-position", "record.read", "permanent db-candidate", "publish db-position", "score 0",
		"publish db-status", "publish db-reason", "server.prepare", "ledger.save",
	} {
		story(t, step, func(t *testing.T, w *world) {
			w.server.state.Writable = true
			w.ledger.mem.Record = "" // so that there is something to save
			w.fails(step, errInjected)
			w.twice(Start, Success)
			w.score(scoring.NegInf)
			if w.server.state.Writable || !strings.Contains(w.log.String(), "injected fault") {
				t.Errorf("writable: %t; log:\n%s", w.server.state.Writable, w.log.String())
			}
			w.on, w.request.Interval = map[string]func() error{}, 6*time.Second
			if err := w.do(Monitor); err != nil {
				t.Errorf("afterwards: %v", err)
			}
			w.score(0)
		})
	}
	story(t, "a server of another kind is its failure", func(t *testing.T, w *world) {
		w.server.state.Refused = "galera is not supported"
		if err := w.do(Start); CodeOf(err) != ErrGeneric || ExitReason(err) != "start: galera is not supported" {
			t.Errorf("%v", err)
		}
	})
}

// Without a cluster there is no record to go by: what is writable is what an
// operator, or ocf-tester, has promoted.
func TestMonitorAlone(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		byHand(w)
		w.server.state.Source, w.server.state.Writable = nil, true
		w.twice(Monitor, RunningPromoted)
		w.never(harm...)
	})
	story(t, "a tool that fails is no absence", func(t *testing.T, w *world) {
		byHand(w)
		w.server.state.Source, w.server.state.Writable = nil, true
		w.fails("managed", errInjected)
		if err := w.do(Monitor); CodeOf(err) == RunningPromoted {
			t.Errorf("%v", err)
		}
	})
	story(t, "a cluster that called is no absence", func(t *testing.T, w *world) {
		byHand(w)
		w.request.Cluster = true
		w.server.state.Source, w.server.state.Writable = nil, true
		if err := w.do(Monitor); CodeOf(err) == RunningPromoted {
			t.Errorf("%v", err)
		}
	})
}

// A write of the CIB succeeds in a partition without quorum, too. Whoever cannot
// rule that out has not written.
func TestQuorumIsAskedAgain(t *testing.T) {
	lost := map[string]func(w *world) error{
		"lost":      func(w *world) error { w.cluster.quorate = false; return nil },
		"not known": func(w *world) error { w.fails("quorate", errInjected); return nil },
	}
	for name, fault := range lost {
		story(t, "promote: "+name, func(t *testing.T, w *world) {
			election(w, "0-1-150")
			w.on["record.readback"] = func() error { return fault(w) }
			if err := w.do(Promote); CodeOf(err) != ErrGeneric || !strings.Contains(err.Error(), "quorum") {
				t.Errorf("%v", err)
			}
			w.never("server.mark", "server.unprotect", "score 1000")
			w.score(scoring.NegInf)
			if rec := record(t, w.ledger.mem.Record); rec.Epoch != 3 {
				t.Errorf("remembered is %s", rec)
			}
		})
		story(t, "monitor: "+name, func(t *testing.T, w *world) {
			aside(t, w)
			w.request.Interval = 5 * time.Second
			before := w.ledger.mem.Record
			w.on["record.readback"] = func() error { return fault(w) }
			if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
				t.Errorf("%v", err)
			}
			if w.ledger.mem.Record != before {
				t.Errorf("remembered is %s", w.ledger.mem.Record)
			}
		})
		story(t, "a grant: "+name, func(t *testing.T, w *world) {
			w.on["record.readback"] = func() error { return fault(w) }
			rec := scoring.Granted(nil, db2, scoring.GrantAcceptLoss, position(t, "0-1-150"))
			if err := w.agent("operator").PutGrant(t.Context(), rec); err == nil || !strings.Contains(err.Error(), "quorum") {
				t.Errorf("%v", err)
			}
		})
	}
}

// Two who read the same record cannot both replace it.
func TestRecordIsComparedAndSwapped(t *testing.T) {
	other := strings.Replace(epoch3, "rev=1", "rev=2", 1)
	story(t, "promote", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.on["record.write"] = func() error { w.cluster.record = other; return nil }
		if err := w.do(Promote); CodeOf(err) != ErrGeneric || !strings.Contains(err.Error(), "it has changed since it was read") {
			t.Errorf("%v", err)
		}
		w.never("server.mark", "server.unprotect")
		if w.cluster.record != other {
			t.Errorf("overwritten with %s", w.cluster.record)
		}
	})
	story(t, "monitor", func(t *testing.T, w *world) {
		aside(t, w)
		w.on["record.write"] = func() error { w.cluster.record = other; return nil }
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted || w.cluster.record != other {
			t.Errorf("%v, %s", err, w.cluster.record)
		}
	})
	story(t, "a grant", func(t *testing.T, w *world) {
		rec := scoring.Granted(nil, db2, scoring.GrantAcceptLoss, position(t, "0-1-150"))
		w.on["record.write"] = func() error { w.cluster.record = other; return nil }
		if err := w.agent("operator").PutGrant(t.Context(), rec); err == nil || w.cluster.record != other {
			t.Errorf("%v", err)
		}
	})
}

// An acknowledgement that was lost on the way is not sent again: commits wait
// although an acker holds them, until something later is acknowledged.
func TestNudge(t *testing.T) {
	// waiting is the second monitor in which commits wait and nothing moves.
	waiting := func(w *world) {
		w.reign()
		w.request.Interval = 5 * time.Second
		w.server.state.SemiSync.Waiting = 2
		_ = w.do(Monitor)
		w.never("server.nudge")
		w.clear()
	}
	story(t, "an acker holds them", func(t *testing.T, w *world) {
		waiting(w)
		w.twice(Monitor, RunningPromoted)
		w.inOrder("peer.position db2", "server.nudge")
		w.never(harm...)
	})
	story(t, "others come through meanwhile", func(t *testing.T, w *world) {
		waiting(w)
		for _, at := range []string{"0-1-151", "0-1-152"} {
			if err := w.server.execute(position(t, at)); err != nil {
				t.Fatal(err)
			}
			w.peers["db2"].executed = position(t, at)
			if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
				t.Fatal(err)
			}
		}
		w.never("server.nudge")
	})
	story(t, "one of the ackers does", func(t *testing.T, w *world) {
		waiting(w)
		w.peers["db2"].executed = position(t, "0-1-140")
		w.twice(Monitor, RunningPromoted)
		w.inOrder("peer.position db2", "peer.position db3", "server.nudge")
	})
	story(t, "it does not help: not the server's failure", func(t *testing.T, w *world) {
		waiting(w)
		w.fails("server.nudge", replication.ErrUnreachable)
		w.twice(Monitor, RunningPromoted)
	})
	story(t, "nobody holds them", func(t *testing.T, w *world) {
		waiting(w)
		for _, p := range w.peers {
			p.executed = position(t, "0-1-140")
		}
		w.twice(Monitor, RunningPromoted)
		w.never("server.nudge")
	})
	story(t, "nobody is there who would acknowledge it", func(t *testing.T, w *world) {
		waiting(w)
		w.server.state.SemiSync.Clients = 0
		w.twice(Monitor, RunningPromoted)
		w.never("server.nudge")
	})
	story(t, "nobody can be asked", func(t *testing.T, w *world) {
		waiting(w)
		clear(w.peers)
		w.twice(Monitor, RunningPromoted)
		w.never("server.nudge")
	})
	story(t, "nobody waits", func(t *testing.T, w *world) {
		w.reign()
		w.twice(Monitor, RunningPromoted)
		w.never("server.nudge")
	})
	story(t, "a holder that is no acker", func(t *testing.T, w *world) {
		aside(t, w)
		w.server.state.SemiSync.Waiting = 2
		w.peers["db2"].executed = position(t, "0-1-140")
		w.server.attached = []string{"repl.db2"} // or it would become one
		w.twice(Monitor, RunningPromoted)
		w.never("server.nudge")
	})
}

func TestReloadAgent(t *testing.T) {
	story(t, "changes nothing", func(t *testing.T, w *world) {
		w.twice(ReloadAgent, Success)
		if diff := cmp.Diff([]string{"ledger.lock"}, w.steps); diff != "" {
			t.Error(diff)
		}
	})
	story(t, "says what is wrong", func(t *testing.T, w *world) {
		w.request.Notify = false
		w.twice(ReloadAgent, ErrConfigured)
	})
}
