package sim

import (
	"flag"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
)

var (
	from    = flag.Uint64("from", 1, "first seed")
	seeds   = flag.Uint64("seeds", 0, "how many; 0: as many as CI has time for")
	tale    = flag.Uint64("story", 0, "tell the story of this seed")
	planted = flag.String("planted", "", "... with the misfortunes that are chosen for this mistake")
	soak    = flag.Bool("soak", false, "go on until stopped")
)

// workers share the seeds; each run is a bubble of its own.
const workers = 2

// inBubble gives f a clock of its own.
func inBubble(t *testing.T) func(func()) {
	return func(f func()) { synctest.Test(t, func(*testing.T) { f() }) }
}

// TestSeeds runs the real agents through a seed's misfortunes. A failure prints the
// seed and its shortest story.
func TestSeeds(t *testing.T) {
	n := *seeds
	switch {
	case *soak:
		n = 1 << 60
	case n > 0:
	case testing.Short():
		n = 40
	default:
		n = 2000
	}
	var steps, opens, acked, waits, failed, ran atomic.Int64
	var wg sync.WaitGroup
	begun := cpu()
	for i := range uint64(workers) {
		wg.Go(func() {
			for seed := *from + i; seed < *from+n && failed.Load() < 3; seed += workers {
				opt := Seeded(seed)
				var r Result
				inBubble(t)(func() { r = Run(seed, opt, nil) })
				steps.Add(int64(r.Steps))
				opens.Add(int64(r.Opens))
				acked.Add(int64(r.Acked))
				if n := ran.Add(1); *soak && n%500 == 0 {
					t.Logf("%d seeds, the last is %d", n, seed)
				}
				if r.Waits != "" {
					waits.Add(1)
					t.Logf("seed %d does not converge: %s", seed, r.Waits)
				}
				if r.Violation != "" {
					failed.Add(1)
					s := Shrink(seed, opt, r.Faults, inBubble(t))
					t.Errorf("%s", s.Story(seed, opt))
				}
			}
		})
	}
	wg.Wait()
	used := cpu() - begun
	t.Logf("%d seeds, %.1f a second of one core: %d events, %d promotions, %d commits acknowledged, %d do not converge and say why",
		ran.Load(), float64(ran.Load())/used.Seconds(), steps.Load(), opens.Load(), acked.Load(), waits.Load())
	if ran.Load() > 20 && (2*opens.Load() < 3*ran.Load() || waits.Load()*10 > ran.Load()) {
		t.Error("too little happens in these runs to find anything")
	}
}

// cpu is the time that this process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestSame: a seed is a run, always the same one.
func TestSame(t *testing.T) {
	for seed := uint64(1); seed <= 4; seed++ {
		opt := Seeded(seed)
		opt.Trace = true
		var a, b Result
		inBubble(t)(func() { a = Run(seed, opt, nil) })
		inBubble(t)(func() { b = Run(seed, opt, nil) })
		for i := range a.Trace {
			if i >= len(b.Trace) || a.Trace[i] != b.Trace[i] {
				t.Fatalf("seed %d: two runs differ at\n%s\n%v", seed, a.Trace[i], b.Trace[min(i, len(b.Trace)-1)])
			}
		}
	}
}

// TestStory tells what happens in one run.
func TestStory(t *testing.T) {
	if *tale == 0 {
		t.Skip("no -story")
	}
	opt := focus(plant.Mistake(*planted), *tale)
	opt.Trace = true
	var r Result
	inBubble(t)(func() { r = Run(*tale, opt, nil) })
	t.Log(r.Story(*tale, opt))
	t.Log(r.Took, r.Waits)
}
