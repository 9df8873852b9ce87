package ocf

import (
	"context"
	"errors"
	"fmt"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// hold remembers what this node holds before its relay log may go with what is not
// applied of it: MariaDB throws it away when a thread starts while neither runs, and
// so do both flavours when they are pointed to another source.
func (a *Agent) hold(s *sight, position gtid.Set) error {
	rec := s.record.newest
	if rec == nil || s.state.Executed.Contains(position) {
		return nil
	}
	s.mem.Held = &Held{Epoch: rec.Epoch, Data: s.id.Data, Position: position.String()}
	if err := a.Ledger.Save(s.mem); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// holds is PURE: whether this node has all that it is known to have held in this
// epoch. One that has not may lack what it acknowledged.
func holds(h *Held, self scoring.NodeID, rec *scoring.Record, have gtid.Set) bool {
	if h == nil || rec == nil || h.Epoch != rec.Epoch || h.Data != self.Data {
		return true
	}
	held, err := gtid.Parse(h.Position)
	return err == nil && have.Contains(held)
}

// cease stops the receiver. Where the applier cannot run, the server would keep its
// relay log only as long as nobody starts a thread: that it was held is remembered.
func (a *Agent) cease(ctx context.Context, s *sight) error {
	err := a.Local.Freeze(ctx)
	if !errors.Is(err, replication.ErrApplier) {
		return err
	}
	a.Log.Warn("the receiver is stopped beside an applier that cannot run", "error", err)
	received := s.state.Received
	if err := a.Local.StopAll(ctx); err != nil {
		return err
	}
	if s.state, err = a.observe(ctx); err != nil {
		return err
	}
	if s.state.Received, err = s.state.Received.Union(received); err != nil {
		return err
	}
	return a.hold(s, s.state.Received)
}

// stuck is an applier's error as a state to show; "" for any other.
func stuck(err error) string {
	if !errors.Is(err, replication.ErrApplier) {
		return ""
	}
	if e, ok := errors.AsType[*replication.Error](err); ok {
		return fmt.Sprintf("applier stopped: error %d", e.Number)
	}
	return "applier stopped"
}
