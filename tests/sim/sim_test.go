package sim

import (
	"fmt"
	"sync/atomic"
	"testing"
)

// steps per run: each round is many events.
const steps = 500

// options vary the cluster with the seed.
func options(seed uint64, plant Plant) Options {
	sizes := []int{3, 3, 3, 3, 4, 3, 2, 5}
	return Options{Nodes: sizes[seed%8], Spare: seed%16 == 4, Unsync: seed%16 == 9, Plant: plant}
}

func report(t *testing.T, seed uint64, opt Options, events []Event) {
	t.Helper()
	events = Shrink(opt, events)
	w := Replay(opt, events)
	t.Errorf("seed %d, %+v: %s\nevents: %v\n%s", seed, opt, w.truth.violation, events, w.Describe())
}

func TestInvariantsHold(t *testing.T) {
	const workers = 8
	seeds := 3000
	if testing.Short() {
		seeds = 800
	}
	var open, epochs, rows, failed atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d of %d runs end with a primary; %d epochs with rows, %d rows", open.Load(), seeds, epochs.Load(), rows.Load())
		if open.Load() < int64(seeds)*8/10 || epochs.Load() < int64(seeds)*2 {
			t.Errorf("too little happens: the model proves nothing")
		}
	})
	for k := range workers {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			for seed := uint64(k); seed < uint64(seeds); seed += workers {
				opt := options(seed, Sound)
				w, events := Run(opt, seed, steps)
				if w.truth.violation != "" {
					if failed.Add(1) <= 2 {
						report(t, seed, opt, events)
					}
					t.Fail()
					continue
				}
				if w.Primary() != nil {
					open.Add(1)
				}
				epochs.Add(int64(len(w.truth.epochs)))
				rows.Add(int64(len(w.truth.acked)))
			}
		})
	}
}

func TestPlantsAreFound(t *testing.T) {
	for plant, name := range map[Plant]string{
		DeadBallots: "scores and ballots of a dead node", NoAckers: "proof without ackers",
		UndoFreeze: "monitor undoes the freeze", UnsetScore: "unset score under a preference",
		NoLineage: "divergence without lineage", TrustCIB: "cib record as the newest",
		FewLedgers: "few ledgers read",
		EarlyAck:   "acker not yet known", OpenAccounts: "accounts not locked",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(3000) {
				w, _ := Run(options(seed, plant), seed, steps)
				if w.truth.violation != "" {
					t.Logf("seed %d: %s", seed, w.truth.violation)
					return
				}
			}
			t.Error("not found")
		})
	}
}
