package sim

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

const (
	infinity  = 1000000
	resource  = "db"
	scoreName = "master-" + resource
)

// Options are what a run is made of besides its seed and its faults.
type Options struct {
	Nodes      int
	Flavour    gtid.Flavour
	Fencing    bool
	Spare      bool              // the last node has candidate=no
	Durability string            // lossless | degrade | async
	Loss       bool              // data_loss=allow
	Often      []kind            // misfortunes that half of all are
	Params     map[string]string // a story's; nil: those of the seeds' runs
	Trace      bool
}

// World is everything. Only events change it.
type World struct {
	scheduler
	opt         Options
	nodes       []*node
	cut         [][]bool      // SQL and the virtual IP: from, to
	links       map[link]bool // of the cluster's network that are cut
	unsettled   time.Duration
	prefer      *node // by an operator's constraint
	weight      int
	procs       uint64
	pids        int
	params      ocf.Params
	silent      bool // no client writes
	maintenance bool
	timedOut    []string // actions that Pacemaker had to end
	ambush      func(p *proc, ended bool)
	answered    func(*server, *tx)
	armed       []armed
	truth       truth
	trace       []string
	formed      time.Duration // when the last membership was
	calm        time.Duration // since when nothing was done to it
}

// link is one direction between two nodes.
type link struct{ from, to *node }

type node struct {
	name    string
	index   int
	srv     *server
	on      bool // the machine, and Pacemaker on it
	frozen  bool
	thawing []*event
	thawed  time.Duration // when it last was
	boot    string
	booted  time.Duration
	skew    time.Duration // of the wall clock
	ring    int           // cluster network that it is on
	metAll  bool          // since it was switched on it has seen all nodes
	spare   bool
	address bool
	broken  time.Duration // its server does not start before
	renewed int
	ledger  []byte
	holder  *proc // of the ledger's lock
	running []*proc

	side       *side
	cib        cib
	attributes map[string]string

	// What Pacemaker knows.
	known                   bool
	status                  status
	failed, demote, blocked bool
	standby, planned        bool
	barred                  bool // from the promoted role, by an operator's constraint
	unplugged               bool // clients do not reach it
	absent                  bool // no Corosync and no Pacemaker run
	mute                    int  // so many notifications will not be delivered
	probe                   mishap
	fenced                  time.Duration
	banned                  time.Duration
	operation, monitoring   *proc
	watched                 int
	unwatched               bool // no recurring monitor runs until a transition is through
}

// newWorld is N nodes that are switched on.
func newWorld(seed uint64, opt Options) *World {
	w := &World{opt: opt, truth: newTruth()}
	w.seed, w.zero = seed, time.Now()
	if opt.Params == nil {
		opt.Params = map[string]string{
			"virtual_ip": "10.0.0.5/24", "election_freeze": "100", "wait_for_peers": "20", "exclude_after": "10",
			"durability": opt.Durability, "degrade_after": "12", "data_loss": map[bool]string{true: "allow", false: "refuse"}[opt.Loss],
		}
	}
	w.params = must(ocf.ParseParams(func(name string) (string, bool) { v, ok := opt.Params[name]; return v, ok }))
	base := w.base()
	for i := range opt.Nodes {
		n := &node{name: fmt.Sprintf("db%d", i+1), index: i, spare: opt.Spare && i == opt.Nodes-1}
		n.srv = &server{w: w, node: n, locked: map[string]bool{}, saved: map[int]bool{}, stale: map[string]time.Duration{}}
		n.srv.receiver.s = n.srv
		n.renew()
		n.srv.append(base)
		n.srv.committed, n.srv.durable = 1, 1
		w.nodes = append(w.nodes, n)
		w.cut = append(w.cut, make([]bool, opt.Nodes))
		w.boot(n)
	}
	w.clients()
	return w
}

// base is the data that all begin with.
func (w *World) base() *tx {
	t := &tx{from: 1}
	if w.opt.Flavour == gtid.MariaDB {
		t.entry = gtid.Entry{Server: 1, Seq: 1}
		t.set = gtid.FromEntries([]gtid.Entry{t.entry})
	} else {
		t.set = must(gtid.Parse("00000000-0000-0000-0000-000000000000:1"))
	}
	return t
}

func (w *World) byName(name string) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// deaf: what from sends does not reach to.
func (w *World) deaf(from, to *node) bool { return w.cut[from.index][to.index] }

// talks: a connection needs both directions.
func (w *World) talks(a, b *node) bool { return a.on && b.on && !w.deaf(a, b) && !w.deaf(b, a) }

// effective is a score with the operator's constraint on top.
func (w *World) effective(n *node) int {
	if n.barred {
		return scoring.NegInf
	}
	score := -1
	if text, ok := n.attributes[scoreName]; ok {
		if text == scoring.FormatScore(scoring.NegInf) {
			return scoring.NegInf
		}
		fmt.Sscan(text, &score) //nolint:errcheck // ours
	}
	if w.prefer == n {
		score += w.weight
	}
	return score
}

// boot switches a node on: what was transient is gone.
func (w *World) boot(n *node) {
	w.serial++
	n.on, n.boot, n.booted = true, fmt.Sprintf("boot-%d", w.serial), w.now()-time.Duration(w.serial)*time.Second
	n.attributes = map[string]string{}
	n.address, n.holder, n.absent, n.mute = false, nil, false, 0
	n.forgetAll()
	w.changed()
}

// forgetAll: a Pacemaker that starts knows nothing of its node.
func (n *node) forgetAll() {
	n.known, n.status, n.failed, n.demote, n.blocked, n.planned, n.banned = false, unknown, false, false, false, false, 0
	n.operation, n.monitoring, n.metAll, n.unwatched = nil, nil, false, false
	n.watched++
}

// crash is a loss of power; the node comes back by itself.
func (w *World) crash(n *node, back time.Duration) {
	if !n.on {
		return
	}
	w.note("%s loses power for %s", n.name, back)
	w.powerOff(n)
	w.after(back, nil, func() { w.powerOn(n) })
}

func (w *World) powerOn(n *node) {
	if n.on {
		return
	}
	w.note("%s is back", n.name)
	w.boot(n)
}

func (w *World) powerOff(n *node) {
	for _, p := range n.agents() {
		w.kill(p)
	}
	n.srv.die(false)
	n.on, n.frozen, n.side, n.attributes = false, false, nil, nil
	w.resume(n) // the agents that wait there end
	w.orphan(n)
	w.changed()
}

// orphan ends what waits for operations of a node that is gone.
func (w *World) orphan(n *node) {
	for _, p := range []*proc{n.operation, n.monitoring} {
		if p != nil {
			dead := p.dead
			w.after(time.Second, nil, dead)
		}
	}
}

// died is the end of the server's process; the exit hook follows.
func (w *World) died(n *node, clean bool) {
	if !n.srv.running {
		return
	}
	n.srv.die(clean)
	w.after(w.roll(10*time.Millisecond, 40*time.Millisecond), n, func() {
		if !n.on {
			return
		}
		r := ocf.Request{Action: "hook", Resource: resource, Node: n.name, CloneMax: len(w.nodes), Clone: true, Notify: true, Cluster: true, Told: true, Params: w.params}
		w.launch(n, "hook", func(ctx context.Context, a *ocf.Agent) error { return a.Hook(ctx) }, r, func(err error) {
			w.note("%s: hook: %v", n.name, err)
		})
	})
}

func (w *World) freeze(n *node, d time.Duration) {
	if !n.on || n.frozen {
		return
	}
	w.note("%s freezes for %s", n.name, d)
	w.stall(n)
	boot := n.boot
	w.after(d, nil, func() {
		if n.boot == boot {
			w.thaw(n)
		}
	})
}

func (w *World) stall(n *node) {
	n.frozen = true
	w.changed()
}

func (w *World) thaw(n *node) {
	if !n.frozen {
		return
	}
	w.note("%s thaws", n.name)
	n.frozen, n.thawed = false, w.now()
	w.resume(n)
	w.changed()
}

// maintain has Pacemaker do nothing, or all that is due.
func (w *World) maintain(yes bool) {
	w.note("maintenance mode: %t", yes)
	w.maintenance, w.calm = yes, w.now()
	w.rethink()
}

// resume has happen what a frozen node was late for.
func (w *World) resume(n *node) {
	late := n.thawing
	n.thawing = nil
	w.late(late)
}

func (w *World) late(events []*event) {
	for _, e := range events {
		e.at = w.now() + w.roll(0, time.Millisecond)
		w.push(e)
	}
}

// clients write wherever they can, all the time.
func (w *World) clients() {
	w.after(w.roll(150*time.Millisecond, 450*time.Millisecond), nil, func() {
		for _, n := range w.nodes {
			if n.on && !w.silent {
				n.srv.write()
			}
		}
		w.clients()
	})
}

func (w *World) note(format string, args ...any) {
	if w.opt.Trace {
		w.trace = append(w.trace, fmt.Sprintf("%9.3f ", w.now().Seconds())+fmt.Sprintf(format, args...))
	}
}

// logger puts the agent's own log into the story.
func (w *World) logger(p *proc) *slog.Logger { return slog.New(handler{w, p}) }

type handler struct {
	w *World
	p *proc
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true }
func (h handler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h handler) WithGroup(string) slog.Handler            { return h }

func (h handler) Handle(_ context.Context, r slog.Record) error {
	if h.p.killed {
		return nil
	}
	if r.Message == unproved {
		h.p.loss = true
	}
	if !h.w.opt.Trace || r.Message == "done" {
		return nil
	}
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool { fmt.Fprintf(&b, " %s=%v", a.Key, a.Value); return true })
	h.w.note("%s %s: %s%s", h.p.node.name, h.p.what, r.Message, b.String())
	return nil
}

var _ ocf.Database = database{}
