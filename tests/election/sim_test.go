package election

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
	const workers = 4
	seeds := 2000
	if testing.Short() {
		seeds = 400
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
				if w.primary() != nil {
					open.Add(1)
				}
				epochs.Add(int64(len(w.truth.epochs)))
				rows.Add(int64(len(w.truth.acked)))
			}
		})
	}
}

// TestPlantsAreFound shows that the model can find mistakes: each of these must
// violate an invariant. Where a mistake needs a rare coincidence, the cluster and
// its misfortunes are chosen for it.
func TestPlantsAreFound(t *testing.T) {
	for _, c := range []struct {
		name string
		Options
		from uint64 // first seed: shortly before one that finds it, to save time
	}{
		{"scores and ballots of a dead node", Options{Nodes: 5, Plant: DeadBallots, Often: []kind{evCrash}}, 700},
		{"proof without ackers", Options{Nodes: 3, Plant: NoAckers}, 0},
		{"monitor undoes the freeze", Options{Nodes: 3, Plant: UndoFreeze, Often: []kind{evCut, evHeal}}, 0},
		{"unset score under a preference", Options{Nodes: 3, Plant: UnsetScore, Often: []kind{evPrefer}}, 450},
		{"divergence without lineage", Options{Nodes: 3, Plant: NoLineage}, 0},
		{"cib record as the newest", Options{Nodes: 3, Plant: TrustCIB, Often: []kind{evMinority}}, 0},
		{"promise forgotten with the freeze", Options{Nodes: 4, Plant: ForgetPromise, Often: []kind{evMinority, evExclude, evCut, evHeal}}, 1250},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const enough = 2000
			for seed := c.from; seed < c.from+enough; seed++ {
				if w, _ := Run(c.Options, seed, steps); w.truth.violation != "" {
					t.Logf("seed %d: %s", seed, w.truth.violation)
					sound := c.Options
					sound.Plant = Sound
					if w, events := Run(sound, seed, steps); w.truth.violation != "" {
						report(t, seed, sound, events)
					}
					return
				}
			}
			t.Errorf("not found in %d seeds", enough)
		})
	}
}
