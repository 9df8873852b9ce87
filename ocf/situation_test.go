package ocf

import (
	"context"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// fakeSurroundings is what the CIB says.
type fakeSurroundings struct {
	*journal
	says Overview
}

func (s fakeSurroundings) Overview(context.Context) (Overview, error) {
	return s.says, s.step("overview")
}

func TestSituation(t *testing.T) {
	says := Overview{Resource: "db", Clone: "db-clone", Quorate: new(true), Fencing: true, Managed: new(true), Nodes: []NodeOverview{
		{Name: "db1", Online: true, Score: "1000"}, {Name: "db2", Online: true, Score: "0"}, {Name: "db3", Online: true, Score: "0"},
	}}
	ask := func(w *world) *Agent {
		a := w.agent("operator")
		a.Surroundings = fakeSurroundings{w.journal, says}
		return a
	}
	look := func(t *testing.T, w *world) Situation {
		t.Helper()
		r, err := ask(w).Situation(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	story(t, "of what was published", func(t *testing.T, w *world) {
		w.address = &fakeAddress{journal: w.journal}
		w.ledger.mem.Turn = &Turn{What: "demoted", At: time.Now().Format(time.RFC3339), Why: "x"}
		w.request.Interval = 6 * time.Second
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.clear()
		r := look(t, w)
		if p, ok := r.View.Living(); !ok || p.Node != db1 || r.View.RecordError != "" {
			t.Errorf("living: %+v; %s", p, r.View.RecordError)
		}
		if place, ok := scoring.Rank(r.View).Of("db2"); !ok || place.Score != 0 {
			t.Errorf("%+v", place)
		}
		s := r.Said["db2"]
		if s.Epoch != 3 || !s.Acks || !s.Connected || s.Follows != "db1" || s.Address == nil || *s.Address || s.Turn == nil || s.Turn.What != "demoted" {
			t.Errorf("said: %+v", s)
		}
		if r.Shown != "" || r.View.Record == nil || r.Asked != "db2" {
			t.Errorf("%+v", r)
		}
		w.never("server.observe", "unit.look", "ledger.save")
	})
	story(t, "of a node whose server is down: its own ledger knows", func(t *testing.T, w *world) {
		w.ledger.mem.Turn = &Turn{What: "promoted", At: "2026-11-26T03:12:45Z", Why: "x"}
		r := look(t, w)
		if s := r.Said["db2"]; s.Turn == nil || s.Turn.What != "promoted" || s.Epoch != 0 {
			t.Errorf("said: %+v", s)
		}
		if place, ok := scoring.Rank(r.View).Of("db2"); !ok || place.Score != scoring.NegInf || place.Rule != scoring.RuleUnseen {
			t.Errorf("%+v", place)
		}
	})
	story(t, "with a cib that went back in time", func(t *testing.T, w *world) {
		w.cluster.record = ""
		if r := look(t, w); r.Shown != "none" || r.View.Record == nil {
			t.Errorf("%q", r.Shown)
		}
	})
	for _, step := range []string{"collect db-position", "ledger.load", "members", "overview"} {
		story(t, "no answer, no situation: "+step, func(t *testing.T, w *world) {
			w.fails(step, errInjected)
			if r, err := ask(w).Situation(t.Context()); err == nil {
				t.Errorf("%+v", r)
			}
		})
	}
	story(t, "an unreadable record is told", func(t *testing.T, w *world) {
		w.fails("record.read", errInjected)
		if r := look(t, w); r.View.RecordError == "" || r.View.Record != nil {
			t.Errorf("%+v", r.View)
		}
	})
}
