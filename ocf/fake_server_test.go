package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// fakeServer is this node's server, in memory. It does at once what a real one does
// in time, and answers only while its process runs.
type fakeServer struct {
	*journal
	unit     *fakeUnit
	state    replication.State
	rows     []replication.Epoch
	tables   []string
	active   int // open transactions
	attached []string
	locked   map[string]bool // accounts
	sources  map[string]*fakePeer
	closed   bool // new sessions are refused
	asleep   []replication.Event
	crowded  bool   // few connections are left
	stranger bool   // while the server does not run, another answers at its socket
	uuid     string // MySQL's name in what it writes
}

func (s *fakeServer) do(ctx context.Context, step string) error {
	if err := s.at(ctx, "server."+step); err != nil {
		return err
	}
	if !s.unit.process.Running {
		return fmt.Errorf("%w: no such process", replication.ErrUnreachable)
	}
	return nil
}

func (s *fakeServer) Ping(ctx context.Context) error {
	err := s.do(ctx, "ping")
	if s.stranger && !s.unit.process.Running {
		return nil
	}
	return err
}

func (s *fakeServer) Observe(ctx context.Context) (replication.State, error) {
	if err := s.do(ctx, "observe"); err != nil {
		return replication.State{}, err
	}
	st := s.state
	if s.state.Source != nil {
		src := *s.state.Source
		src.Password = "" // never read back
		st.Source = &src
	}
	return st, nil
}

func (s *fakeServer) UserTables(ctx context.Context) ([]string, error) {
	return s.tables, s.do(ctx, "tables")
}

func (s *fakeServer) Epochs(ctx context.Context) ([]replication.Epoch, error) {
	return slices.Clone(s.rows), s.do(ctx, "epochs")
}

func (s *fakeServer) Freeze(ctx context.Context) error {
	if err := s.do(ctx, "freeze"); err != nil {
		return err
	}
	s.state.Receiver = replication.Thread{}
	return nil
}

func (s *fakeServer) StopAll(ctx context.Context) error {
	if err := s.do(ctx, "stop-all"); err != nil {
		return err
	}
	s.state.Receiver, s.state.Applier = replication.Thread{}, replication.Thread{}
	s.state.SemiSync.ReplicaOn = false
	return nil
}

func (s *fakeServer) Drain(ctx context.Context, target gtid.Set) error {
	if err := s.do(ctx, "drain"); err != nil {
		return err
	}
	if !s.state.Received.Contains(target) {
		<-ctx.Done()
		return fmt.Errorf("%s does not come: %w", target.Subtract(s.state.Received), ctx.Err())
	}
	return s.execute(target)
}

func (s *fakeServer) ApplyRelay(ctx context.Context, _ string, _ int64, target gtid.Set) error {
	if err := s.do(ctx, "apply-relay"); err != nil {
		return err
	}
	return s.execute(target)
}

func (s *fakeServer) execute(set gtid.Set) (err error) {
	if s.state.Executed, err = s.state.Executed.Union(set); err != nil {
		return err
	}
	s.state.Received, err = s.state.Received.Union(set)
	return err
}

func (s *fakeServer) Follow(ctx context.Context, src replication.Source) error {
	if err := s.do(ctx, "follow "+src.Host); err != nil {
		return err
	}
	s.state.Source = &src
	s.state.Applier = replication.Thread{Running: true}
	peer, ok := s.sources[src.Host]
	s.state.Receiver = replication.Thread{Running: ok, Connecting: !ok}
	s.state.SemiSync.ReplicaOn = ok && s.state.SemiSync.ReplicaEnabled
	if ok {
		return s.execute(peer.executed)
	}
	return nil
}

func (s *fakeServer) Detach(ctx context.Context) error {
	if err := s.do(ctx, "detach"); err != nil {
		return err
	}
	s.state.Source, s.state.Receiver, s.state.Applier = nil, replication.Thread{}, replication.Thread{}
	s.state.SemiSync.ReplicaOn = false
	return nil
}

func (s *fakeServer) Protect(ctx context.Context) error {
	if err := s.do(ctx, "protect"); err != nil {
		return err
	}
	if s.active > 0 || s.state.SemiSync.Waiting > 0 {
		return fmt.Errorf("protect: %w", replication.ErrBusy)
	}
	s.state.Writable = false
	return nil
}

func (s *fakeServer) Unprotect(ctx context.Context) error {
	if err := s.do(ctx, "unprotect"); err != nil {
		return err
	}
	s.state.Writable = true
	return nil
}

func (s *fakeServer) Refuse(ctx context.Context) error { s.closed = true; return s.do(ctx, "refuse") }

func (s *fakeServer) Admit(ctx context.Context) error { s.closed = false; return s.do(ctx, "admit") }

func (s *fakeServer) Crowded(ctx context.Context) (bool, error) {
	return s.crowded, s.do(ctx, "crowded")
}

func (s *fakeServer) Asleep(ctx context.Context) ([]replication.Event, error) {
	return s.asleep, s.do(ctx, "asleep")
}

func (s *fakeServer) Busy(ctx context.Context) (active, waiting int, err error) {
	if err := s.do(ctx, "busy"); err != nil {
		return 0, 0, err
	}
	return s.active, s.state.SemiSync.Waiting, nil
}

func (s *fakeServer) Evict(ctx context.Context) error {
	if err := s.do(ctx, "evict"); err != nil {
		return err
	}
	if s.state.SemiSync.Waiting > 0 {
		return errors.New("a waiting commit was let go: acknowledged data may be lost")
	}
	s.active = 0
	return nil
}

func (s *fakeServer) Prepare(ctx context.Context, _ []replication.Account) error {
	return s.do(ctx, "prepare")
}

func (s *fakeServer) Suits(ctx context.Context, _ replication.Layout) error {
	return s.do(ctx, "suits")
}

func (s *fakeServer) Touch(ctx context.Context) error { return s.do(ctx, "touch") }

func (s *fakeServer) SetEvents(ctx context.Context, on bool) error {
	if err := s.do(ctx, fmt.Sprintf("events %t", on)); err != nil {
		return err
	}
	s.state.Events = on
	return nil
}

func (s *fakeServer) Mark(ctx context.Context, e replication.Epoch, seen gtid.Set) (replication.Epoch, error) {
	if err := s.do(ctx, "mark"); err != nil {
		return replication.Epoch{}, err
	}
	for _, have := range s.rows {
		if have.Epoch >= e.Epoch {
			return replication.Epoch{}, fmt.Errorf("epoch %d is there already", have.Epoch)
		}
	}
	if s.state.Flavour == gtid.MySQL {
		e.Marker = gtid.Entry{}
		s.rows = append(s.rows, e)
		own, err := gtid.Parse(s.uuid + ":1")
		if err != nil {
			return replication.Epoch{}, err
		}
		return e, s.execute(own)
	}
	e.Marker = gtid.Entry{Server: s.state.ServerID, Seq: seen.MaxSeq(0) + 1}
	s.rows = append(s.rows, e)
	return e, s.execute(gtid.FromEntries([]gtid.Entry{e.Marker}))
}

func (s *fakeServer) ArmSource(ctx context.Context, on bool) error {
	if err := s.do(ctx, fmt.Sprintf("arm-source %t", on)); err != nil {
		return err
	}
	s.state.SemiSync.SourceEnabled, s.state.SemiSync.SourceOn = on, on
	return nil
}

func (s *fakeServer) ArmReplica(ctx context.Context, on bool) error {
	if err := s.do(ctx, fmt.Sprintf("arm-replica %t", on)); err != nil {
		return err
	}
	s.state.SemiSync.ReplicaEnabled = on
	s.state.SemiSync.ReplicaOn = on && s.state.Receiver.Running
	return nil
}

func (s *fakeServer) Attached(ctx context.Context) ([]string, error) {
	return s.attached, s.do(ctx, "attached")
}

func (s *fakeServer) HangUp(ctx context.Context, user string, _ time.Duration) (int, error) {
	if err := s.do(ctx, "hang-up "+user); err != nil {
		return 0, err
	}
	before := len(s.attached)
	s.attached = slices.DeleteFunc(slices.Clone(s.attached), func(u string) bool { return u == user })
	return before - len(s.attached), nil
}

func (s *fakeServer) Dismiss(ctx context.Context) error { return s.do(ctx, "dismiss") }

func (s *fakeServer) Exclude(ctx context.Context, user string, lock bool) error {
	if err := s.do(ctx, fmt.Sprintf("exclude %s %t", user, lock)); err != nil {
		return err
	}
	s.locked[user] = lock
	return nil
}

func (s *fakeServer) Nudge(ctx context.Context, _ gtid.Set) error { return s.do(ctx, "nudge") }
