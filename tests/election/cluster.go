package election

import (
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// transition is one promotion: notifications, then the promote on its target.
type transition struct {
	counter  uint64
	deadline int
	orphan   bool // the partition that started it is gone; the agent runs on
	phase    phase
	tries    int
	base     string // the record that the election was decided on
	next     scoring.Record
	seen     gtid.Set // everything any ballot holds, foreign or not
}

type phase int

const (
	notifying phase = iota
	electing
	writing
	opening
)

// schedule is Pacemaker looking at the scores of one quorate partition.
func (w *World) schedule(n *node) {
	if !w.quorate(n) {
		return
	}
	var best, promoted *node
	for _, m := range w.members(n) {
		if m.tr != nil && !m.tr.orphan {
			return
		}
		if m.writable {
			promoted = m
		}
		if s := w.effective(m); s >= 0 && (best == nil || s > w.effective(best)) {
			best = m
		}
	}
	if promoted != nil && w.effective(promoted) >= 0 && best != nil && w.effective(promoted) >= w.effective(best) {
		return
	}
	if promoted != nil {
		rec := promoted.ledger.record
		healthy := promoted.serves() && rec != nil && rec.Primary == promoted.id() && rec.Epoch == promoted.openEpoch
		if healthy && best != nil && best.score == scoring.NegInf {
			w.violate("healthy primary %s demoted for %s, which withdrew its score", promoted.name, best.name)
		}
		w.demote(promoted)
	}
	if best == nil || best == promoted {
		return
	}
	w.counter++
	best.tr = &transition{counter: w.counter, deadline: w.now + promoteTime}
	w.note("promote %s (election %d)", best.name, w.counter)
}

// effective is the score with the operator's constraint on top.
func (w *World) effective(n *node) int {
	s := unset
	if n.hasScore {
		s = n.score
	}
	if s > scoring.NegInf && w.prefer == n.index {
		s += 10000 // a leftover move: it outweighs a healthy primary
	}
	return s
}

// prePromote reaches one node: freeze, then the ballot.
func (w *World) prePromote(m, x *node) {
	if x.tr == nil || x.tr.orphan || x.tr.phase != notifying || !w.connected(m, x) {
		return
	}
	rec, ok := w.newest(m)
	follows := ok && rec != nil && rec.Primary == x.id() && m != x
	frozen := m.serves() && !follows
	if frozen {
		m.receiver = -1
		m.ledger.freeze = &freeze{counter: x.tr.counter, target: x.index, expires: w.now + freezeTime}
		if rec != nil {
			m.ledger.freeze.base = rec.Epoch
		}
	}
	m.ballot = &ballot{
		counter: x.tr.counter, candidate: w.candidate(m, frozen), record: m.ledger.record, line: m.table(),
	}
}

// promote is one step of the promote action on x.
func (w *World) promote(x *node, lost bool) {
	t := x.tr
	if t == nil {
		return
	}
	if w.now > t.deadline || !x.serves() {
		x.tr = nil
		return
	}
	switch t.phase {
	case notifying:
		for _, m := range w.members(x) { // Pacemaker waits for each, or for its timeout
			if (m.ballot == nil || m.ballot.counter != t.counter) && !lost {
				return
			}
		}
		t.phase = electing
	case electing:
		w.elect(x, t)
	case writing:
		// The record may have moved since the election was decided.
		now, err := w.newestOf(x.cib, x.ledger.record)
		if err != nil || text(now) != t.base || !w.writeRecord(x, t.next) {
			x.tr = nil
			return
		}
		t.phase = opening
	case opening:
		w.open(x, t)
		x.tr = nil
	}
}

func text(r *scoring.Record) string {
	if r == nil {
		return ""
	}
	return r.String()
}

func (w *World) elect(x *node, t *transition) {
	w.applyRelay(x, true)
	if x.ballot == nil || x.ballot.counter != t.counter {
		return
	}
	fresh := w.candidate(x, x.ballot.candidate.Frozen)
	x.ballot.candidate = fresh
	v := scoring.View{ClusterSize: len(w.nodes)}
	records := []*scoring.Record{x.cib, x.ledger.record}
	var lines []scoring.Line
	for _, m := range w.nodes {
		b := m.ballot
		if w.opt.Plant == DeadBallots && !m.up && m.hint != nil && m.hint.Role != scoring.RolePrimary {
			word := *m.hint // its last word, as if it were still frozen
			word.Frozen = true
			v.Candidates = append(v.Candidates, word)
			continue
		}
		if b == nil || b.counter != t.counter || !w.connected(m, x) {
			continue
		}
		v.Ledgers++
		v.Candidates = append(v.Candidates, b.candidate)
		records = append(records, b.record)
		lines = append(lines, b.line)
		t.seen, _ = t.seen.Union(b.candidate.Position)
	}
	if w.opt.Plant == FewLedgers {
		v.Ledgers = 0
	}
	w.judge(&v, records, lines)
	e := scoring.Elect(v, x.name)
	switch e.Verdict {
	case scoring.Refuse:
		w.note("%s refuses: %s", x.name, e.Reason)
		if t.tries++; t.tries > 3 {
			x.tr = nil
		}
	case scoring.Fetch:
		w.fetch(x, w.byName(e.From))
	case scoring.Win:
		t.next = e.Next
		t.next.Marker = gtid.Entry{Server: x.server(), Seq: max(t.seen.MaxSeq(0), x.ledger.discarded) + 1}
		rec, _ := w.newestOf(append(records, v.Record)...)
		if rec != nil {
			x.ledger.record = rec
		}
		now, _ := w.newestOf(x.cib, x.ledger.record)
		t.base, t.phase = text(now), writing
		w.note("%s wins: %s", x.name, e.Reason)
	}
}

// fetch takes from a peer what it has applied and x lacks.
func (w *World) fetch(x, from *node) {
	if !from.serves() || !w.connected(x, from) {
		return
	}
	i, ok := w.after(from, x)
	if !ok {
		return
	}
	x.relay = append(x.relay, from.binlog[i:]...)
	w.applyRelay(x, true)
	w.note("%s fetches from %s up to %s", x.name, from.name, x.position())
}

// open makes the winner a primary: others locked out, marker, writable.
func (w *World) open(x *node, t *transition) {
	for _, m := range w.nodes {
		x.locked[m.index] = m != x && !t.next.Has(m.id()) && w.opt.Plant != OpenAccounts
	}
	x.openEpoch, x.enlarging, x.permit = t.next.Epoch, false, t.next.Ackers
	x.receiver, x.ackOn, x.acking, x.ballot, x.ledger.freeze = -1, false, false, nil, nil
	w.note("%s opens epoch %d at %s", x.name, x.openEpoch, x.position())
	x.writable, x.armed = true, t.next.Durability == scoring.Lossless
	w.opening(x)
	m := w.issue(x, t.next.Marker.Seq)
	m.row = &scoring.EpochStart{Epoch: t.next.Epoch, Primary: x.id(), Marker: m.id, Start: t.next.Start}
	m.record = &t.next
	x.binlog = append(x.binlog, m)
	x.won = t.counter
	w.publish(x)
}

// postPromote ends the freeze of the same election, if its outcome is known; the
// node follows at once.
func (w *World) postPromote(m, x *node) {
	if !w.connected(m, x) || !x.writable || !m.serves() || m == x {
		return
	}
	if f := m.ledger.freeze; f != nil && f.counter == x.won {
		f.expires = w.now // not more: the record it won with may be out of sight again
	}
	w.monitor(m)
}
