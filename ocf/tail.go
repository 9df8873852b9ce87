package ocf

import (
	"fmt"

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
// node knew, itself, once a later epoch has another primary. MySQL has no switch
// for it: the tail is kept, and what nobody else has of it makes the node diverged.
func tailChoice(flavour gtid.Flavour, self scoring.NodeID, ledger string, newest *scoring.Record) tail {
	if flavour != gtid.MariaDB || newest == nil || newest.Grant != scoring.GrantNone || ledger == "" {
		return keepTail
	}
	last, err := scoring.ParseRecord(ledger)
	// By name: a start that was interrupted has renewed the data id already.
	if err != nil || last.Primary.Name != self.Name {
		return keepTail
	}
	if newest.Primary.Name == self.Name || newest.Epoch <= last.Epoch {
		return keepTail
	}
	return dropTail
}

// quarantine copies the binary logs and remembers which sequence numbers they
// used: what is about to be cut off must never be issued again.
func (a *Agent) quarantine(mem *Memory, rec scoring.Record) error {
	name := fmt.Sprintf("%s-before-epoch-%d", a.Request.Resource, rec.Epoch)
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
