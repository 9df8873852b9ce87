package election

import "github.com/mysql-ha/mysql-ha/scoring"

// What servers do by themselves, and to whom it happens.

// write is a client's commit: in the binary log at once, acknowledged when an
// acker has it, or at once where nobody waits.
func (w *World) write(n *node) {
	if !n.serves() || !n.writable {
		return
	}
	seq := max(n.executed().MaxSeq(0), n.ledger.discarded) + 1
	n.binlog = append(n.binlog, w.issue(n, seq))
	if !n.armed {
		w.commit(n, len(n.binlog))
	}
}

// errant is a statement on a replica that somebody should not have made.
func (w *World) errant(n *node) {
	if !n.serves() || n.writable || n.receiver < 0 {
		return
	}
	t := w.issue(n, max(n.position().MaxSeq(0), n.ledger.discarded)+1)
	w.note("%s errant %s", n.name, t.id)
	n.binlog = append(n.binlog, t)
	n.committed = len(n.binlog)
}

func (w *World) commit(n *node, upto int) {
	for ; n.committed < upto; n.committed++ {
		w.acknowledge(n, n.binlog[n.committed])
	}
}

// deliver sends the next transaction to a replica, which may acknowledge it.
func (w *World) deliver(r *node) {
	if !r.serves() || r.receiver < 0 {
		return
	}
	p := w.nodes[r.receiver]
	if !p.serves() || !w.connected(p, r) || p.locked[r.index] {
		return
	}
	i, ok := w.after(p, r)
	if !ok || i >= len(p.binlog) {
		return
	}
	t := p.binlog[i]
	r.relay = append(r.relay, t)
	if r.ackOn {
		w.acks = append(w.acks, ack{r.index, p.index, t.content})
	}
}

// after finds where a source goes on sending: behind the replica's last GTID,
// which the source must have.
func (w *World) after(p, r *node) (int, bool) {
	last := r.last()
	if last == nil {
		return 0, true
	}
	for i := len(p.binlog) - 1; i >= 0; i-- {
		if p.binlog[i].content == last.content {
			return i + 1, true
		}
	}
	if w.opt.Plant != NoLineage {
		return 0, false
	}
	// By maxima alone the replica looks merely behind.
	have := r.position()
	if !p.position().Contains(have) {
		return 0, false
	}
	for i, t := range p.binlog {
		if t.id.Seq > have.MaxSeq(0) {
			return i, true
		}
	}
	return len(p.binlog), true
}

// acked brings one acknowledgement home. It speaks for all before it.
func (w *World) ackArrives(k int) {
	if len(w.acks) == 0 {
		return
	}
	k %= len(w.acks)
	a := w.acks[k]
	w.acks = append(w.acks[:k:k], w.acks[k+1:]...)
	p := w.nodes[a.to]
	if !p.serves() || !p.writable || !p.armed || !w.connected(p, w.nodes[a.from]) || p.locked[a.from] {
		return
	}
	for i := len(p.binlog) - 1; i >= p.committed; i-- {
		if p.binlog[i].content == a.content {
			w.commit(p, i+1)
			return
		}
	}
}

func (w *World) applyRelay(n *node, all bool) {
	for n.serves() && len(n.relay) > 0 {
		n.binlog = append(n.binlog, n.relay[0])
		n.relay = n.relay[1:]
		n.committed = len(n.binlog)
		if !all {
			return
		}
	}
}

// kill is SIGKILL of mysqld: what waited for an acknowledgement stays in the
// binary log and was not committed.
func (w *World) kill(n *node) {
	if n.running {
		w.note("%s mysqld killed, %d of %d committed", n.name, n.committed, len(n.binlog))
	}
	n.running, n.recovering, n.writable, n.armed = false, false, false, false
	n.ackOn, n.acking, n.receiver = false, false, -1
	for i := range n.locked {
		n.locked[i] = false // the exclusion is for as long as a primary needs it
	}
	keep := w.acks[:0:0]
	for _, a := range w.acks {
		if a.to != n.index {
			keep = append(keep, a)
		}
	}
	w.acks = keep
}

// crash is the loss of power.
func (w *World) crash(n *node) {
	if !n.up {
		return
	}
	w.note("%s down", n.name)
	w.kill(n)
	n.up = false
	if w.opt.Plant != DeadBallots {
		n.score, n.hasScore, n.hint, n.ballot = unset, false, nil, nil
	}
	n.seen = scoring.Record{}
	if !n.syncRelay && n.ledger.record != nil {
		n.ledger.lostRelay = n.ledger.record.Epoch
		n.relay = n.relay[:len(n.relay)/2]
	}
	n.tr = nil
}

// boot brings the machine back, not mysqld. A freeze mark of an earlier boot has
// no known age, so it starts anew.
func (w *World) boot(n *node) {
	if n.up {
		return
	}
	w.note("%s up", n.name)
	n.up = true
	n.score, n.hasScore, n.hint, n.ballot = scoring.NegInf, true, nil, nil
	if n.ledger.freeze != nil {
		n.ledger.freeze.expires = w.now + freezeTime
	}
	w.syncCIB()
}

// cut puts the node into a partition. A minority may write to its CIB, which then
// may win over the majority's when they meet.
func (w *World) cut(n *node, group int) {
	w.group[n.index] = group
	w.note("%s in partition %d", n.name, group)
	for _, m := range w.nodes {
		if m.tr != nil { // a new membership aborts the transition, not the running agent
			m.tr.orphan = true
		}
	}
	w.syncCIB()
}

func (w *World) minorityWrite(n *node) {
	if !n.up || len(w.nodes) > 4 || len(w.nodes) == 2 || w.quorate(n) {
		return
	}
	ver := n.cibVer + 20
	for _, m := range w.members(n) {
		m.cibVer = ver
	}
	w.note("%s changes the CIB of its minority", n.name)
}
