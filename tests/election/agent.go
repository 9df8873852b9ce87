package election

import (
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// What the agent does on a node by itself: monitor, start, demote, exclusion.

const unset = -1 // Pacemaker's score where none is set

func (w *World) monitor(n *node) {
	if !n.up {
		return
	}
	rec, ok := w.newest(n)
	switch {
	case !n.running || n.recovering:
	case !ok: // split: nobody acts
		n.receiver = -1
		if n.writable {
			w.kill(n)
		}
	case n.writable && (rec == nil || rec.Primary != n.id() || rec.Epoch != n.openEpoch):
		w.kill(n)
	case n.writable:
		w.lead(n, *rec)
	default:
		w.follow(n, rec)
	}
	w.publish(n)
}

// lead is the primary's part: its record in the CIB, who may acknowledge.
func (w *World) lead(n *node, rec scoring.Record) {
	if !w.quorate(n) {
		return
	}
	if n.cib == nil || rec.Newer(*n.cib) {
		w.writeRecord(n, rec)
	}
	if n.enlarging && w.opt.Plant != EarlyAck && !scoring.KnownEnough(w.knowers(n, rec), len(w.nodes)) {
		return
	}
	n.enlarging = false
	n.permit = rec.Ackers
	for _, id := range rec.Ackers { // data that a reseed replaced acknowledges no more
		if m := w.byName(id.Name); w.connected(n, m) && m.id() != id {
			w.shrink(n, rec, id)
			return
		}
	}
	for _, m := range w.members(n) {
		if !rec.Has(m.id()) && n.locked[m.index] && !m.acking && !rec.Newer(m.seen) {
			n.locked[m.index] = false
		}
	}
	for _, m := range w.members(n) {
		if m != n && m.electable && m.serves() && m.receiver == n.index && m.ledger.foreign == "" &&
			!n.locked[m.index] && !rec.Has(m.id()) && m.attached(w, n) {
			n.enlarging = w.writeRecord(n, rec.WithAckers(append(slices.Clone(rec.Ackers), m.id())))
			return
		}
	}
}

func (n *node) attached(w *World, p *node) bool {
	_, ok := w.after(p, n)
	return ok && n.serves() && n.receiver == p.index && w.connected(n, p) && !p.locked[n.index]
}

// knowers are the nodes that say that they know the record.
func (w *World) knowers(n *node, rec scoring.Record) []scoring.NodeID {
	var ids []scoring.NodeID
	for _, m := range w.members(n) {
		if !rec.Newer(m.seen) {
			ids = append(ids, m.id())
		}
	}
	return ids
}

// exclude takes an acker that is gone out of the record: first it is locked out.
func (w *World) exclude(n, leave *node) {
	rec, ok := w.newest(n)
	if !n.serves() || !n.writable || !ok || rec == nil || rec.Primary != n.id() || n.enlarging ||
		!w.quorate(n) || !rec.Has(leave.id()) || leave.attached(w, n) && leave.ackOn {
		return
	}
	n.locked[leave.index] = true
	if !w.shrink(n, *rec, leave.id()) {
		n.locked[leave.index] = false
	}
}

// shrink writes the record without an acker that cannot acknowledge any more.
func (w *World) shrink(n *node, rec scoring.Record, leave scoring.NodeID) bool {
	var holders []scoring.NodeID
	for _, m := range w.members(n) {
		if m != n && m.attached(w, n) && m.position().Contains(n.executed()) {
			holders = append(holders, m.id())
		}
	}
	if scoring.ShrinkAllowed(rec, leave, true, holders) != nil {
		return false
	}
	rest := slices.DeleteFunc(slices.Clone(rec.Ackers), func(id scoring.NodeID) bool { return id == leave })
	return w.writeRecord(n, rec.WithAckers(rest))
}

// follow is the replica's part: the record's primary, unless frozen.
func (w *World) follow(n *node, rec *scoring.Record) {
	if f := n.ledger.freeze; f != nil && w.opt.Plant != UndoFreeze {
		if w.now < f.expires {
			return
		}
		n.ballot = nil
		if w.settled(n, f, rec) {
			n.ledger.freeze = nil
			rec, _ = w.newest(n)
		}
	}
	if rec == nil || rec.Grant != scoring.GrantNone || rec.Primary == n.id() {
		n.receiver, n.ackOn = -1, false
		return
	}
	p := w.byName(rec.Primary.Name)
	living := w.connected(n, p) && p.serves() && p.writable && p.openEpoch == rec.Epoch
	if living && n.ledger.foreign == "" {
		n.ledger.foreign = w.foreign(n, p, rec)
	}
	if n.ledger.foreign != "" {
		n.receiver, n.ackOn, n.acking = -1, false, false
		return
	}
	promised := n.ledger.freeze != nil && w.opt.Plant != UndoFreeze
	permitted := living && !promised && slices.Contains(p.permit, n.id()) && rec.Has(n.id())
	n.receiver, n.ackOn, n.acking = p.index, permitted, permitted
}

// settled reports whether the outcome of an election is known: a newer epoch, or
// the word of its target, which also hands over the record it won with. That the
// CIB shows no newer record is no proof, since it can go back in time.
func (w *World) settled(n *node, f *freeze, rec *scoring.Record) bool {
	if w.opt.Plant == ForgetPromise || rec != nil && rec.Epoch > f.base {
		return true
	}
	x := w.nodes[f.target]
	if !w.connected(n, x) || x.tr != nil && x.tr.counter == f.counter {
		return false
	}
	if won := x.ledger.record; won != nil && won.Epoch > f.base {
		n.ledger.record = won
	}
	return true
}

// foreign judges against a living primary, read after the replica.
func (w *World) foreign(n, p *node, rec *scoring.Record) string {
	have, living := n.position(), p.position()
	if w.opt.Plant == NoLineage {
		return have.Subtract(living).String()
	}
	return p.table().With(rec).Foreign(have, &living).String()
}

// start brings mysqld up. It keeps the tail, unless a later epoch has another
// primary: then what was never committed is cut off and remembered.
func (w *World) start(n *node, ddl bool) {
	if !n.up || n.running {
		return
	}
	n.running, n.recovering = true, true
	known := []*scoring.Record{n.cib, n.ledger.record}
	for _, m := range w.members(n) {
		known = append(known, m.ledger.record)
	}
	rec, err := w.newestOf(known...)
	if err == nil && rec != nil && rec.Epoch > n.openEpoch && rec.Primary.Name != n.name && !ddl {
		n.ledger.record = rec
		for _, t := range n.binlog[n.committed:] {
			n.ledger.discarded = max(n.ledger.discarded, t.id.Seq)
			w.note("%s discards %s", n.name, t.id)
		}
		n.binlog = n.binlog[:n.committed:n.committed]
	}
	n.committed = len(n.binlog)
	w.publish(n)
}

// reseed copies a living primary's data onto a diverged node.
func (w *World) reseed(n *node) {
	rec, ok := w.newest(n)
	if !n.serves() || n.writable || !ok || rec == nil || n.ledger.foreign == "" {
		return
	}
	p := w.byName(rec.Primary.Name)
	if p == n || !w.connected(n, p) || !p.serves() || !p.writable || p.openEpoch != rec.Epoch {
		return
	}
	n.ledger.discarded = max(n.ledger.discarded, n.position().MaxSeq(0))
	n.binlog = slices.Clone(p.binlog[:p.committed])
	n.committed, n.relay = len(n.binlog), nil
	n.data++
	n.ledger.foreign, n.ballot, n.hint = "", nil, nil
	w.note("%s reseeded from %s", n.name, p.name)
}

// demote closes a primary. Where commits wait, only SIGKILL leaves them
// unacknowledged.
func (w *World) demote(n *node) {
	if !n.writable {
		return
	}
	if n.committed < len(n.binlog) {
		w.kill(n)
		return
	}
	n.writable, n.armed = false, false
	w.note("%s demoted", n.name)
	rec, ok := w.newest(n)
	if !ok || rec == nil || rec.Primary != n.id() || rec.Epoch != n.openEpoch {
		return
	}
	for _, m := range w.members(n) {
		if m != n && m.attached(w, n) && m.position().Contains(n.executed()) {
			w.writeRecord(n, rec.Demoted(n.executed()))
			return
		}
	}
}

// loseQuorum is Pacemaker's no-quorum-policy=stop, some time after the loss.
func (w *World) loseQuorum(n *node) {
	if n.up && n.running && !w.quorate(n) {
		w.demote(n)
		w.kill(n)
	}
}

// candidate is how the node sees itself.
func (w *World) candidate(n *node, frozen bool) scoring.Candidate {
	lag := time.Duration(0)
	c := scoring.Candidate{
		Node: n.id(), Observed: n.serves(), Position: n.position(), Previous: n.previous,
		Electable: n.electable, Foreign: n.ledger.foreign, Frozen: frozen, Lag: &lag, Tables: "t",
	}
	switch {
	case !n.running:
		c.Role = scoring.RoleStopped
	case n.recovering:
		c.Role = scoring.RoleRecovering
	case n.writable:
		c.Role = scoring.RolePrimary
	default:
		c.Role = scoring.RoleReplica
	}
	if rec := n.ledger.record; rec != nil {
		c.RelayIntact = n.syncRelay || n.ledger.lostRelay < rec.Epoch
		// Of an epoch that it never opened it has all there is: nothing.
		unopened := n.openEpoch < rec.Epoch && rec.Grant == scoring.GrantNone && n.position().Equal(rec.Start)
		c.WholeBinlog = rec.Primary == n.id() && (n.has(rec.Marker) || unopened)
	}
	return c
}

func (n *node) has(id gtid.Entry) bool {
	return slices.ContainsFunc(n.binlog, func(t tx) bool { return t.id == id })
}

// publish writes the position and the score that follows from what all published.
func (w *World) publish(n *node) {
	c := w.candidate(n, false)
	n.hint, n.previous = &c, c.Position
	v := scoring.View{ClusterSize: len(w.nodes)}
	var lines []scoring.Line
	records := []*scoring.Record{n.cib, n.ledger.record}
	for _, m := range w.members(n) {
		if m.hint != nil {
			v.Candidates = append(v.Candidates, *m.hint)
			lines = append(lines, m.table())
			records = append(records, m.ledger.record)
		}
	}
	w.judge(&v, records, lines)
	p, _ := scoring.Rank(v).Of(n.name)
	n.score, n.hasScore = p.Score, true
	if p.Score == scoring.NegInf && w.opt.Plant == UnsetScore {
		n.hasScore = false
	}
}

// judge fills in what all know together, with what is wrong on purpose.
func (w *World) judge(v *scoring.View, records []*scoring.Record, lines []scoring.Line) {
	v.Line = scoring.MergeLines(lines...)
	rec, err := w.newestOf(records...)
	if err != nil {
		v.RecordError = err.Error()
		return
	}
	v.Record = rec
	switch {
	case rec == nil:
	case w.opt.Plant == TrustCIB:
		v.Line = slices.DeleteFunc(v.Line, func(r scoring.EpochStart) bool { return r.Epoch > rec.Epoch })
	case w.opt.Plant == NoAckers:
		r := *rec
		r.Ackers = nil
		for _, c := range v.Candidates {
			if c.Observed {
				r.Ackers = append(r.Ackers, c.Node)
			}
		}
		v.Record = &r
	case w.opt.Plant == NoLineage:
		all := rec.Start
		for _, c := range v.Candidates {
			all, _ = all.Union(c.Position)
		}
		v.Line = scoring.Line{{Epoch: rec.Epoch, Primary: rec.Primary, Marker: rec.Marker, Start: all}}
	}
}
