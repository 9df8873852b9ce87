//go:build plant_no_ackers || plant_dead_floor || plant_unset_score || plant_thaw_in_monitor || plant_stop_before_apply || plant_degrade_first || plant_reissue_gtid || plant_term_with_waiters || plant_drop_own_tail || plant_purge_at_start || plant_hook_reports || plant_error_is_primary

package sim

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
)

// TestPlanted looks for the mistake of this build: with it a seed must fail within
// the first 2,000.
func TestPlanted(t *testing.T) {
	const enough = 2000
	var found atomic.Uint64
	var wg sync.WaitGroup
	for i := range uint64(workers) {
		wg.Go(func() {
			for seed := *from + i; seed < *from+enough && found.Load() == 0; seed += workers {
				var r Result
				inBubble(t)(func() { r = Run(seed, focus(plant.Planted, seed), nil) })
				if r.Violation != "" && found.CompareAndSwap(0, seed) {
					t.Logf("%s: seed %d: %s", plant.Planted, seed, r.Violation)
				}
			}
		})
	}
	wg.Wait()
	if found.Load() == 0 {
		t.Errorf("%s is not found in %d seeds", plant.Planted, enough)
	}
}
