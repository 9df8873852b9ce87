package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/tests/story"
)

// What a story's words do to the world.

func (s *teller) killServer(n *node) error {
	if n.on && !n.frozen {
		s.w.died(n, false)
	}
	return nil
}

func (s *teller) stopApplier(n *node) error {
	if !n.srv.up() || n.srv.idle() {
		return fmt.Errorf("the server of %s does not answer", n.name)
	}
	n.srv.applier = replication.Thread{}
	return nil
}

func (s *teller) powerOff(n *node) error {
	if !n.on {
		return fmt.Errorf("node %s is off", n.name)
	}
	s.w.powerOff(n)
	return nil
}

func (s *teller) freezeNode(n *node) error {
	if !n.on {
		return fmt.Errorf("node %s is off", n.name)
	}
	s.w.stall(n)
	return nil
}

// cut takes a node off every network, the clients', too.
func (s *teller) cut(n *node) error {
	n.unplugged = true
	for _, m := range s.w.nodes {
		if m != n {
			s.part(n, m)
			s.part(m, n)
		}
	}
	s.w.sever()
	s.w.changed()
	return nil
}

// part drops what one node sends to another.
func (s *teller) part(from, to *node) {
	if s.w.links == nil {
		s.w.links = map[link]bool{}
	}
	s.w.links[link{from, to}], s.w.cut[from.index][to.index] = true, true
}

func (s *teller) split(ctx context.Context, c *story.Call) error {
	groups, err := c.Groups(ctx)
	if err != nil {
		return err
	}
	for i, group := range groups {
		for j, other := range groups {
			for _, from := range group {
				for _, to := range other {
					if i != j {
						s.part(s.w.byName(from), s.w.byName(to))
					}
				}
			}
		}
	}
	s.w.sever()
	s.w.changed()
	return nil
}

func (s *teller) deafen(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	from, err := c.Nodes(ctx, "FROM")
	for _, name := range from {
		s.part(s.w.byName(name), n)
	}
	s.w.sever()
	s.w.changed()
	return err
}

func (s *teller) heal() {
	s.w.links = nil
	for _, n := range s.w.nodes {
		n.unplugged = false
		clear(s.w.cut[n.index])
	}
	s.w.changed()
}

func (s *teller) move(n *node) {
	if n.status == promoted {
		return // crm_resource says so, and does nothing
	}
	s.w.prefer, s.w.weight = n, infinity
	s.w.rethink()
}

func (s *teller) clear() {
	s.w.prefer = nil
	for _, n := range s.w.nodes {
		n.barred = false
	}
	s.w.rethink()
}

func (s *teller) switchover(ctx context.Context, c *story.Call) error {
	d := c.Duration("TIMEOUT", 0)
	for i := range c.Number("COUNT") {
		to, err := s.Resolve(ctx, "replica1")
		if err == nil {
			s.move(s.w.byName(to))
			err = s.awaitPrimary(d, func(n *node) bool { return n.name == to }, to)
		}
		if err == nil {
			s.clear()
			err = s.until(d, s.healthy)
		}
		if err != nil || s.broken() {
			return fmt.Errorf("switchover %d to %s: %w", i+1, to, err)
		}
	}
	return nil
}

func (s *teller) fencing(_ context.Context, c *story.Call) error {
	on := c.Args[0] == "on"
	s.opt.Fencing = on
	if s.w != nil {
		s.w.opt.Fencing = on
		s.w.rethink()
	}
	return nil
}

func (s *teller) awaitFenced(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	return s.until(c.Duration("TIMEOUT", 0), func() error {
		if n.fenced == 0 {
			return fmt.Errorf("%s was not fenced", n.name)
		}
		return nil
	})
}

// commands are those of exec-on that have a meaning in the model, by their beginning.
var commands = map[string]func(*teller, *node){
	"crm_resource --cleanup --resource db": func(s *teller, _ *node) {
		for _, n := range s.w.nodes {
			n.banned, n.blocked = 0, false
		}
		s.w.rethink()
	},
	"crm_attribute --type crm_config --name maintenance-mode --update true": func(s *teller, _ *node) { s.w.maintain(true) },
	"crm_attribute --type crm_config --name maintenance-mode --delete":      func(s *teller, _ *node) { s.w.maintain(false) },
}

func command(words []string) func(*teller, *node) { return commands[strings.Join(words, " ")] }

func (s *teller) execOn(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	command(c.Texts("COMMAND"))(s, n)
	return nil
}

// statements are those of sql that have a meaning in the model.
var statements = map[string]func(*server){
	"STOP SLAVE":               byHand,
	"STOP REPLICA":             byHand,
	"SET GLOBAL read_only = 0": func(s *server) { s.writable = true },
	"SET GLOBAL read_only = 1": (*server).shut,
}

// byHand: nobody looks whether what was received would be lost. MariaDB's next start of
// a thread fetches it again.
func byHand(s *server) {
	s.receiver.stop()
	s.applier = replication.Thread{}
	if s.flavour() == gtid.MariaDB {
		s.relay, s.shown = nil, gtid.Set{}
	}
}

func (s *teller) sql(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	if !n.srv.up() || n.srv.idle() {
		return fmt.Errorf("the server of %s does not answer", n.name)
	}
	statements[c.Text("STATEMENT")](n.srv)
	return nil
}

// writers are clients, and a probe on every node.
func (s *teller) writers(start bool) error {
	if start == !s.w.silent {
		if start {
			return errors.New("writers run already")
		}
		return nil
	}
	s.w.silent = !start
	s.meter.run(start)
	if !start {
		return nil
	}
	n := s.meter.count
	return s.until(15*time.Second, func() error {
		if s.meter.count < n+5 {
			return errors.New("writers start: too few rows are acknowledged")
		}
		return nil
	})
}

func (s *teller) awaitWrites(_ context.Context, c *story.Call) error {
	if s.w.silent {
		return errors.New("no writers run")
	}
	start := s.w.now()
	return s.until(c.Duration("TIMEOUT", 0), func() error {
		if s.meter.last <= start {
			return fmt.Errorf("no row acknowledged since %s", start)
		}
		return nil
	})
}

func (s *teller) outage(_ context.Context, c *story.Call) error {
	if s.meter.worst > c.Duration("MAX", 0) {
		return fmt.Errorf("no writes for %s, more than %s", s.meter.worst, c.Text("MAX"))
	}
	return nil
}

// ambush is something that happens when the agent of a node runs an action.
type ambush struct {
	node   *node
	action string
	after  time.Duration // -1: when it has ended
	do     func(*proc)
	state  int // 0 waits, 1 under way, 2 done, 3 called off
}

func (s *teller) at(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	targets, err := c.Nodes(ctx, "TARGET")
	if err != nil {
		return err
	}
	word := c.Text("WORD")
	deed := map[string]func(*teller, *node) error{
		"cut": (*teller).cut, "power-off": (*teller).powerOff, "kill-mysqld": (*teller).killServer, "freeze-node": (*teller).freezeNode,
		"freeze-server": func(_ *teller, n *node) error { n.srv.pause(true); return nil },
	}[word]
	if (deed == nil || len(targets) == 0) && word != "kill-agent" {
		return fmt.Errorf("%w: %v", story.ErrUsage, c.Args)
	}
	a := &ambush{node: n, action: c.Text("ACTION"), after: c.Duration("DELAY|end", -1)}
	a.do = func(p *proc) {
		if a.state != 1 {
			return
		}
		a.state = 2
		s.Say("at %s on %s: %s", a.action, n.name, word)
		if word == "kill-agent" {
			s.w.slay(p)
		}
		for _, name := range targets {
			if err := deed(s, s.w.byName(name)); err != nil {
				s.Say("%v", err)
			}
		}
	}
	s.ambushes = append(s.ambushes, a)
	s.w.ambush = s.meet
	if i := slices.IndexFunc(n.running, a.meets); i >= 0 && a.after >= 0 {
		a.spring(s, n.running[i])
	}
	return nil
}

// meet is told of every agent that begins or ends.
func (s *teller) meet(p *proc, ended bool) {
	for _, a := range s.ambushes {
		if a.meets(p) && a.state == 0 && ended == (a.after < 0) {
			a.spring(s, p)
		}
	}
}

func (a *ambush) spring(s *teller, p *proc) {
	a.state = 1
	s.w.after(max(a.after, 0), nil, func() { a.do(p) })
}

// meets says whether that agent runs the action: pre-promote is a notify.
func (a *ambush) meets(p *proc) bool {
	word, _, _ := strings.Cut(p.what, "-")
	return a.node == p.node && (p.what == a.action || a.action == "notify" && (word == "pre" || word == "post"))
}

func (s *teller) settled(_ context.Context, c *story.Call) error {
	done := func(a *ambush) bool { return a.state == 2 }
	err := s.poll(c.Duration("TIMEOUT", 0), 5*time.Millisecond, func() error {
		if c.Has("any") && slices.ContainsFunc(s.ambushes, done) {
			return nil
		}
		for _, a := range s.ambushes {
			if !done(a) {
				return fmt.Errorf("at %s on %s: it did not come to that", a.action, a.node.name)
			}
		}
		return nil
	})
	for _, a := range s.ambushes {
		if a.state == 1 {
			a.state = 3
		}
	}
	s.ambushes = nil
	return err
}
