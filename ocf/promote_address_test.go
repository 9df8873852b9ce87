package ocf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
	"github.com/mysql-ha/mysql-ha/vip"
)

func TestPromoteAddress(t *testing.T) {
	story(t, "is still held elsewhere", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		w.fails("address.free", errors.New("10.0.0.5 is at 02:00:00:00:00:01"))
		begun := time.Now()
		err := w.do(Promote)
		// The holder may be a node that came back, which is looked at only afterwards.
		if took := time.Since(begun); CodeOf(err) != ErrGeneric || took > w.request.Timeout/3 {
			t.Errorf("after %s: %v", took, err)
		}
		if !strings.Contains(err.Error(), "virtual ip") || !strings.Contains(err.Error(), "02:00:00:00:00:01") {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect", "address.up", "record.write")
		w.score(scoring.NegInf)
	})
	story(t, "what it waits for is shown, once", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		w.fails("address.free", fmt.Errorf("%w: 02:00:00:00:00:01 has 10.0.0.5", vip.ErrConflict))
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		if got := w.cluster.public["db-reason"]; !strings.HasPrefix(got, Delayed+"in use by another host") {
			t.Error(got)
		}
		shown := slices.DeleteFunc(slices.Clone(w.steps), func(s string) bool { return s != "publish db-reason" })
		if len(shown) != 1 {
			t.Errorf("shown %d times", len(shown))
		}
	})
	story(t, "without a link it is not waited for", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		w.fails("address.free", fmt.Errorf("vip: %w: eth1", vip.ErrLinkDown))
		begun := time.Now()
		err := w.do(Promote)
		if took := time.Since(begun); CodeOf(err) != ErrGeneric || !errors.Is(err, vip.ErrLinkDown) || took > w.request.Timeout/2 {
			t.Errorf("after %s: %v", took, err)
		}
		w.never("server.unprotect", "address.up", "record.write")
		w.score(scoring.NegInf)
	})
	story(t, "is given up in time", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		begun := time.Now()
		w.on["address.free"] = func() error {
			if time.Since(begun) < 2*time.Second {
				return errInjected
			}
			return nil
		}
		w.twice(Promote, Success)
	})
	story(t, "a ballot is withdrawn while it is waited for", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		begun := time.Now()
		w.on["address.free"] = func() error {
			if time.Since(begun) < 10*time.Second {
				return errInjected
			}
			delete(w.cluster.private["db-ballot"], "db3")
			return nil
		}
		if err := w.do(Promote); CodeOf(err) != ErrGeneric || !strings.Contains(err.Error(), "withdrawn") {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect")
	})
	story(t, "the probe panics", func(t *testing.T, w *world) {
		election(w, "0-1-150")
		w.address = &fakeAddress{journal: w.journal}
		w.on["address.free"] = func() error { panic("boom") }
		if err := w.do(Promote); CodeOf(err) != ErrGeneric || !strings.Contains(err.Error(), "probe: boom") {
			t.Errorf("%v", err)
		}
	})
}

// Without any cluster (ocf-tester) there is nothing to elect; a cluster that does
// not answer is not "no cluster".
// byHand is a call without any cluster, as by ocf-tester.
func byHand(w *world) {
	w.request.Cluster, w.request.CloneMax, w.request.Clone, w.request.Notify = false, 1, false, false
	w.cluster.private = map[string]map[string]string{}
	w.server.rows, w.ledger.mem = nil, Memory{}
	for _, step := range []string{
		"members", "managed", "record.read", "collect db-position", "collect db-ballot", "permanent db-candidate", "quorate", "score -INFINITY", "score 0", "score 1000",
		"publish db-position", "withdraw db-position", "withdraw db-ballot", "publish db-status", "publish db-reason", "shown db-status", "shown db-reason",
	} {
		w.fails(step, ErrNoCluster)
	}
}

func TestPromoteAlone(t *testing.T) {
	story(t, "opens", func(t *testing.T, w *world) {
		byHand(w)
		w.server.state.Source = nil
		if err := w.do(Promote); err != nil {
			t.Fatal(err)
		}
		if !w.server.state.Writable {
			t.Error("not open")
		}
		if err := w.do(Promote); err != nil {
			t.Errorf("again: %v", err)
		}
		if err := w.do(Demote); err != nil {
			t.Errorf("demote: %v", err)
		}
		if w.server.state.Writable {
			t.Error("still open")
		}
	})
	story(t, "a resource that the cluster does not know", func(t *testing.T, w *world) {
		byHand(w)
		w.fails("managed", ErrNoResource)
		w.twice(Promote, Success)
		w.twice(Monitor, RunningPromoted)
		w.never("record.write")
	})
	story(t, "but not where the cluster called", func(t *testing.T, w *world) {
		byHand(w)
		w.request.Cluster = true
		w.fails("managed", ErrNoResource)
		if err := w.do(Promote); err == nil {
			t.Error("promoted")
		}
		w.never("server.unprotect")
	})
	story(t, "a cluster that does not answer", func(t *testing.T, w *world) {
		byHand(w)
		w.fails("managed", errInjected)
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect")
	})
	story(t, "a cluster that runs", func(t *testing.T, w *world) {
		byHand(w)
		w.on = map[string]func() error{}
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect")
	})
	story(t, "a cluster called, and none answers", func(t *testing.T, w *world) {
		byHand(w)
		w.request.Cluster = true
		if err := w.do(Promote); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("server.unprotect")
	})
}
