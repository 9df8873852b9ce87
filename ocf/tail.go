package ocf

import (
	"context"
	"fmt"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// tail is what a start does with transactions that the binary log holds and the
// storage engine has only prepared (DECISIONS: prepared does not mean unacknowledged).
type tail int

const (
	// keepTail commits them: the default, and the only choice without certainty.
	keepTail tail = iota
	// dropTail rolls them back: another node is primary in a later epoch, so what
	// it lacks was never acknowledged.
	dropTail
)

// tailChoice is PURE. A tail may only be dropped by the last primary that this
// node knew, itself, once a later epoch has another primary.
func tailChoice(self scoring.NodeID, ledger string, newest *scoring.Record) tail {
	if newest == nil || newest.Grant != scoring.GrantNone || ledger == "" {
		return keepTail
	}
	last, err := scoring.ParseRecord(ledger)
	// By name: a start that was interrupted has renewed the data id already.
	if err != nil || last.Primary.Name != self.Name {
		return keepTail
	}
	if (newest.Primary.Name == self.Name || newest.Epoch <= last.Epoch) && plant.Planted != plant.DropOwnTail {
		return keepTail
	}
	return dropTail
}

// prepareDrop does what comes before a start that drops a tail. It may find that
// nothing is to be dropped, or that it cannot be.
func (a *Agent) prepareDrop(p program, mem *Memory, rec scoring.Record, pubs map[string]Publication) (tail, error) {
	var b Beyond
	if p.flavour == gtid.MySQL {
		var why string
		if b, why = a.beyond(rec, pubs); why != "" {
			a.Log.Warn("a tail of the binary log is kept", "why", why, "position", b.Position)
			return keepTail, nil
		}
		if b.Count == 0 {
			return keepTail, nil
		}
	}
	if err := a.quarantine(mem, rec); err != nil {
		return keepTail, fail(ErrGeneric, err, "cannot copy the binary logs to quarantine, nothing was discarded")
	}
	renew := a.Datadir.Renew
	if plant.Planted == plant.ReissueGTID {
		renew = a.Datadir.ID
	}
	data, err := renew()
	if err != nil {
		return keepTail, fail(ErrGeneric, err, "data id")
	}
	if p.flavour != gtid.MySQL {
		return dropTail, nil // the server cuts
	}
	mem.Cut = &Cut{Data: data, Position: b.Position, Count: b.Count}
	if err := a.Ledger.Save(*mem); err != nil {
		return keepTail, fmt.Errorf("ledger: %w", err)
	}
	a.Log.Warn("cutting a tail off the binary log", "position", b.Position, "count", b.Count, "file", b.File, "offset", b.Offset)
	if err := a.Tails.Cut(b); err != nil {
		return keepTail, fail(ErrGeneric, err, "tail of the binary log")
	}
	return dropTail, nil
}

// beyond is what this node need not keep: the later epoch started with everything that
// was acknowledged, and its primary gets no more of this node's. It is not asked: it
// may have locked us out; what it has published counts. Somebody else who holds more of
// this node's received it without having a say (a spare, for one), was away from the
// election, and has diverged: that is no reason for this node to commit it, too. Only
// while no primary is there to tell, what any node holds is kept.
// Why is what keeps the tail.
func (a *Agent) beyond(rec scoring.Record, pubs map[string]Publication) (b Beyond, why string) {
	have := rec.Start
	primary, lives := pubs[rec.Primary.Name]
	lives = lives && primary.Role == scoring.RolePrimary && primary.Node == rec.Primary
	for _, node := range sortedKeys(pubs) {
		if node == a.node() || lives && node != rec.Primary.Name {
			continue
		}
		all, err := have.Union(pubs[node].Position)
		if err != nil {
			return b, fmt.Sprintf("position of %s: %v", node, err)
		}
		have = all
	}
	b, err := a.Tails.Beyond(have.String())
	if err != nil {
		return b, err.Error()
	}
	return b, b.Stuck
}

// judgeCut looks at what a start made of a tail that was cut off. The storage engine
// must have rolled back no fewer transactions than were cut, and know none of them:
// one that it had committed already would be in the data and in no log. What it
// rolled back beside them was prepared and never written to the binary log, so that
// nobody can have received it.
func (a *Agent) judgeCut(ctx context.Context, s *sight) error {
	c := s.mem.Cut
	switch {
	case c == nil || c.Why != "" && c.Data == s.id.Data:
		return nil
	case c.Data != s.id.Data:
		s.mem.Cut = nil // other data since: it has been seeded anew
		return a.Ledger.Save(s.mem)
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	n, err := a.Tails.RolledBack(a.Request.Params.Text("log"), proc.PID)
	if err != nil {
		return fmt.Errorf("error log: %w", err)
	}
	cut, err := gtid.Parse(c.Position)
	if err != nil {
		return fmt.Errorf("ledger: cut: %w", err)
	}
	judged := *c
	switch {
	case !cut.Subtract(s.state.Executed).Equal(cut):
		judged.Why = "committed what was cut off its binary log: seed it anew"
	case n < c.Count:
		judged.Why = fmt.Sprintf("%d cut off its binary log, %d rolled back: seed it anew", c.Count, n)
	}
	if s.mem.Cut = &judged; judged.Why == "" {
		a.Log.Info("what was cut off the binary log is rolled back", "count", n, "position", c.Position)
		s.mem.Cut = nil
	}
	return a.Ledger.Save(s.mem)
}

// quarantined is why this node's data are not trusted, or "".
func quarantined(m Memory) string {
	switch {
	case m.Cut == nil:
		return ""
	case m.Cut.Why == "":
		return "a tail was cut off, and its rollback not seen yet"
	}
	return m.Cut.Why
}

// quarantine copies the binary logs and remembers which sequence numbers they
// used: what is about to be cut off must never be issued again.
func (a *Agent) quarantine(mem *Memory, rec scoring.Record) error {
	self, err := a.id()
	if err != nil {
		return err
	}
	// With the data's id: a copy of other data, from before a reseed or a cluster that
	// was built anew, must not stand in for this one.
	name := fmt.Sprintf("%s-before-epoch-%d-%s", a.Request.Resource, rec.Epoch, self.Data)
	dir, err := a.Datadir.Save(name)
	if err != nil {
		return err
	}
	used, err := a.Datadir.Binlogs()
	if err != nil {
		return err
	}
	set, err := gtid.Parse(used)
	if err != nil {
		return err
	}
	before, err := gtid.Parse(mem.Discarded)
	if err != nil {
		return err
	}
	if set, err = set.Union(before); err != nil {
		return err
	}
	mem.Discarded = set.String()
	a.Log.Info("binary logs copied before a tail is dropped", "quarantine", dir, "epoch", rec.Epoch)
	return a.Ledger.Save(*mem)
}
