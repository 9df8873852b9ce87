package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// peerPatience bounds a look at another node's server.
const peerPatience = 3 * time.Second

// rejoin makes a replica follow the record's primary, if that is safe: nothing
// received is thrown away unless the primary holds it, and a node that holds
// something which the primary's history lacks never follows silently.
//
// It returns what stands in the way as text ("" for nothing): that is a state to
// show, not a failure.
func (a *Agent) rejoin(ctx context.Context, s *sight) (string, error) {
	if why, err := a.thaw(ctx, s); (why != "" || err != nil) && plant.Planted != plant.ThawInMonitor {
		return why, err
	}
	if why := quarantined(s.mem); why != "" {
		return "quarantined: " + why, a.stopReceiving(ctx, s)
	}
	rec := s.record.newest
	if rec == nil || rec.Grant != scoring.GrantNone || rec.Primary.Name == a.node() {
		return a.idle(ctx, s)
	}
	if err := a.unarm(ctx, s); err != nil {
		return "", err
	}
	src, err := a.Source(ctx, rec.Primary.Name)
	if err != nil {
		return "", err
	}
	if a.follows(s.state, src) {
		return a.repair(ctx, s, src)
	}
	return a.attach(ctx, s, src)
}

// thaw lifts a freeze whose election is over: a newer epoch is on record, the node
// that was to be promoted has given it up, or the promise has expired. The ballot goes first, and is seen gone, before anything
// may start a receiver. It returns the reason while the freeze stands.
func (a *Agent) thaw(ctx context.Context, s *sight) (string, error) {
	if s.mem.Promise != nil && settled(*s.mem.Promise, s) {
		s.mem.Promise = nil
		if err := a.Ledger.Save(s.mem); err != nil {
			return "", err
		}
	}
	f := s.mem.Freeze
	if f == nil {
		return "", nil
	}
	moved := s.record.newest != nil && s.record.newest.Grant == scoring.GrantNone &&
		(s.record.newest.Epoch > f.Epoch || a.continued(*f, *s.record.newest))
	conceded := a.conceded(*f, s.pubs)
	if a.frozen(*f) && !moved && !conceded {
		return "frozen for the election of " + f.Target, nil
	}
	if err := a.withdraw(ctx, attrBallot); err != nil {
		return "", err
	}
	s.mem.Freeze = nil
	if !moved && !conceded {
		s.mem.Promise = f
	}
	return "", a.Ledger.Save(s.mem)
}

// continued tells whether a living primary was promoted again where it was: an
// election like every other to those who froze for it, and no new epoch.
func (a *Agent) continued(f Freeze, rec scoring.Record) bool {
	n := a.Request.Note
	return n.Event() == "post-promote" && slices.Contains(n.Promote, f.Target) &&
		rec.Primary.Name == f.Target && rec.Epoch == f.Epoch && rec.Final == nil
}

// settled is PURE: whether the outcome of an election is known. A newer epoch is
// one; so is the word of its target, past the promise's end, that it knows of no
// newer epoch. That the CIB shows none proves nothing: it can go back in time.
func settled(f Freeze, s *sight) bool {
	if rec := s.record.newest; rec != nil && rec.Epoch > f.Epoch && rec.Grant == scoring.GrantNone {
		return true
	}
	p, ok := s.pubs[f.Target]
	if !ok || !p.Observed || p.Role != scoring.RoleReplica {
		return false
	}
	rec, err := scoring.ParseRecord(p.Record)
	return p.Record == "" || err == nil && rec.Epoch <= f.Epoch
}

// frozen tells whether the promise still binds: a mark from before a reboot has
// expired with the server that made it.
func (a *Agent) frozen(f Freeze) bool {
	boot, now := a.Clock.Boot()
	return f.Boot == boot && now < f.Expires
}

// idle is a replica with nobody to follow: what it has received is applied, so
// that its position says what it holds.
func (a *Agent) idle(ctx context.Context, s *sight) (string, error) {
	if s.record.newest == nil && (s.state.Receiver.Running || s.state.Receiver.Connecting) {
		// Servers that replicated before there was a cluster: who is closed first goes
		// on sending, so that all come to hold the same. The first election ends it.
		return "", nil
	}
	if s.state.Applier.Running || s.state.Receiver.Running {
		if s.state.Executed.Contains(s.state.Received) {
			if err := a.Local.StopAll(ctx); err != nil {
				return "", err
			}
		}
		return "", nil
	}
	return a.settleRelay(ctx, s)
}

// settleRelay applies the relay log. An applier that cannot go on is a state to show,
// and tried again by the next monitor: whatever stood in its way may have been mended.
func (a *Agent) settleRelay(ctx context.Context, s *sight) (string, error) {
	err := a.applyRelay(ctx, s)
	if why := stuck(err); why != "" {
		received := s.state.Received
		if s.state, err = a.observe(ctx); err != nil {
			return "", err
		}
		s.state.Received, err = s.state.Received.Union(received)
		return why, err
	}
	return "", err
}

// applyRelay applies what lies in the relay log and no thread has executed: the
// next start of a thread would purge it.
func (a *Agent) applyRelay(ctx context.Context, s *sight) error {
	relay, have, err := a.inRelay(s)
	if err != nil || relay.File == "" {
		return err
	}
	s.state.Received = have
	a.Log.Info("applying what the relay log still holds", "file", relay.File, "offset", relay.Offset, "target", relay.Received)
	if err := a.Local.ApplyRelay(ctx, relay.File, relay.Offset, s.state.Received); err != nil {
		return fmt.Errorf("apply the relay log: %w", err)
	}
	s.state.Executed = s.state.Received
	return nil
}

// follows tells whether the configured source is src.
func (a *Agent) follows(st replication.State, src replication.Source) bool {
	return st.Source != nil && st.Source.Host == src.Host && st.Source.Port == src.Port && st.Source.User == src.User
}

// wrongPassword is what a receiver says whose password is refused, on both flavours; an
// account that is locked has another number.
const wrongPassword = 1045

// relayUnreadable is what an applier says that cannot read its relay log, on MariaDB
// and on MySQL.
var relayUnreadable = []int{1594, 13121}

// repair keeps a replica going that already follows the right source.
func (a *Agent) repair(ctx context.Context, s *sight, src replication.Source) (string, error) {
	st := s.state
	if s.mem.Foreign != "" {
		return a.attach(ctx, s, src) // until the primary holds that, too
	}
	if why, err := a.errant(ctx, s); why != "" || err != nil {
		return why, err
	}
	if !st.Applier.Running && st.Applier.Errno != 0 && slices.Contains(relayUnreadable, st.Applier.Errno) {
		if err := a.doubt(s, st.Applier.Error); err != nil {
			return "", err
		}
		return a.attach(ctx, s, src)
	}
	if !st.Applier.Running && st.Applier.Error != "" && (st.Receiver.Running || st.Receiver.Connecting) {
		return fmt.Sprintf("applier stopped: error %d", st.Applier.Errno), nil
	}
	if !st.Applier.Running && !st.Receiver.Running && !st.Receiver.Connecting && plant.Planted != plant.PurgeAtStart {
		// Both threads down: the next start purges the relay log.
		return a.attach(ctx, s, src)
	}
	if !st.Applier.Running || (!st.Receiver.Running && !st.Receiver.Connecting) {
		if err := st.Receiver.Err(); err != nil {
			return a.attach(ctx, s, src)
		}
		if !st.Receiver.Running && !st.Receiver.Connecting {
			// What acknowledgements count is settled before any is sent.
			if err := a.acknowledge(ctx, s); err != nil {
				return "", err
			}
		}
		if err := a.Local.Follow(ctx, src); err != nil {
			return "", fmt.Errorf("follow %s: %w", src.Host, err)
		}
	}
	if err := a.acknowledge(ctx, s); err != nil {
		return "", err
	}
	if st.Applier.Running && st.Receiver.Connecting && st.Receiver.Errno == wrongPassword {
		// The server's own copy of the password is not the file's. With that one the
		// primary is asked first, so one that really refuses us changes nothing.
		return a.attach(ctx, s, src)
	}
	if st.Receiver.Connecting && st.Receiver.Error != "" {
		return fmt.Sprintf("primary %s is away: error %d", src.Host, st.Receiver.Errno), nil
	}
	return "", nil
}

// unarm makes a former primary's commits wait no more: what it applies as a replica
// would wait like a client's, for ever. What waits still, nobody has acknowledged, and
// must not be let go.
func (a *Agent) unarm(ctx context.Context, s *sight) error {
	switch now := s.state.SemiSync; {
	case !now.SourceEnabled:
		return nil
	case now.Waiting > 0:
		return errors.Join(a.Unit.Kill(ctx), fail(ErrGeneric, nil, "commits wait for an acknowledgement on what is no primary: killed"))
	}
	return a.Local.ArmSource(ctx, false)
}

// stopReceiving ends a diverged node's replication without losing its relay log.
func (a *Agent) stopReceiving(ctx context.Context, s *sight) error {
	if !s.state.Receiver.Running && !s.state.Receiver.Connecting {
		return nil
	}
	return a.cease(ctx, s)
}

// acknowledge makes this replica's acknowledgements agree with the record: only
// who is on it may acknowledge, and it must be there before it does.
func (a *Agent) acknowledge(ctx context.Context, s *sight) error {
	electable, err := a.electable(ctx, s.state)
	if err != nil {
		return err
	}
	armed := s.state.SemiSync.ReplicaEnabled
	may := electable && s.mem.Foreign == "" && s.mem.Promise == nil && mayAcknowledge(s.id, s.record, s.pubs, armed, a.Request.CloneMax)
	if may == armed && (!may || s.state.SemiSync.ReplicaOn || !s.state.Receiver.Running) {
		return nil
	}
	if may {
		// What licenses the acknowledgements must outlive this node's crash.
		if err := a.remember(s); err != nil {
			return err
		}
	}
	if err := a.Local.ArmReplica(ctx, may); err != nil {
		return fmt.Errorf("acknowledgements: %w", err)
	}
	s.state.SemiSync.ReplicaEnabled = may
	return nil
}

// mayAcknowledge is PURE. To begin with, the CIB itself must name this node, in the
// newest record there is. A revision that let it in must also be known enough before
// its first acknowledgement.
func mayAcknowledge(self scoring.NodeID, k known, pubs map[string]Publication, armed bool, clusterSize int) bool {
	rec := k.newest
	if rec == nil || !rec.Has(self) {
		return false
	}
	if armed {
		// Whatever the CIB shows for a moment: an acknowledgement that is not sent now
		// is never repeated, and its commit would wait for ever.
		return true
	}
	if k.cib == nil || !k.cib.Has(self) || k.cib.Epoch != rec.Epoch {
		return false
	}
	if rec.Revision == 1 {
		return true
	}
	knowers := []scoring.NodeID{self} // it keeps the record before it acknowledges
	for _, p := range pubs {
		if theirs, err := scoring.ParseRecord(p.Record); err == nil && !rec.Newer(theirs) {
			knowers = append(knowers, p.Node)
		}
	}
	return scoring.KnownEnough(knowers, clusterSize)
}
