package sim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Result is a run's end.
type Result struct {
	Violation string
	Views     string // scoring's words at the violation
	Faults    []fault
	Trace     []string
	Waits     string        // what the cluster says it waits for, where it did not converge
	Took      time.Duration // from the last fault to convergence
	Steps     int
	Opens     int
	Acked     int
}

// Seeded are the options that a seed chooses.
func Seeded(seed uint64) Options {
	s := scheduler{seed: seed}
	o := Options{Nodes: 3, Flavour: gtid.MariaDB, Durability: "lossless"}
	if s.dice(1)%2 == 0 {
		o.Flavour = gtid.MySQL
	}
	o.Fencing = s.dice(2)%2 == 0
	switch s.dice(3) % 8 {
	case 0:
		o.Nodes = 2
	case 1:
		o.Nodes = 4
	case 2:
		o.Nodes = 5
	}
	o.Lax = s.dice(6)%6 == 0
	o.Spare = o.Nodes > 2 && s.dice(4)%6 == 0
	switch s.dice(5) % 6 {
	case 0:
		if o.Nodes > 2 {
			o.Durability = "degrade"
		}
	case 1:
		o.Loss = true
	}
	return o
}

// Run is one run, in a bubble of testing/synctest. Without faults given the seed
// chooses them.
func Run(seed uint64, opt Options, faults []fault) Result {
	w := newWorld(seed, opt)
	if faults == nil {
		faults = w.misfortunes()
	}
	broken := func() bool { return w.truth.violation != "" }
	w.run(settling, broken)
	if why := w.well(0); why != "" && !broken() {
		w.violate("4: a fresh cluster does not settle in %s: %s", settling, why)
	}
	slices.SortStableFunc(faults, func(a, b fault) int { return cmp.Compare(a.At, b.At) })
	for _, f := range faults {
		w.after(f.At-w.now(), nil, func() { w.strike(f) })
	}
	w.run(stormy, broken)
	r := Result{Faults: faults}
	if !broken() {
		w.heal()
		healed := w.now()
		w.after(bound/3, nil, w.tidy)
		for w.now() < healed+bound && !broken() {
			end := min(w.now()+5*time.Second, healed+bound)
			w.run(end, broken)
			if idle := end - w.now(); idle > 0 {
				time.Sleep(idle)
			}
			if w.well(healed+5*time.Second) == "" {
				r.Took = w.now() - healed
				break
			}
		}
		if why := w.well(healed + 5*time.Second); why != "" && !broken() {
			words, untrue := w.excuse()
			switch {
			case words == "":
				w.violate("4: %s after the last fault: %s, and no attribute says what it waits for", bound, why)
			case untrue != "":
				w.violate("4: %s after the last fault: %s, and what it says to wait for is not so: %s", bound, why, untrue)
			default:
				r.Waits = why + " (" + words + ")"
			}
		}
	}
	for _, n := range w.nodes {
		w.resume(n)
	}
	w.finish(w.kill)
	r.Violation, r.Views, r.Trace, r.Steps = w.truth.violation, w.truth.views, w.trace, w.steps
	r.Opens, r.Acked = w.truth.opens, len(w.truth.acked)
	return r
}

// sort of a violation: what two runs have in common that fail alike.
func class(violation string) string {
	kind, _, _ := strings.Cut(violation, ":")
	return kind
}

// Shrink looks for fewer faults that end in a violation of the same kind. bubble runs
// it in a bubble of its own.
func Shrink(seed uint64, opt Options, faults []fault, bubble func(func())) Result {
	run := func(list []fault) (r Result) {
		bubble(func() { r = Run(seed, opt, list) })
		return r
	}
	opt.Trace = true
	best := run(faults)
	for again := true; again; {
		again = false
		for i := range best.Faults {
			less := slices.Delete(slices.Clone(best.Faults), i, i+1)
			if r := run(less); r.Violation != "" && class(r.Violation) == class(best.Violation) {
				best, again = r, true
				break
			}
		}
	}
	return best
}

// Story is a failed run as people read it.
func (r Result) Story(seed uint64, opt Options) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d nodes, %s, fencing %t, spare %t, relay log unsynced %t, durability %s, data_loss allowed %t\n%s\n\n",
		seed, opt.Nodes, opt.Flavour, opt.Fencing, opt.Spare, opt.Lax, opt.Durability, opt.Loss, r.Violation)
	for _, f := range r.Faults {
		fmt.Fprintln(&b, f)
	}
	fmt.Fprintf(&b, "\n%s\n\n%s", r.Views, strings.Join(r.Trace, "\n"))
	return b.String()
}
