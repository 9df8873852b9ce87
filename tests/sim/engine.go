package sim

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// engine is Pacemaker on one side of the cluster: it computes a transition, carries it
// out stage by stage, and begins anew when something has changed meanwhile.
type engine struct {
	side    *side
	w       *World
	retired bool // another membership has taken over
	waiting bool // a computation is due
	stages  []stage
	note    ocf.Note // lists as at the transition's start
	running bool
	aborted bool
}

// retire ends it: what is in flight goes on, and is for the next engine to see.
func (e *engine) retire() { e.retired = true }

// begin follows a change of the membership. With fencing whoever is missing is shot
// before anything else.
func (e *engine) begin() {
	var lost []*node
	for _, n := range e.w.nodes {
		if !e.side.has(n) && n.on && n.known && e.side.quorate && e.w.opt.Fencing {
			lost = append(lost, n)
		}
	}
	if len(lost) == 0 {
		e.disturb()
		return
	}
	e.w.after(e.w.roll(time.Second, 3*time.Second), nil, func() {
		if e.retired {
			return
		}
		for _, n := range lost {
			if n.on && n.side != e.side {
				e.w.note("%s is fenced by %v", n.name, names(e.side.members))
				n.fenced = e.w.now()
				e.w.crash(n, e.w.roll(15*time.Second, 30*time.Second))
			}
		}
		e.disturb()
	})
}

// disturb is a change that the scheduler has to look at: nothing more of the running
// transition begins, but notifications of what was done.
func (e *engine) disturb() {
	switch {
	case e.retired:
	case e.running:
		e.aborted = true
	case !e.waiting:
		e.waiting = true
		e.w.after(e.w.roll(5*time.Millisecond, 40*time.Millisecond), nil, func() {
			e.waiting = false
			e.compute()
		})
	}
}

func (e *engine) instances() []instance {
	var all []instance
	for _, n := range e.side.members {
		all = append(all, instance{
			Node: n.name, Status: n.status, Failed: n.failed, Demote: n.demote, Blocked: n.blocked,
			Banned: n.banned > e.w.now() || n.standby, Score: e.w.effective(n),
		})
	}
	return all
}

func (e *engine) compute() {
	if e.retired || e.running || e.w.maintenance {
		return
	}
	for _, n := range e.side.members {
		if n.busy() {
			// An operation that an earlier membership began: its result comes.
			e.waiting = true
			e.w.after(200*time.Millisecond, nil, func() { e.waiting = false; e.compute() })
			return
		}
	}
	all := e.instances()
	e.stages = plan(all, e.side.quorate)
	if len(e.stages) == 0 {
		e.observe()
		return
	}
	e.note = ocf.Note{Present: true}
	for _, i := range all {
		switch i.Status {
		case promoted:
			e.note.Promoted = append(e.note.Promoted, i.Node)
		case unpromoted:
			e.note.Unpromoted = append(e.note.Unpromoted, i.Node)
		default:
			continue
		}
		e.note.Active = append(e.note.Active, i.Node)
	}
	for _, s := range e.stages {
		e.w.note("transition of %v: %s %v", names(e.side.members), s.Op, s.Nodes)
		switch s.Op {
		case "start":
			e.note.Start = s.Nodes
		case "stop":
			e.note.Stop = s.Nodes
		case "promote":
			e.note.Promote = s.Nodes
		case "demote":
			e.note.Demote = s.Nodes
		}
		for _, name := range s.Nodes {
			e.w.byName(name).planned = true
		}
	}
	e.running, e.aborted = true, false
	e.w.planned(e)
	e.step()
}

// observe begins the recurring monitors that an operation ended: they are ordered
// after the notifications of all that a transition does.
func (e *engine) observe() {
	for _, n := range e.side.members {
		if n.unwatched && (n.status == unpromoted || n.status == promoted) {
			n.unwatched = false
			e.w.watch(n, e.w.roll(20*time.Millisecond, 200*time.Millisecond))
		}
	}
}

// step begins the next stage, or ends the transition.
func (e *engine) step() {
	if e.retired || e.aborted || len(e.stages) == 0 {
		for _, n := range e.w.nodes {
			if n.side == e.side {
				n.planned = false
			}
		}
		e.running = false
		switch {
		case e.aborted:
			e.disturb()
		case !e.retired:
			e.observe()
		}
		return
	}
	s := e.stages[0]
	e.stages = e.stages[1:]
	if s.Op == "probe" {
		e.each(s.Nodes, ocf.Monitor, ocf.Note{}, e.step)
		return
	}
	e.tell(s, "pre", s.Pre, func() {
		if e.retired || e.aborted {
			e.step()
			return
		}
		e.each(s.Nodes, ocf.Action(s.Op), e.note, func() {
			e.tell(s, "post", s.Post, e.step)
		})
	})
}

func (e *engine) tell(s stage, kind string, nodes []string, then func()) {
	n := e.note
	n.Type, n.Operation = kind, s.Op
	e.each(nodes, ocf.Notify, n, then)
}

// each carries out an operation on nodes at once, and goes on when all have ended.
func (e *engine) each(nodes []string, action ocf.Action, note ocf.Note, then func()) {
	left := 0
	done := func() {
		if left--; left == 0 {
			then()
		}
	}
	for _, name := range nodes {
		n := e.w.byName(name)
		if action == ocf.Notify && n.mute > 0 {
			n.mute--
			e.w.note("%s: %s is not delivered", n.name, note.Event())
			continue
		}
		if n.on && e.side.has(n) {
			left++
			e.w.perform(n, action, note, done)
		}
	}
	if left == 0 {
		left = 1
		e.w.after(time.Millisecond, nil, done)
	}
}

// Timeouts and intervals of the resource, as the README has them, but for promote.
var timeouts = map[ocf.Action]time.Duration{
	ocf.Start: 120 * time.Second, ocf.Stop: 120 * time.Second, ocf.Promote: 60 * time.Second, ocf.Demote: 60 * time.Second,
	ocf.Notify: 30 * time.Second, ocf.Monitor: 30 * time.Second,
}

func (n *node) interval() time.Duration {
	if n.status == promoted {
		return 5 * time.Second
	}
	return 6 * time.Second
}

// perform carries out one operation on a node. Operations of a node come one after
// the other; a recurring monitor is killed for all but notifications, which wait.
func (w *World) perform(n *node, action ocf.Action, note ocf.Note, done func()) {
	if n.operation != nil || n.monitoring != nil && action == ocf.Notify {
		w.after(20*time.Millisecond, n, func() { w.perform(n, action, note, done) })
		return
	}
	if !n.on || n.absent {
		done()
		return
	}
	if n.monitoring != nil {
		w.kill(n.monitoring)
		n.monitoring.buried = true
		n.monitoring = nil
	}
	if action != ocf.Notify {
		n.watched++
		n.unwatched = true
	}
	n.operation = w.operate(n, action, note, 0, func(err error, timedOut bool) {
		n.operation = nil
		w.result(n, action, note, err, timedOut)
		done()
	})
}

func (n *node) busy() bool { return n.operation != nil }

// operate runs the agent and sees to its timeout.
func (w *World) operate(n *node, action ocf.Action, note ocf.Note, interval time.Duration, end func(error, bool)) *proc {
	r := ocf.Request{
		Action: action, Resource: resource, Node: n.name, Timeout: timeouts[action], Interval: interval, Depth: 10,
		CloneMax: len(w.nodes), Notify: true, Clone: true, Cluster: true, Told: true, Note: note, Params: w.params,
	}
	what := string(action)
	if action == ocf.Notify {
		what = note.Event()
	}
	done := false
	p := w.launch(n, what, func(ctx context.Context, a *ocf.Agent) error { return a.Do(ctx) }, r, func(err error) {
		done = true
		w.note("%s: %s: %d %s", n.name, what, ocf.CodeOf(err), ocf.ExitReason(err))
		w.judge(n, action, err)
		end(err, false)
	})
	boot := n.boot
	w.after(r.Timeout, n, func() {
		if done || n.boot != boot {
			return
		}
		if !p.killed && !p.hurt && n.thawed < p.begun {
			w.violate("4: %s on %s does not end before its timeout of %s", what, n.name, r.Timeout)
		}
		if !p.killed {
			w.timedOut = append(w.timedOut, what+" on "+n.name)
		}
		w.expire(p, what, end)
	})
	p.dead = func() { w.expire(p, what, end) }
	return p
}

// expire is the end of an agent that was killed, whoever did it.
func (w *World) expire(p *proc, what string, end func(error, bool)) {
	if p.over || p.buried {
		return
	}
	w.kill(p)
	p.buried = true
	w.note("%s: %s was killed", p.node.name, what)
	w.met(p, true)
	end(nil, true)
}

// result is what Pacemaker makes of an operation's end.
func (w *World) result(n *node, action ocf.Action, note ocf.Note, err error, timedOut bool) {
	code := ocf.CodeOf(err)
	if timedOut {
		code = ocf.ErrGeneric
	}
	ok := code == ocf.Success
	disturbed := !ok
	switch action {
	case ocf.Notify:
		return
	case ocf.Monitor: // a probe
		disturbed = code != ocf.NotRunning
		n.known = true
		switch code {
		case ocf.Success, ocf.Degraded:
			n.status = unpromoted
		case ocf.RunningPromoted, ocf.DegradedPromoted:
			n.status = promoted
		case ocf.NotRunning, ocf.ErrArgs, ocf.ErrInstalled:
			n.status = stopped
		default:
			n.status, n.failed = unpromoted, true
		}
	case ocf.Start:
		n.status = unpromoted
		if n.failed = !ok; !ok {
			w.ban(n)
		}
	case ocf.Stop:
		switch {
		case ok:
			n.status, n.failed, n.demote = stopped, false, false
		case w.opt.Fencing:
			n.fenced = w.now()
			w.crash(n, w.roll(15*time.Second, 30*time.Second))
			return
		default:
			n.blocked = true
			if w.now() >= stormy { // somebody has looked by then
				w.after(10*time.Second, nil, func() { n.blocked = false; w.rethink() })
			}
		}
	case ocf.Demote:
		n.status, n.demote, n.failed = unpromoted, false, n.failed || !ok
	case ocf.Promote:
		n.status, n.demote = promoted, !ok
	}
	if disturbed && n.side != nil {
		n.side.pe.disturb()
	}
}

// ban keeps a node from being used until failure-timeout.
func (w *World) ban(n *node) {
	n.banned = w.now() + 60*time.Second
	w.after(60*time.Second+time.Millisecond, nil, func() {
		if n.side != nil {
			n.side.pe.disturb()
		}
	})
}

// fail is a failed recurring monitor, or a word to that end.
func (e *engine) fail(n *node, why string) {
	e.w.note("%s has failed: %s", n.name, why)
	switch n.status {
	case promoted:
		if n.demote = why != "reported"; !n.demote {
			n.failed = true // crm_resource --fail knows no on-fail of a monitor
		}
	case unpromoted:
		n.failed = true
	}
	e.disturb()
}

// watch has the recurring monitor run in d, and from then on by its interval.
func (w *World) watch(n *node, d time.Duration) {
	n.watched++
	serial := n.watched
	w.after(d, n, func() {
		if n.watched != serial || !n.on || n.absent {
			return
		}
		if n.operation != nil || n.monitoring != nil || n.planned || w.maintenance {
			w.watch(n, 100*time.Millisecond)
			return
		}
		if n.status != unpromoted && n.status != promoted {
			return
		}
		was := n.status
		n.monitoring = w.operate(n, ocf.Monitor, ocf.Note{}, n.interval(), func(err error, timedOut bool) {
			n.monitoring = nil
			w.watch(n, n.interval())
			w.monitored(n, was, err, timedOut)
		})
	})
}

func (w *World) monitored(n *node, was status, err error, timedOut bool) {
	if n.status != was || n.side == nil {
		return
	}
	code := ocf.CodeOf(err)
	good := []ocf.Code{ocf.Success, ocf.Degraded}
	if was == promoted {
		good = []ocf.Code{ocf.RunningPromoted, ocf.DegradedPromoted}
	}
	switch {
	case !timedOut && slices.Contains(good, code):
	case was == unpromoted && (code == ocf.RunningPromoted || code == ocf.DegradedPromoted):
		n.status, n.failed = promoted, true
		n.side.pe.disturb()
	default:
		n.side.pe.fail(n, "monitor")
	}
}
