package sim

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// proc is one run of the agent's binary: an action, or the exit hook.
type proc struct {
	w      *World
	node   *node
	id     uint64
	what   string // "promote"
	killed bool
	idle   int // sleeps since
	over   bool
	hurt   bool // a fault kept it from keeping its time
	calls  map[string]uint64
	agent  *ocf.Agent
	end    func(error) // in the world, when it has ended by itself

	begun   time.Duration
	loss    bool   // it said what may be lost by its promotion
	primary bool   // seen writable at some instant of its run
	buried  bool   // its end is known to the cluster
	dead    func() // tells the cluster
}

// mishap is what happens to a call of a port.
type mishap int

const (
	fine        mishap = iota
	failing            // an error at once, without effect
	hanging            // no answer until the deadline, without effect
	unanswered         // effect, but no answer until the deadline
	killedFirst        // the agent is killed before the call takes effect
	killedAfter        // ... after it did
)

var mishaps = [...]string{"works", "fails", "hangs", "is not answered", "kills the agent before", "kills the agent after"}

var (
	errFault   = errors.New("injected fault")
	errOffline = errors.New("no answer")
)

// launch starts the agent on a node. end runs in the world when the agent has ended
// by itself; it does not when the agent was killed.
func (w *World) launch(n *node, what string, run func(context.Context, *ocf.Agent) error, r ocf.Request, end func(error)) *proc {
	w.procs++
	p := &proc{w: w, node: n, id: w.procs, what: what, calls: map[string]uint64{}, end: end, begun: w.now()}
	p.agent = w.agent(p, r)
	n.running = append(n.running, p)
	p.look()
	w.met(p, false)
	w.woke = true
	go func() {
		var err error
		defer func() {
			if x := recover(); x != nil {
				w.violate("%s on %s panics: %v", what, n.name, x)
			}
			p.finished(err)
		}()
		err = run(context.Background(), p.agent)
	}()
	w.settle()
	return p
}

// finished tells the world, as an event of its own.
func (p *proc) finished(err error) {
	if p.killed {
		return
	}
	p.w.push(&event{at: p.w.now(), tie: p.w.dice(p.id, 1), node: p.node, do: func() {
		if p.killed {
			return
		}
		p.over = true
		p.node.forget(p)
		p.w.met(p, true)
		p.end(err)
	}})
}

// kill is SIGKILL: the agent does nothing more.
func (w *World) kill(p *proc) {
	if p.over || p.killed {
		return
	}
	p.killed = true
	p.node.forget(p)
}

// slay kills an agent from without; the cluster sees it at once.
func (w *World) slay(p *proc) {
	if p.over || p.killed {
		return
	}
	w.kill(p)
	if p.dead != nil {
		w.after(5*time.Millisecond, p.node, p.dead)
	}
}

// met tells whoever waits for an agent.
func (w *World) met(p *proc, ended bool) {
	if w.ambush != nil {
		w.ambush(p, ended)
	}
}

func (n *node) forget(p *proc) {
	for i, q := range n.running {
		if q == p {
			n.running = append(n.running[:i:i], n.running[i+1:]...)
			return
		}
	}
}

// look notes whether the server is writable at this instant.
func (p *proc) look() {
	if s := p.node.srv; s.up() && s.writable {
		p.primary = true
	}
}

// call is one use of a port. The effect takes place at one instant, between low and
// high from now; where the deadline comes first it does not.
func (p *proc) call(ctx context.Context, step string, low, high time.Duration, effect func() error) error {
	if p.killed {
		runtime.Goexit()
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	p.w.mu.Lock()
	p.calls[step]++
	n := p.calls[step]
	p.w.mu.Unlock()
	how := p.w.mishap(p, step)
	if how == killedFirst {
		p.fall()
	}
	if how == hanging {
		return p.hang(ctx, step, n)
	}
	if err := p.sleep(ctx, p.w.between(low, high, p.id, word(step), n), word(step)+n); err != nil {
		return err
	}
	if how == failing {
		return errFault
	}
	err := effect()
	p.look()
	switch how {
	case killedAfter:
		p.fall()
	case unanswered:
		return p.hang(ctx, step, n)
	}
	return err
}

// fall is the agent's death in the middle of a call; the cluster sees it at once.
func (p *proc) fall() {
	p.w.kill(p)
	p.w.push(&event{at: p.w.now() + 5*time.Millisecond, tie: p.id, node: p.node, do: func() {
		if p.dead != nil {
			p.dead()
		}
	}})
	runtime.Goexit()
}

// hang waits for the deadline.
func (p *proc) hang(ctx context.Context, step string, n uint64) error {
	if _, ok := ctx.Deadline(); !ok { // a file of this machine: the disk stalls
		if err := p.sleep(ctx, p.w.between(10*time.Second, 90*time.Second, p.id, n), word(step)+n); err != nil {
			return err
		}
		return errOffline
	}
	if err := p.sleep(ctx, 24*time.Hour, word(step)+n); err != nil {
		return err
	}
	return errOffline
}

// sleep waits d, or until ctx ends.
func (p *proc) sleep(ctx context.Context, d time.Duration, tie uint64) error {
	at := p.w.now() + d
	if until, ok := ctx.Deadline(); ok {
		// A moment past it: by then the context's own timer has run.
		if end := until.Sub(p.w.zero) + 1; end < at {
			at = end
		}
	}
	e := &event{at: at, tie: p.w.dice(p.id, tie), wake: make(chan struct{}), proc: p, node: p.node}
	p.w.push(e)
	<-e.wake
	if p.killed {
		runtime.Goexit()
	}
	return ctx.Err()
}
