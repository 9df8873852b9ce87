package sim

import (
	"context"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

func (p *proc) dial(ctx context.Context, name string) (ocf.Peer, error) {
	if _, err := p.agent.Source(ctx, name); err != nil {
		return nil, err
	}
	return peer{p, p.node, p.w.byName(name)}, nil
}

func (c peer) do(ctx context.Context, step string, f func(s *server)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	lost := false
	err := c.p.call(ctx, step, time.Millisecond, 6*time.Millisecond, func() error {
		s := c.to.srv
		switch {
		case !c.p.w.talks(c.from, c.to), s.idle(), !c.to.on:
			lost = true
			return nil
		case !s.up():
			return replication.ErrUnreachable
		case s.locked["repl."+c.from.name], s.barred:
			return replication.ErrAccessDenied
		}
		f(s)
		return nil
	})
	if lost { // packets that nobody answers
		if err := c.p.sleep(ctx, time.Hour, word(step)); err != nil {
			return err
		}
	}
	return err
}

func (c peer) Position(ctx context.Context) (set gtid.Set, writable bool, err error) {
	err = c.do(ctx, "peer position", func(s *server) {
		set, writable = s.executed(), s.writable
		if s.writable {
			set, _ = s.logged.Union(s.ghosts) // with what waits
		}
		end := len(s.binlog)
		if s.flavour() == gtid.MySQL && !s.writable {
			end = s.committed
		}
		c.from.srv.seen = s.binlog[:end:end]
	})
	return set, writable, err
}

func (c peer) Epochs(ctx context.Context) (rows []replication.Epoch, err error) {
	err = c.do(ctx, "peer epochs", func(s *server) { rows = slices.Clone(s.rows) })
	return rows, err
}

func (peer) Close() error { return nil }
