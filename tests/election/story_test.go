package election

import "testing"

// Three mistakes need coincidences that a random scheduler does not meet; they
// are told as stories. Each must do harm with the mistake, and none without.
func TestStories(t *testing.T) {
	for _, s := range []struct {
		name  string
		plant Plant
		nodes int
		play  func(w *World)
	}{
		{"few ledgers read", FewLedgers, 3, fewLedgers},
		{"acker acknowledges before others know", EarlyAck, 5, earlyAck},
		{"accounts of others not locked", OpenAccounts, 5, openAccounts},
	} {
		t.Run(s.name, func(t *testing.T) {
			for _, plant := range []Plant{Sound, s.plant} {
				w := newWorld(Options{Nodes: s.nodes, Plant: plant})
				s.play(w)
				if harmed := w.truth.violation != ""; harmed != (plant == s.plant) {
					t.Errorf("plant %d: violation %q\n%s", plant, w.truth.violation, w.Describe())
				}
			}
		})
	}
}

// fewLedgers: db2 alone may acknowledge, then is cut off; db1 joins and
// acknowledges; the older record comes back with db2, which asks db1 in vain.
func fewLedgers(w *World) {
	w.calm(5)
	p, db1, db2 := w.primary(), w.nodes[0], w.nodes[1]
	w.cut(db1, 1)
	w.calm(3)
	w.cut(db2, 1)
	w.cut(db1, 0)
	w.calm(4)
	older(w, db2)
	w.crash(p)
	w.elected(db2, db2)
}

// earlyAck: the same with five nodes, where the primary and the new acker are no
// majority, and both are lost.
func earlyAck(w *World) {
	w.nodes[2].electable, w.nodes[3].electable = false, false
	w.calm(5)
	p, db1, db2 := w.primary(), w.nodes[0], w.nodes[1]
	w.cut(db1, 1)
	w.calm(3)
	w.cut(db2, 1)
	w.cut(db1, 0)
	for range 40 {
		w.write(p)
		w.monitor(p)
		w.monitor(db1)
		w.deliver(db1)
		w.applyRelay(db1, true)
		w.ackArrives(0)
	}
	older(w, db2)
	w.crash(p)
	w.crash(db1)
	w.elected(db2, db2, w.nodes[2], w.nodes[3])
}

// openAccounts: a node was cut off while it acknowledged to a primary that later
// becomes primary again; its receiver comes back by itself.
func openAccounts(w *World) {
	w.calm(5)
	p, cut, db2 := w.primary(), w.nodes[0], w.nodes[1]
	w.cut(cut, 1)
	w.calm(3)
	for _, x := range []*node{db2, p} {
		w.prefer = x.index
		w.calm(4)
	}
	w.cut(cut, 0)
	cut.receiver, cut.ackOn = p.index, true // its agent did not run meanwhile
	w.write(p)
	for range 200 {
		w.deliver(cut)
		w.ackArrives(0)
	}
	w.crash(p)
	w.crash(cut)
	w.elected(db2, db2, w.nodes[2], w.nodes[3])
}

// older lets the CIB of a node that was cut off win over the majority's.
func older(w *World, n *node) {
	n.cibVer += 1000
	w.cut(n, 0)
}

// elected promotes x; only the notified nodes vote.
func (w *World) elected(x *node, notified ...*node) {
	w.counter++
	x.tr = &transition{counter: w.counter, deadline: w.now + promoteTime}
	for _, m := range notified {
		w.prePromote(m, x)
	}
	for range 8 {
		w.promote(x, true)
	}
}
