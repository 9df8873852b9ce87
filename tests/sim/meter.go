package sim

import "time"

// meter is what a client at the address sees while it writes: how many rows were
// acknowledged, and the longest time between two of them.
type meter struct {
	running bool
	count   int
	before  time.Duration // the one before, in this run; 0: none
	last    time.Duration
	worst   time.Duration
}

// run begins or ends: while nobody writes no row is missed.
func (m *meter) run(yes bool) { m.running, m.before = yes, 0 }

func (m *meter) acknowledged(now time.Duration) {
	if !m.running {
		return
	}
	if m.before > 0 {
		m.worst = max(m.worst, now-m.before)
	}
	m.count++
	m.before, m.last = now, now
}
