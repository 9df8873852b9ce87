package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// database is a server as an agent on its node has it, behind the port. It answers as
// the workshop's Server does on a real one (replication, tests/server).
type database struct {
	p *proc
	s *server
}

func (d database) do(ctx context.Context, step string, f func() error) error {
	silent := false
	err := d.p.call(ctx, step, time.Millisecond, 4*time.Millisecond, func() error {
		switch {
		case !d.s.up():
			return fmt.Errorf("%w: no such process", replication.ErrUnreachable)
		case d.s.stopped:
			silent = true
			return nil
		case f == nil:
			return nil
		}
		return f()
	})
	if silent {
		return d.p.hang(ctx, step, 0)
	}
	return err
}

func (d database) Ping(ctx context.Context) error { return d.do(ctx, "ping", nil) }

func (d database) Observe(ctx context.Context) (st replication.State, err error) {
	err = d.do(ctx, "observe", func() error { st = d.s.state(); return nil })
	return st, err
}

func (s *server) state() replication.State {
	st := replication.State{
		Flavour: s.flavour(), Version: "10.11.6-MariaDB", ServerID: s.id, Writable: s.writable,
		Executed: s.executed(), Received: s.received(), Applier: s.applier, Events: s.events,
		SemiSync: replication.SemiSync{
			SourceEnabled: s.armed, SourceOn: s.armed, Waiting: 0, Acknowledged: s.acked, Timeout: 1000 * time.Hour,
			ReplicaEnabled: s.eager, ReplicaOn: s.eager && s.receiver.from != nil && s.receiver.acks,
		},
		Durable: replication.Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 1},
	}
	if s.lax {
		st.Durable.SyncRelayLog = 10000
	}
	if s.flavour() == gtid.MySQL {
		st.Version, st.Fetched = "9.7.0", s.shown
	}
	if s.armed {
		st.SemiSync.Waiting = s.waiting()
		for _, r := range s.dumps {
			if r.acks {
				st.SemiSync.Clients++
			}
		}
	}
	if s.source != nil {
		src := *s.source
		src.Password, st.Source = "", &src
		r := s.receiver
		st.Receiver = replication.Thread{Running: r.thread && r.from != nil, Connecting: r.thread && r.from == nil, Errno: r.errno, Error: r.error}
		if st.Receiver.Running && s.applier.Running {
			st.Lag = new(time.Duration)
			*st.Lag = max(0, s.moved-s.w.now())
		}
	}
	return st
}

func (d database) UserTables(ctx context.Context) (names []string, err error) {
	return []string{"app.t"}, d.do(ctx, "tables", nil)
}

func (d database) Epochs(ctx context.Context) (rows []replication.Epoch, err error) {
	err = d.do(ctx, "epochs", func() error { rows = slices.Clone(d.s.rows); return nil })
	return rows, err
}

func (d database) Freeze(ctx context.Context) error {
	return d.do(ctx, "freeze", func() error {
		if !d.s.receiver.thread {
			return nil
		}
		if !d.s.applier.Running && d.s.applier.Errno != 0 {
			return replication.ErrApplier
		}
		d.s.threads(false, true)
		d.s.halt(true, false)
		return nil
	})
}

func (d database) StopAll(ctx context.Context) error {
	return d.do(ctx, "stop-all", func() error { d.s.halt(true, true); return nil })
}

func (d database) Drain(ctx context.Context, target gtid.Set) error {
	for {
		done := false
		err := d.do(ctx, "drain", func() error {
			done = d.s.executed().Contains(target)
			if !done && !d.s.applier.Running {
				return replication.ErrApplier
			}
			return nil
		})
		if err != nil || done {
			return err
		}
		if err := d.p.sleep(ctx, 20*time.Millisecond, word("drain pause")); err != nil {
			return err
		}
	}
}

func (d database) ApplyRelay(ctx context.Context, _ string, _ int64, target gtid.Set) error {
	return d.do(ctx, "apply-relay", func() error {
		s := d.s
		if s.executed().Contains(target) {
			return nil
		}
		if s.receiver.thread || s.applier.Running {
			return replication.ErrBusy
		}
		s.applier = replication.Thread{}
		s.executeRelay()
		if s.applier.Errno != 0 || len(s.relay) > 0 {
			return replication.ErrApplier
		}
		if s.flavour() == gtid.MariaDB {
			s.shown = gtid.Set{}
		}
		return nil
	})
}

func (d database) Follow(ctx context.Context, src replication.Source) error {
	err := d.do(ctx, "follow", func() error {
		s := d.s
		follows := s.source != nil && s.source.Host == src.Host && s.source.Port == src.Port && s.source.User == src.User
		denied := s.receiver.errno == 1045
		switch {
		case follows && s.receiver.thread && !denied:
			s.threads(false, true)
		case follows && s.applier.Running && !s.receiver.thread && !denied:
			s.threads(true, false)
		default:
			s.halt(true, true)
			s.purge("change of the source")
			s.source, s.wrong = &src, false
			s.applier = replication.Thread{}
			s.threads(true, true)
		}
		s.note("follows %s (%s)", src.Host, s.receiver.error)
		return nil
	})
	if err != nil {
		return err
	}
	return d.do(ctx, "settled", func() error {
		switch s := d.s; {
		case !s.applier.Running:
			return replication.ErrApplier
		case s.receiver.errno == 1045:
			return replication.ErrAccessDenied
		case s.receiver.errno == 1236:
			return replication.ErrDiverged
		}
		return nil
	})
}

func (d database) Detach(ctx context.Context) error {
	return d.do(ctx, "detach", func() error {
		if d.s.source == nil {
			return nil
		}
		d.s.halt(true, true)
		d.s.purge("detached")
		d.s.source = nil
		return nil
	})
}

// Protect waits a second for what stands in its way.
func (d database) Protect(ctx context.Context) error {
	busy := false
	err := d.do(ctx, "protect", func() error {
		busy = d.s.armed && d.s.waiting() > 0 || d.s.long
		if !busy {
			d.s.shut()
		}
		return nil
	})
	if err != nil || !busy {
		return err
	}
	return d.p.call(ctx, "protect, patient", time.Second, time.Second+time.Millisecond, func() error {
		switch {
		case !d.s.up(), d.s.stopped:
			return replication.ErrUnreachable
		case d.s.armed && d.s.waiting() > 0 || d.s.long:
			return fmt.Errorf("protect: %w", replication.ErrBusy)
		}
		d.s.shut()
		return nil
	})
}

func (s *server) shut() {
	if s.writable {
		s.note("read-only")
	}
	s.writable = false
}

func (d database) Unprotect(ctx context.Context) error {
	return d.do(ctx, "unprotect", func() error {
		if !d.s.writable {
			d.s.writable = true
			d.s.w.opened(d.s)
		}
		return nil
	})
}

func (d database) Refuse(ctx context.Context) error {
	return d.do(ctx, "refuse", func() error { d.s.closed = true; return nil })
}

func (d database) Admit(ctx context.Context) error {
	return d.do(ctx, "admit", func() error { d.s.closed = false; return nil })
}

// Crowded: the simulator counts no connections.
func (d database) Crowded(ctx context.Context) (bool, error) {
	return false, d.do(ctx, "crowded", func() error { return nil })
}

// Asleep: the simulator has no events.
func (d database) Asleep(ctx context.Context) ([]replication.Event, error) {
	return nil, d.do(ctx, "asleep", func() error { return nil })
}

func (d database) Busy(ctx context.Context) (active, waiting int, err error) {
	err = d.do(ctx, "busy", func() error {
		if d.s.armed {
			waiting = d.s.waiting()
		}
		active = waiting
		if d.s.long {
			active++
		}
		return nil
	})
	return active, waiting, err
}

func (d database) Evict(ctx context.Context) error {
	return d.do(ctx, "evict", func() error {
		d.s.long = false
		if d.s.armed && d.s.waiting() > 0 {
			return replication.ErrBusy
		}
		return nil
	})
}

func (d database) Prepare(ctx context.Context, _ []replication.Account) error {
	return d.do(ctx, "prepare", nil)
}

func (d database) Mark(ctx context.Context, e replication.Epoch, seen gtid.Set) (replication.Epoch, error) {
	err := d.do(ctx, "mark", func() error {
		s := d.s
		for _, have := range s.rows {
			switch {
			case have.Epoch == e.Epoch && have.Record == e.Record:
				e = have
				return nil
			case have.Epoch >= e.Epoch:
				return fmt.Errorf("epoch %d is there already", have.Epoch)
			}
		}
		t := s.issue(seen.MaxSeq(0) + 1)
		e.Marker = t.entry
		row := e
		t.row = &row
		s.append(t)
		if !s.armed {
			s.commit(len(s.binlog))
		}
		s.feed()
		s.note("marks epoch %d as %s", e.Epoch, t)
		return nil
	})
	return e, err
}

func (d database) Nudge(ctx context.Context, _ gtid.Set) error {
	return d.do(ctx, "nudge", func() error {
		t := d.s.issue(0)
		d.s.append(t)
		if !d.s.armed {
			d.s.commit(len(d.s.binlog))
		}
		d.s.feed()
		return nil
	})
}

func (d database) Suits(ctx context.Context, _ replication.Layout) error {
	return d.do(ctx, "suits", nil)
}

func (d database) Touch(ctx context.Context) error { return d.do(ctx, "touch", nil) }

func (d database) SetEvents(ctx context.Context, on bool) error {
	return d.do(ctx, "events", func() error { d.s.events = on; return nil })
}

func (d database) ArmSource(ctx context.Context, on bool) error {
	return d.do(ctx, "arm-source", func() error { d.s.arm(on); return nil })
}

func (d database) ArmReplica(ctx context.Context, on bool) error {
	return d.do(ctx, "arm-replica", func() error {
		s, r := d.s, &d.s.receiver
		connected := r.from != nil
		restart := r.thread && (!connected || r.acks != on)
		if s.eager == on && (!restart || !connected) {
			return nil
		}
		if restart && !s.applier.Running {
			return replication.ErrApplier
		}
		s.eager = on
		if restart {
			s.halt(true, false)
			s.threads(true, false)
			if on && r.from != nil && !r.acks {
				return errors.New("the receiver does not acknowledge: its source is not semi-synchronous")
			}
		}
		return nil
	})
}

func (d database) Attached(ctx context.Context) (users []string, err error) {
	err = d.do(ctx, "attached", func() error {
		for _, r := range d.s.dumps {
			users = append(users, r.user())
		}
		for user, until := range d.s.stale {
			if until > d.s.w.now() {
				users = append(users, user)
			}
		}
		slices.Sort(users)
		return nil
	})
	return slices.Compact(users), err
}

func (d database) Exclude(ctx context.Context, user string, lock bool) error {
	return d.do(ctx, "exclude", func() error {
		d.s.locked[user] = lock
		if lock {
			d.s.drop(user)
		}
		return nil
	})
}

// HangUp leaves out how long a dump thread has lasted: a replica whose word is old loses
// its connection more often than a real one.
func (d database) HangUp(ctx context.Context, user string, _ time.Duration) (n int, err error) {
	err = d.do(ctx, "hang up", func() error {
		for _, r := range d.s.dumps {
			if r.user() == user {
				n++
			}
		}
		if until := d.s.stale[user]; until > d.s.w.now() {
			n++
		}
		d.s.drop(user)
		return nil
	})
	return n, err
}

// drop ends the dump threads of an account; "" is all of them.
func (s *server) drop(user string) {
	for _, r := range slices.Clone(s.dumps) {
		if user == "" || r.user() == user {
			r.lose(true)
		}
	}
	delete(s.stale, user)
}

func (d database) Dismiss(ctx context.Context) error {
	return d.do(ctx, "dismiss", func() error { d.s.barred = true; d.s.drop(""); return nil })
}

// peer is another node's server through the replication account.
type peer struct {
	p    *proc
	from *node
	to   *node
}
