package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
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
	relay, err := a.Datadir.Relay(s.state.Executed.String())
	if err != nil {
		return fmt.Errorf("relay log: %w", err)
	}
	if relay.File == "" {
		return nil
	}
	received, err := gtid.Parse(relay.Received)
	if err != nil {
		return fmt.Errorf("relay log: %w", err)
	}
	if s.state.Received, err = s.state.Received.Union(received); err != nil {
		return fmt.Errorf("relay log: %w", err)
	}
	a.Log.Info("applying what the relay log still holds", "file", relay.File, "offset", relay.Offset, "target", received.String())
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

// repair keeps a replica going that already follows the right source.
func (a *Agent) repair(ctx context.Context, s *sight, src replication.Source) (string, error) {
	st := s.state
	if s.mem.Foreign != "" {
		return a.attach(ctx, s, src) // until the primary holds that, too
	}
	if why, err := a.errant(ctx, s); why != "" || err != nil {
		return why, err
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

// attach points this server at the primary after looking at what both hold: this
// node first, the primary after it, so that what the primary wrote in between
// cannot look like ours.
func (a *Agent) attach(ctx context.Context, s *sight, src replication.Source) (string, error) {
	primary := s.record.newest.Primary.Name
	broken := !s.state.Applier.Running && s.state.Applier.Error != ""
	if s.state.SemiSync.ReplicaEnabled && !s.record.newest.Has(s.id) && (!broken || !s.state.Receiver.Running) {
		// Left from a start, or from an earlier epoch, whose primary it may still be
		// connected to. The primary lets nobody in who would acknowledge without
		// counting.
		if s.state.Receiver.Running && !s.state.Applier.Running {
			// The relay log would not outlive both threads.
			if err := a.Local.Freeze(ctx); err != nil {
				return "", fmt.Errorf("stop receiving from an earlier primary: %w", err)
			}
			s.state.Receiver, s.state.Applier = replication.Thread{}, replication.Thread{Running: true}
		}
		if err := a.Local.ArmReplica(ctx, false); err != nil {
			return "", fmt.Errorf("acknowledgements: %w", err)
		}
		s.state.SemiSync.ReplicaEnabled = false
	}
	have := s.state.Received
	relay, err := a.Datadir.Relay(s.state.Executed.String())
	if err != nil {
		return "", fmt.Errorf("relay log: %w", err)
	}
	received, err := gtid.Parse(relay.Received)
	if err != nil {
		return "", fmt.Errorf("relay log: %w", err)
	}
	if have, err = have.Union(received); err != nil {
		return "", err
	}
	foreign, err := a.twice(ctx, *s.record.newest, have)
	if err != nil {
		a.Log.Info("primary cannot be compared yet", "primary", primary, "error", err)
		if !s.state.Applier.Running && !s.state.Receiver.Running && !s.state.Receiver.Connecting {
			if why, err := a.settleRelay(ctx, s); why != "" || err != nil {
				return why, err
			}
		}
		return "primary " + primary + " is away", nil
	}
	if !foreign.Empty() {
		return a.diverged(ctx, s, foreign)
	}
	s.mem.Foreign = ""
	if err := a.Ledger.Save(s.mem); err != nil {
		return "", err
	}
	if err := a.Local.StopAll(ctx); err != nil {
		return "", err
	}
	if s.state, err = a.observe(ctx); err != nil {
		return "", err
	}
	if late := s.state.Received; !have.Contains(late) {
		// An earlier source has sent more meanwhile.
		if foreign, err = a.twice(ctx, *s.record.newest, late); err != nil {
			return "primary " + primary + " is away", nil
		}
		if !foreign.Empty() {
			return a.diverged(ctx, s, foreign)
		}
		if have, err = have.Union(late); err != nil {
			return "", err
		}
	}
	if err := a.hold(s, have); err != nil {
		return "", err
	}
	// Nothing runs now: what acknowledgements count is settled before any is sent.
	if err := a.acknowledge(ctx, s); err != nil {
		return "", err
	}
	err = a.Local.Follow(ctx, src)
	why := stuck(err)
	if err != nil && why == "" {
		return "", fmt.Errorf("follow %s: %w", primary, err)
	}
	a.Log.Info("following", "primary", primary, "epoch", s.record.newest.Epoch, "acknowledges", s.state.SemiSync.ReplicaEnabled)
	s.state, err = a.observe(ctx)
	return why, err
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

// compare returns what have holds and the history of the record's primary lacks. Its
// own epoch's row may still wait there for an acknowledgement, and is added.
func (a *Agent) compare(ctx context.Context, rec scoring.Record, have gtid.Set) (gtid.Set, error) {
	primary := rec.Primary.Name
	if a.absent(ctx, primary) {
		return gtid.Set{}, fmt.Errorf("%s is not in the cluster now", primary)
	}
	ctx, cancel := context.WithTimeout(ctx, peerPatience)
	defer cancel()
	peer, err := a.Dial(ctx, primary)
	if err != nil {
		return gtid.Set{}, err
	}
	defer peer.Close() //nolint:errcheck // nothing was written
	rows, err := peer.Epochs(ctx)
	if err != nil {
		return gtid.Set{}, err
	}
	executed, writable, err := peer.Position(ctx)
	if err != nil {
		return gtid.Set{}, err
	}
	if !writable {
		return gtid.Set{}, fmt.Errorf("%s is not open yet", primary)
	}
	l, err := line(rows)
	if err != nil {
		return gtid.Set{}, err
	}
	return l.With(&rec).Foreign(have, &executed), nil
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
