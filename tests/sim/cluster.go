package sim

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// side is a membership: the nodes that see each other, with what they share. It is
// replaced as a whole when the members change.
type side struct {
	w       *World
	members []*node
	quorate bool
	pe      *engine
}

// cib is what a node has of the configuration: the epoch record, and a version that
// every change raises. The highest version wins when sides meet.
type cib struct {
	version int
	record  string
}

func (s *side) has(n *node) bool { return slices.Contains(s.members, n) }

// regroup forms the memberships anew, as Corosync does when it has noticed.
func (w *World) regroup() {
	w.unsettled = 0
	for _, s := range w.sides() {
		n := s.members[0]
		if n.side != nil && slices.Equal(n.side.members, s.members) && all(s.members, func(m *node) bool { return m.side == n.side }) {
			continue
		}
		k := len(s.members)
		for _, m := range s.members {
			m.metAll = m.metAll || k == len(w.nodes)
		}
		// Of two nodes each has quorum alone, once it has seen the other (wait_for_all).
		s.quorate = 2*k > len(w.nodes) || len(w.nodes) == 2 && n.metAll
		newest := n.cib
		for _, m := range s.members {
			if m.cib.version > newest.version {
				newest = m.cib
			}
		}
		s.pe = &engine{side: s, w: w}
		for _, m := range s.members {
			if m.cib != newest {
				w.note("%s takes the CIB of version %d in place of %d: %s", m.name, newest.version, m.cib.version, newest.record)
			}
			m.cib = newest
			if m.side != nil && m.side.pe != nil {
				m.side.pe.retire()
			}
			m.side, m.planned = s, false
		}
		w.formed = w.now()
		w.note("membership %v, quorate %t", names(s.members), s.quorate)
		s.pe.begin()
	}
	for _, n := range w.nodes {
		if !n.on || n.absent {
			n.side = nil
		}
	}
}

// sides are the groups in which everybody reaches everybody. Where that can be settled
// in several ways, chance decides.
func (w *World) sides() (list []*side) {
	order := slices.Clone(w.nodes)
	if w.links != nil {
		w.serial++
		first := int(w.dice(w.serial) % uint64(len(order)))
		order = append(order[first:len(order):len(order)], order[:first]...)
	}
	for _, n := range order {
		if !n.on || n.frozen || n.absent {
			continue
		}
		i := slices.IndexFunc(list, func(s *side) bool { return all(s.members, func(m *node) bool { return w.joined(n, m) }) })
		if i < 0 {
			list = append(list, &side{w: w})
			i = len(list) - 1
		}
		list[i].members = append(list[i].members, n)
	}
	for _, s := range list {
		slices.SortFunc(s.members, func(a, b *node) int { return a.index - b.index })
	}
	slices.SortFunc(list, func(a, b *side) int { return a.members[0].index - b.members[0].index })
	return list
}

// joined: they reach each other on the cluster's network.
func (w *World) joined(a, b *node) bool {
	return a.ring == b.ring && !w.links[link{a, b}] && !w.links[link{b, a}]
}

func all[T any](list []T, f func(T) bool) bool {
	return !slices.ContainsFunc(list, func(x T) bool { return !f(x) })
}

func names(ns []*node) []string {
	out := make([]string, 0, len(ns))
	for _, n := range ns {
		out = append(out, n.name)
	}
	return out
}

// changed: connections or nodes have; the cluster notices after its token.
func (w *World) changed() {
	d := w.roll(1200*time.Millisecond, 4*time.Second)
	at := w.now() + d
	w.unsettled = max(w.unsettled, at)
	w.after(d, nil, func() {
		if w.unsettled == at {
			w.regroup()
		}
	})
}

// seat is an agent's place in the cluster: the ports that Pacemaker's tools are
// behind.
type seat struct {
	p *proc
	n *node
}

func (c seat) ask(ctx context.Context, step string, f func(s *side)) error {
	return c.p.call(ctx, step, 10*time.Millisecond, 40*time.Millisecond, func() error {
		if c.n.side == nil {
			return errOffline
		}
		f(c.n.side)
		return nil
	})
}

// order is a change that the members agree on: it waits while they are not the same
// any more and have not noticed.
func (c seat) order(ctx context.Context, step string, f func(s *side) error) error {
	for c.p.w.unsettled > c.p.w.now() {
		if err := c.p.sleep(ctx, c.p.w.unsettled-c.p.w.now()+time.Millisecond, word(step)); err != nil {
			return err
		}
	}
	return c.p.call(ctx, step, 20*time.Millisecond, 80*time.Millisecond, func() error {
		if c.n.side == nil || c.p.w.unsettled > c.p.w.now() {
			return errOffline
		}
		return f(c.n.side)
	})
}

func (c seat) Publish(ctx context.Context, private bool, name, value string) error {
	return c.order(ctx, "publish "+name, func(s *side) error {
		s.set(c.n, private, name, value)
		return nil
	})
}

func (c seat) Hint(ctx context.Context, name, value string) error {
	n, w := c.n, c.p.w
	return c.p.call(ctx, "hint "+name, 10*time.Millisecond, 30*time.Millisecond, func() error {
		boot := n.boot
		w.after(w.roll(0, 50*time.Millisecond), n, func() {
			if n.side != nil && n.boot == boot {
				n.side.set(n, true, name, value)
			}
		})
		return nil
	})
}

func (c seat) Withdraw(ctx context.Context, private bool, name string) error {
	return c.order(ctx, "withdraw "+name, func(s *side) error {
		s.set(c.n, private, name, "")
		return nil
	})
}

// set changes an attribute of a node; a public one disturbs the scheduler.
func (s *side) set(n *node, private bool, name, value string) {
	if n.attributes[name] == value {
		return
	}
	if value == "" {
		delete(n.attributes, name)
	} else {
		n.attributes[name] = value
	}
	if !private {
		s.w.note("%s: %s=%s", n.name, name, value)
		s.pe.disturb()
	}
}

func (c seat) Collect(ctx context.Context, name string) (map[string]string, error) {
	values := map[string]string{}
	return values, c.ask(ctx, "collect "+name, func(s *side) {
		for _, m := range s.members {
			if v, ok := m.attributes[name]; ok {
				values[m.name] = v
			}
		}
	})
}

func (c seat) SetScore(ctx context.Context, score int) error {
	return c.order(ctx, "score", func(s *side) error {
		s.set(c.n, false, scoreName, scoring.FormatScore(score))
		return nil
	})
}

func (c seat) Shown(ctx context.Context, name string) (value string, ok bool, err error) {
	err = c.ask(ctx, "shown "+name, func(*side) { value, ok = c.n.attributes[name] })
	return value, ok, err
}

func (c seat) Permanent(ctx context.Context, node, name string) (value string, ok bool, err error) {
	err = c.p.call(ctx, "permanent "+name, 0, 2*time.Millisecond, func() error {
		if n := c.p.w.byName(node); name == resource+"-candidate" && n.spare {
			value, ok = "no", true
		}
		return nil
	})
	return value, ok, err
}

func (c seat) ReadRecord(ctx context.Context) (text string, ok bool, err error) {
	err = c.ask(ctx, "record read", func(*side) { text = c.n.cib.record })
	return text, text != "", err
}

func (c seat) WriteRecord(ctx context.Context, old, text string) error {
	err := c.order(ctx, "record write", func(s *side) error {
		if c.n.cib.record != old {
			return errors.New("it has changed since it was read")
		}
		s.configure(text)
		return nil
	})
	if err != nil {
		return err
	}
	now, _, err := c.ReadRecord(ctx)
	if err == nil && now != text {
		err = errors.New("it is not as it was written")
	}
	return err
}

// configure changes the CIB of one side.
func (s *side) configure(record string) {
	version := s.members[0].cib.version + 1
	for _, m := range s.members {
		m.cib = cib{version, record}
	}
	if rec, err := scoring.ParseRecord(record); err == nil {
		s.w.truth.recorded = max(s.w.truth.recorded, rec.Epoch)
		s.w.truth.async = s.w.truth.async || rec.Durability == scoring.Async
	}
	s.w.note("CIB %d of %v: %s", version, names(s.members), record)
	s.pe.disturb()
}

func (c seat) Quorate(ctx context.Context) (yes bool, err error) {
	err = c.ask(ctx, "quorate", func(s *side) { yes = s.quorate })
	return yes, err
}

func (c seat) Members(ctx context.Context) (out []ocf.Member, err error) {
	err = c.ask(ctx, "members", func(s *side) {
		for i, n := range c.p.w.nodes {
			out = append(out, ocf.Member{Name: n.name, ID: uint32(i + 1), Online: s.has(n)})
		}
	})
	return out, err
}

func (c seat) Managed(ctx context.Context) (bool, error) {
	return !c.p.w.maintenance, c.ask(ctx, "managed", func(*side) {})
}

func (c seat) Fail(ctx context.Context) error {
	return c.order(ctx, "fail", func(s *side) error {
		s.pe.fail(c.n, "reported")
		return nil
	})
}
