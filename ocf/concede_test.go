package ocf

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// Whoever fails to be promoted frees those who froze for it, unless a new epoch may be
// on record.
func TestConcede(t *testing.T) {
	for _, c := range []struct {
		name, step string
		conceded   bool
	}{
		{"the ballots do not suffice", "collect db-ballot", true},
		{"the server does not detach", "server.detach", false},
		{"the record may be written", "record.readback", false},
		{"the server does not open", "server.unprotect", false},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			election(w, "0-1-150")
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			if c.conceded {
				w.dies("db1")
				lone := w.ballot(db3, "0-1-150")
				lone.Observed = false
				w.says(attrBallot, lone)
			} else {
				w.fails(c.step, errInjected)
			}
			if err := w.do(Promote); CodeOf(err) != ErrGeneric {
				t.Fatal(err)
			}
			w.score(scoring.NegInf)
			p, _ := w.said(attrPosition)
			_, ballot := w.said(attrBallot)
			want := map[string]uint64{"db3": 7}
			if got := maps.Equal(p.Conceded, want); got != c.conceded {
				t.Errorf("conceded are %v", p.Conceded)
			}
			if bound := w.ledger.mem.Freeze != nil; bound == c.conceded || ballot == c.conceded {
				t.Errorf("still bound: %t, its ballot stands: %t", bound, ballot)
			}
			if c.conceded {
				// Gone before it is told; and what is published next tells it, too.
				w.inOrder("ledger.save", "withdraw db-ballot", "publish db-position")
				w.on = map[string]func() error{}
				w.clear()
				if err := w.do(Monitor); err != nil {
					t.Fatal(err)
				}
				if p, _ := w.said(attrPosition); !maps.Equal(p.Conceded, want) {
					t.Errorf("a monitor says %v", p.Conceded)
				}
				if err := w.do(Promote); !strings.Contains(ExitReason(err), "pre-promote did not run") {
					t.Errorf("promoted by ballots that were given back: %v", err)
				}
			}
		})
	}
}

// A replica whose promise was given back follows the primary that goes on.
func TestConcededTo(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *world, p *Publication)
		free   bool
	}{
		{"", func(*world, *Publication) {}, true},
		{"another promise", func(_ *world, p *Publication) { p.Conceded["db2"]++ }, false},
		{"of another node", func(_ *world, p *Publication) { p.Conceded = map[string]uint64{"db1": p.Conceded["db2"]} }, false},
		{"while there is nobody to follow", func(w *world, _ *Publication) { w.dies("db1") }, false},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			prePromote(w, "db3")
			if err := w.do(Notify); err != nil {
				t.Fatal(err)
			}
			p := w.replica(db3, "0-1-150")
			p.Conceded = map[string]uint64{"db2": w.ledger.mem.Freeze.Counter}
			c.change(w, &p)
			w.says(attrPosition, p)
			w.clear()
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			if free := w.ledger.mem.Freeze == nil; free != c.free || w.server.state.Receiver.Running != c.free {
				t.Fatalf("free: %t, receiver %+v", free, w.server.state.Receiver)
			}
			if c.free {
				w.inOrder("withdraw db-ballot", "server.follow db1")
				if w.ledger.mem.Promise != nil || !w.server.state.SemiSync.ReplicaOn {
					t.Errorf("promise %+v, acknowledges: %t", w.ledger.mem.Promise, w.server.state.SemiSync.ReplicaOn)
				}
			}
		})
	}
}

// The first failure costs nothing; those right after it keep the score down, longer
// each time.
func TestSetback(t *testing.T) {
	story(t, "", func(t *testing.T, w *world) {
		fails := func() {
			election(w, "0-1-150")
			w.fails("server.detach", errInjected)
			if err := w.do(Promote); CodeOf(err) != ErrGeneric {
				t.Fatal(err)
			}
			w.on = map[string]func() error{}
		}
		for _, down := range []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second} {
			fails()
			for since := time.Now(); ; time.Sleep(time.Second) {
				if err := w.do(Monitor); err != nil {
					t.Fatal(err)
				}
				if w.cluster.scores["db2"] != scoring.NegInf {
					if took := time.Since(since); took < down-time.Second || took > down+time.Second {
						t.Errorf("down for %s, want %s", took, down)
					}
					break
				}
				if reason := w.cluster.public["db-reason"]; !strings.Contains(reason, "promotions in a row have failed, the next after "+down.String()+": detach from the old primary") {
					t.Fatalf("the reason is %q", reason)
				}
				if time.Since(since) > time.Minute {
					t.Fatal("it stays down")
				}
			}
		}
		time.Sleep(setbackSoon)
		fails()
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.score(0)
	})
}
