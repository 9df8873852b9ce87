package sim

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// healthy: nothing is left to do. One primary with the address, everybody else who is
// on and not in standby follows it.
func (s *teller) healthy() error {
	side := s.quorate()
	if side == nil {
		return errNoQuorum
	}
	c := s.cast(side)
	if len(c.Promoted) != 1 {
		return fmt.Errorf("promoted: %v, unpromoted: %v", c.Promoted, c.Unpromoted)
	}
	lead := s.w.byName(c.Promoted[0])
	for _, n := range s.w.nodes {
		switch {
		case !n.on:
			continue
		case n.frozen:
			return fmt.Errorf("%s does nothing", n.name)
		case n.failed || n.blocked:
			return fmt.Errorf("%s has failed", n.name)
		case n.address != (n == lead):
			return fmt.Errorf("%s is promoted; %s holds the virtual IP: %t", lead.name, n.name, n.address)
		case n == lead && (!n.srv.up() || n.srv.idle() || !n.srv.writable):
			return fmt.Errorf("%s is promoted and not writable", lead.name)
		case n == lead || n.standby:
			continue
		case n.status != unpromoted || !side.has(n):
			return fmt.Errorf("%s is %s: %s", n.name, statuses[n.status], n.attributes[resource+"-reason"])
		case !n.srv.up() || n.srv.writable || n.srv.receiver.from != lead.srv || !n.srv.applier.Running:
			return fmt.Errorf("%s does not follow %s: %s", n.name, lead.name, n.attributes[resource+"-reason"])
		}
	}
	return nil
}

// primary is the node that is promoted and writable, in the view of whoever has quorum.
func (s *teller) primary() (*node, error) {
	side := s.quorate()
	if side == nil {
		return nil, errNoQuorum
	}
	c := s.cast(side)
	if len(c.Promoted) != 1 {
		return nil, fmt.Errorf("promoted: %v", c.Promoted)
	}
	n := s.w.byName(c.Promoted[0])
	if !n.srv.up() || n.srv.idle() || !n.srv.writable {
		return nil, fmt.Errorf("%s is promoted but does not write", n.name)
	}
	return n, nil
}

// awaitPrimary waits for one that is agreeable.
func (s *teller) awaitPrimary(d time.Duration, agreeable func(*node) bool, want string) error {
	return s.until(d, func() error {
		n, err := s.primary()
		if err == nil && !agreeable(n) {
			err = fmt.Errorf("the primary is %s, want %s", n.name, want)
		}
		return err
	})
}

// awaitRejoined waits for health. Who comes back with what must not be kept is seeded
// anew, as the lab's people do.
func (s *teller) awaitRejoined(nodes []string, seeding bool, d time.Duration) error {
	var aside []*node
	err := s.until(d, func() error {
		err := s.healthy()
		if err == nil || s.opt.Flavour != gtid.MySQL && !seeding {
			return err
		}
		aside = nil
		for _, name := range nodes {
			n := s.w.byName(name)
			if why := n.attributes[resource+"-reason"]; strings.HasPrefix(why, "diverged") || strings.HasSuffix(why, "seed it anew") {
				aside = append(aside, n)
			}
		}
		if len(aside) > 0 {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, n := range aside {
		s.Say("%s is seeded anew", n.name)
		if err := s.reseed(n); err != nil {
			return err
		}
	}
	return s.until(d, s.healthy)
}

// reseed gives a node other data: MySQL's server is a clone of the primary, MariaDB's
// a copy of a replica that was stopped for it.
func (s *teller) reseed(n *node) error {
	from, err := s.primary()
	if err != nil {
		return err
	}
	still := []*node{n}
	if s.opt.Flavour == gtid.MariaDB {
		i := slices.IndexFunc(s.w.nodes, func(m *node) bool { return m != n && m != from && m.on })
		if i < 0 {
			return errors.New("there is no other replica to copy")
		}
		from = s.w.nodes[i]
		still = append(still, from)
	}
	for _, m := range still {
		m.standby = true
	}
	s.w.rethink()
	if err := s.until(time.Minute, func() error {
		for _, m := range still {
			if m.srv.running || m.status != stopped {
				return fmt.Errorf("the server of %s still runs", m.name)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	n.seed(from)
	for _, m := range still {
		m.standby = false
	}
	s.w.rethink()
	return nil
}

// verify: every acknowledged row is on every node once, and all hold the same.
func (s *teller) verify(d time.Duration) error {
	s.writers(false)
	if len(s.rows) == 0 {
		return errors.New("nothing was ever acknowledged: start writers first")
	}
	return s.until(d, func() error {
		for _, n := range s.w.nodes {
			if !n.on {
				continue
			}
			if !n.srv.up() {
				return fmt.Errorf("%s does not run", n.name)
			}
			count := n.srv.contents()
			for _, t := range s.rows {
				if count[t.content] != 1 {
					return fmt.Errorf("%s, which was acknowledged, is %d times on %s", t, count[t.content], n.name)
				}
			}
			if first := s.w.nodes[slices.IndexFunc(s.w.nodes, func(n *node) bool { return n.on })]; !maps.Equal(count, first.srv.contents()) {
				return fmt.Errorf("%s and %s hold different transactions: %s | %s", n.name, first.name, n.srv.logged, first.srv.logged)
			}
		}
		return nil
	})
}

// contents is how often each transaction is there.
func (s *server) contents() map[int]int {
	count := map[int]int{}
	for _, t := range s.binlog {
		count[t.content]++
	}
	return count
}

// leftOver: healthy, and nothing is left of what was done.
func (s *teller) leftOver(d time.Duration, mayTimeOut bool) error {
	err := s.until(d, func() error {
		if err := s.healthy(); err != nil {
			return err
		}
		for _, n := range s.w.nodes {
			why := n.attributes[resource+"-reason"]
			switch {
			case !n.on, n.srv.stopped, n.standby, n.barred:
				return fmt.Errorf("%s is off, stopped, in standby or banned", n.name)
			case why != "primary" && why != "promotable":
				return fmt.Errorf("%s: %s", n.name, why)
			case n.attributes[resource+"-ballot"] != "":
				return fmt.Errorf("%s: its ballot is still published", n.name)
			}
		}
		if s.w.prefer != nil || s.w.links != nil || s.w.maintenance {
			return errors.New("something is left of the fault")
		}
		return nil
	})
	if err == nil && !mayTimeOut && len(s.w.timedOut) > 0 {
		err = fmt.Errorf("ran into their deadlines: %s", strings.Join(s.w.timedOut, ", "))
	}
	return err
}
