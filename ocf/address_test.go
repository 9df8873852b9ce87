package ocf

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mysql-ha/mysql-ha/scoring"
	"github.com/mysql-ha/mysql-ha/vip"
)

func TestAddressLink(t *testing.T) {
	down := fmt.Errorf("vip 10.0.0.5/24: %w: eth1", vip.ErrLinkDown)
	story(t, "a primary without it makes room for a replica", func(t *testing.T, w *world) {
		w.reign()
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.fails("address.usable", down)
		err := w.do(Monitor)
		if got := ExitReason(err); CodeOf(err) != ErrGeneric || !strings.HasPrefix(got, "virtual ip: vip 10.0.0.5/24: link is down") {
			t.Errorf("%d %s", CodeOf(err), got)
		}
		w.score(scoring.NegInf)
		// Demoted, it does not come back by its score, before its link does.
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.score(scoring.NegInf)
		delete(w.on, "address.usable")
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		if w.ledger.mem.Refusal != nil {
			t.Errorf("still refused: %v", w.ledger.mem.Refusal)
		}
	})
	story(t, "it stays where nobody else has one", func(t *testing.T, w *world) {
		w.reign()
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.fails("address.usable", down)
		w.dies("db2")
		w.dies("db3")
		w.twice(Monitor, DegradedPromoted)
		w.score(scoring.PrimaryScore)
		if got := w.cluster.public["db-reason"]; !strings.Contains(got, "link is down") {
			t.Error(got)
		}
	})
	story(t, "a moment without is nothing", func(t *testing.T, w *world) {
		w.reign()
		w.address = &fakeAddress{journal: w.journal, held: true}
		looks := 0
		w.on["address.usable"] = func() error {
			if looks++; looks < 3 {
				return down
			}
			return nil
		}
		w.twice(Monitor, RunningPromoted)
	})
	story(t, "a replica without it says so", func(t *testing.T, w *world) {
		w.address = &fakeAddress{journal: w.journal}
		w.fails("address.usable", down)
		w.twice(Monitor, Success)
		p, err := DecodePublication(w.cluster.private["db-position"][w.self.Name])
		if err != nil || !strings.Contains(p.Unlinked, "link is down") {
			t.Errorf("%q %v", p.Unlinked, err)
		}
	})
}
