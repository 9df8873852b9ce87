package sim

import (
	"fmt"
	"slices"
	"time"
)

// fault is one misfortune. A list of them, a seed and the options are a run.
type fault struct {
	At     time.Duration
	Kind   kind
	Node   int
	Other  int
	For    time.Duration
	Call   int    // of a port: which one from here on
	Mishap mishap // of a port
}

type kind int

const (
	killServer kind = iota
	crashNode
	freezeNode
	cutTraffic // SQL, in one direction
	cutRing    // the cluster's network, and maybe SQL with it
	cutAll
	callPort
	jumpClock
	minorityEdit
	preferNode
	breakStart
	stopApplier
	breakApplier
	slowApplier
	standby
	longSession
	dropNotice  // a notification is not delivered
	leaveRing   // Corosync and Pacemaker end; server and address live on
	maintenance // of the whole cluster
	seedAnew    // an operator gives a replica the primary's data
	probeFails  // the probe of the virtual IP
	kinds
)

var kindNames = [...]string{
	"mysqld is killed on", "power loss of", "freeze of", "no SQL traffic from", "no cluster traffic to", "no traffic at all to",
	"a port's call on", "clock jump on", "the CIB is edited on the side of", "a constraint prefers", "mysqld does not start on",
	"the applier is stopped on", "the applier meets a duplicate key on", "the applier is slow on", "standby of", "a client holds locks on",
	"notifications are lost on", "Corosync ends on", "maintenance mode, said on", "other data for", "the address cannot be probed on",
}

func (f fault) String() string {
	s := fmt.Sprintf("%9.3f %s db%d", f.At.Seconds(), kindNames[f.Kind], f.Node+1)
	switch f.Kind {
	case callPort:
		return fmt.Sprintf("%s: the %d. from here %s", s, f.Call, mishaps[f.Mishap])
	case cutTraffic:
		s += fmt.Sprintf(" to db%d", f.Other+1)
	}
	return fmt.Sprintf("%s for %.1f s", s, f.For.Seconds())
}

const (
	settling = 40 * time.Second  // a fresh cluster is left alone
	stormy   = 150 * time.Second // faults end here, and what they did is mended
	bound    = 240 * time.Second // to converge, from there
)

// misfortunes are a seed's faults.
func (w *World) misfortunes() []fault {
	var list []fault
	n := uint64(len(w.nodes))
	count := 3 + w.dice(7, 0)%10
	for i := range count {
		roll := func(k uint64) uint64 { return w.dice(7, i+1, k) }
		f := fault{
			At: w.between(settling, stormy-10*time.Second, 7, i+1, 1), Node: int(roll(2) % n), Other: int(roll(3) % n),
			For:  w.between(time.Second, 40*time.Second, 7, i+1, 4),
			Call: int(1 + roll(5)%40), Mishap: mishap(1 + roll(6)%uint64(killedAfter)),
		}
		// Calls of ports as often as all the rest.
		if f.Kind = callPort; roll(7)%2 == 0 {
			f.Kind = kind(roll(8) % uint64(kinds))
		}
		if len(w.opt.Often) > 0 && roll(11)%2 == 0 {
			f.Kind = w.opt.Often[roll(12)%uint64(len(w.opt.Often))]
		}
		// Misfortunes come together more often than apart.
		if i > 0 && roll(9)%2 == 0 {
			f.At = min(list[i-1].At+w.between(0, 6*time.Second, 7, i+1, 10), stormy-5*time.Second)
		}
		if f.Kind == cutTraffic && f.Other == f.Node {
			f.Other = (f.Node + 1) % len(w.nodes)
		}
		list = append(list, f)
	}
	return list
}

// strike has a fault happen. With lead it meets the primary, whoever that is then.
func (w *World) strike(f fault) {
	n := w.nodes[f.Node]
	w.note("FAULT %s", f)
	if f.Kind != callPort {
		w.truth.deadOne = nil
	}
	later := func(undo func()) { w.after(f.For, nil, undo) }
	switch f.Kind {
	case killServer:
		if n.on && !n.frozen {
			if n.status == promoted && n.srv.writable && w.quiet() {
				w.bereaved(n)
			}
			w.died(n, false)
			w.silenced(n)
		}
	case crashNode:
		w.crash(n, f.For)
	case freezeNode:
		w.freeze(n, f.For)
	case cutTraffic:
		w.cut[f.Node][f.Other] = true
		w.sever()
		later(func() { w.cut[f.Node][f.Other] = false })
	case cutRing, cutAll:
		n.ring = f.Node + 1
		if f.Kind == cutAll {
			w.isolate(n, true)
		}
		w.changed()
		later(func() {
			n.ring = 0
			w.isolate(n, false)
			w.changed()
		})
	case callPort:
		w.armed = append(w.armed, armed{node: n, left: f.Call, how: f.Mishap})
	case jumpClock:
		n.skew += f.For.Truncate(time.Second) * 10
		if f.Call%2 == 0 {
			n.skew = -n.skew
		}
	case minorityEdit:
		for range 3 {
			if n.side != nil {
				n.side.configure(n.cib.record)
			}
		}
	case preferNode:
		w.prefer, w.weight = n, []int{100, 10000}[f.Call%2]
		w.rethink()
		later(func() { w.prefer = nil; w.rethink() })
	case breakStart:
		n.broken = w.now() + f.For
	case stopApplier:
		if s := n.srv; s.up() && s.applier.Running {
			s.applier.Running = false
		}
	case breakApplier:
		n.srv.duplicate = true
		later(n.srv.cleared)
	case slowApplier:
		n.srv.slow = f.For / 8
		later(func() { n.srv.slow = 0 })
	case standby:
		n.standby = true
		w.rethink()
		later(func() { n.standby = false; w.rethink() })
	case longSession:
		if n.srv.up() && n.srv.writable {
			n.srv.long = true
			later(func() { n.srv.long = false })
		}
	case dropNotice:
		n.mute += 1 + f.Call%3
	case leaveRing:
		w.leave(n)
		later(func() { w.enter(n) })
	case maintenance:
		w.maintain(true)
		later(func() { w.maintain(false) })
	case seedAnew:
		w.reseed(n)
	case probeFails:
		n.probe = f.Mishap
		later(func() { n.probe = fine })
	}
	w.calm = w.now()
}

// leave is the end of Corosync on a node, and of Pacemaker with it: agents end, what
// they have done lives on.
func (w *World) leave(n *node) {
	if !n.on || n.absent {
		return
	}
	n.absent = true
	for _, p := range n.agents() {
		if p.what != "hook" { // which is the unit's
			w.kill(p)
		}
	}
	w.orphan(n)
	n.side, n.attributes = nil, map[string]string{}
	n.forgetAll()
	w.changed()
}

// enter is their start.
func (w *World) enter(n *node) {
	if !n.on || !n.absent {
		return
	}
	w.note("Corosync and Pacemaker start on %s", n.name)
	n.absent = false
	n.forgetAll()
	w.changed()
}

// reseed has an operator stop a replica and give it the primary's data, once there is
// a primary to copy, for a minute at most.
func (w *World) reseed(n *node) {
	if !n.on || n.standby || n.status == promoted {
		return
	}
	n.standby = true
	w.rethink()
	w.copied(n, n.boot, w.now()+time.Minute)
}

func (w *World) copied(n *node, boot string, until time.Duration) {
	w.after(time.Second, nil, func() {
		from := w.lead()
		gone := n.boot != boot || !n.standby || n.status == promoted || w.now() > until
		if !gone && (from == nil || n.status != stopped || n.srv.running || n.operation != nil || !w.talks(from, n)) {
			w.copied(n, boot, until)
			return
		}
		if !gone {
			n.seed(from)
		}
		n.standby = false
		w.rethink()
	})
}

// lead is the primary that a quorate side has; nil where there is none.
func (w *World) lead() *node {
	for _, n := range w.nodes {
		if n.on && !n.srv.idle() && n.side != nil && n.side.quorate && n.status == promoted && n.srv.up() && n.srv.writable {
			return n
		}
	}
	return nil
}

// isolate cuts a node off from all others, or not.
func (w *World) isolate(n *node, yes bool) {
	for i := range w.nodes {
		if i != n.index {
			w.cut[i][n.index], w.cut[n.index][i] = yes, yes
		}
	}
	w.sever()
}

// sever ends connections that a cut has broken, on each end when it notices.
func (w *World) sever() {
	for _, n := range w.nodes {
		r := &n.srv.receiver
		if src := r.from; src != nil && !w.talks(n, src.node) {
			serial := r.serial
			w.after(w.roll(2*time.Second, 12*time.Second), n, func() {
				r := &n.srv.receiver
				if r.serial != serial || w.talks(n, src.node) {
					return
				}
				src.stale[r.user()] = w.now() + w.roll(0, 20*time.Second)
				r.lose(true)
			})
		}
	}
}

// rethink has every side look at what an operator has changed.
func (w *World) rethink() {
	for _, n := range w.nodes {
		if n.side != nil && n.side.members[0] == n {
			n.side.pe.disturb()
		}
	}
}

// heal ends all faults, and has an operator clean up.
func (w *World) heal() {
	w.note("all is mended")
	w.armed, w.prefer, w.truth.deadOne = nil, nil, nil
	w.maintain(false)
	for _, n := range w.nodes {
		n.mute, n.probe = 0, fine
		w.enter(n)
		n.ring, n.broken, n.standby, n.blocked, n.banned, n.srv.slow, n.srv.long = 0, 0, false, false, 0, 0, false
		n.srv.cleared()
		for i := range w.nodes {
			w.cut[n.index][i] = false
		}
	}
	w.changed()
	w.after(5*time.Second, nil, w.rethink)
}

// armed is a fault that waits for its call.
type armed struct {
	node *node
	left int
	how  mishap
}

// mishap is what happens to this call. Calls that come from two goroutines of one
// agent at once are let alone: which is first is not determined.
func (w *World) mishap(p *proc, step string) mishap {
	if len(w.armed) == 0 {
		return fine
	}
	for i := range w.armed {
		a := &w.armed[i]
		if a.node != p.node {
			continue
		}
		if a.left--; a.left > 0 {
			continue
		}
		how := a.how
		w.armed = slices.Delete(w.armed, i, i+1)
		w.note("%s: %s of %s %s", p.node.name, step, p.what, mishaps[how])
		p.hurt, w.calm = true, w.now()
		return how
	}
	return fine
}
