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
// so do both flavours when they are pointed to another source. With whole, position is
// known to have all that this node may ever have held, also in what it cannot read.
func (a *Agent) hold(s *sight, position gtid.Set, whole bool) error {
	rec := s.record.newest
	if rec == nil {
		return nil
	}
	if old := s.mem.Held; old.binds(s.id, rec) {
		if old.Position == "" && !whole {
			return nil
		}
		before, err := gtid.Parse(old.Position)
		if err != nil {
			return fmt.Errorf("ledger: held: %w", err)
		}
		if position, err = position.Union(before); err != nil {
			return fmt.Errorf("ledger: held: %w", err)
		}
	}
	var held *Held
	if !s.state.Executed.Contains(position) {
		held = &Held{Epoch: rec.Epoch, Data: s.id.Data, Position: position.String()}
	}
	if held == nil && s.mem.Held == nil {
		return nil
	}
	s.mem.Held = held
	return a.Ledger.Save(s.mem)
}

// doubt remembers that this node may have held more than it can read.
func (a *Agent) doubt(s *sight, why string) error {
	rec := s.record.newest
	if rec == nil || s.mem.Held.binds(s.id, rec) && s.mem.Held.Position == "" {
		return nil
	}
	a.Log.Error("the relay log is damaged: what stands behind that does not count", "why", why)
	s.mem.Held = &Held{Epoch: rec.Epoch, Data: s.id.Data}
	return a.Ledger.Save(s.mem)
}

// binds: it is about this data, and the record's epoch.
func (h *Held) binds(self scoring.NodeID, rec *scoring.Record) bool {
	return h != nil && rec != nil && h.Epoch == rec.Epoch && h.Data == self.Data
}

// holds is PURE: whether this node has all that it is known to have held in this
// epoch. One that has not may lack what it acknowledged.
func holds(h *Held, self scoring.NodeID, rec *scoring.Record, have gtid.Set) bool {
	if !h.binds(self, rec) {
		return true
	}
	held, err := gtid.Parse(h.Position)
	return err == nil && h.Position != "" && have.Contains(held)
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
	return a.hold(s, s.state.Received, false)
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
