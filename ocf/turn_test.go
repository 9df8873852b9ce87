package ocf

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// When and why a node's role changed is kept where it happens, and published.
func TestTurns(t *testing.T) {
	turn := func(t *testing.T, w *world, what, why string) {
		t.Helper()
		got := w.ledger.mem.Turn
		if got == nil || got.What != what || !strings.Contains(got.Why, why) {
			t.Fatalf("turn is %+v, want %s: %s", got, what, why)
		}
		if _, err := time.Parse(time.RFC3339, got.At); err != nil {
			t.Error(err)
		}
	}
	promoted := &Turn{What: "promoted", At: "2026-11-26T01:00:00Z", Why: "x"}
	story(t, "demoted as asked, once", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "asked")
		first := *w.ledger.mem.Turn
		time.Sleep(time.Hour)
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, *w.ledger.mem.Turn); diff != "" {
			t.Error(diff)
		}
		if p, ok := w.said(attrPosition); !ok || p.Turn == nil || p.Turn.What != "demoted" {
			t.Errorf("published: %+v", p)
		}
	})
	story(t, "its server had ended", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.unit.process = Process{}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "had ended")
	})
	story(t, "killed", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.server.state.SemiSync.Waiting = 2
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "killed")
	})
	story(t, "a replica's demote is none", func(t *testing.T, w *world) {
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if w.ledger.mem.Turn != nil {
			t.Errorf("%+v", w.ledger.mem.Turn)
		}
	})
	story(t, "a ledger that cannot keep it does not hold up a demote", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.cluster.quorate = false // nothing else is to be saved
		w.fails("ledger.save", errInjected)
		if err := w.do(Demote); err != nil {
			t.Error(err)
		}
	})
}
