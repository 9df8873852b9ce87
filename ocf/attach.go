package ocf

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// attach points this server at the primary after looking at what both hold: this
// node first, the primary after it, so that what the primary wrote in between
// cannot look like ours.
func (a *Agent) attach(ctx context.Context, s *sight, src replication.Source) (string, error) {
	primary := s.record.newest.Primary.Name
	if err := a.disarm(ctx, s); err != nil {
		return "", err
	}
	_, have, err := a.inRelay(s)
	if err != nil {
		return "", err
	}
	seen, err := a.compare(ctx, *s.record.newest, have)
	if err != nil {
		a.Log.Info("primary cannot be compared yet", "primary", primary, "error", err)
		if !s.state.Applier.Running && !s.state.Receiver.Running && !s.state.Receiver.Connecting {
			if why, err := a.settleRelay(ctx, s); why != "" || err != nil {
				return why, err
			}
		}
		return "primary " + primary + " is away", nil
	}
	if !seen.foreign.Empty() {
		return a.diverged(ctx, s, seen.foreign)
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
		if seen, err = a.compare(ctx, *s.record.newest, late); err != nil {
			return "primary " + primary + " is away", nil
		}
		if !seen.foreign.Empty() {
			return a.diverged(ctx, s, seen.foreign)
		}
		if have, err = have.Union(late); err != nil {
			return "", err
		}
	}
	if s.mem.Held.binds(s.id, s.record.newest) {
		// Whatever it was that this node held, it came from there.
		if have, err = have.Union(seen.executed); err != nil {
			return "", err
		}
	}
	if err := a.hold(s, have, true); err != nil {
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

// disarm ends acknowledgements left from a start, or from an earlier epoch, whose
// primary this node may still be connected to. The primary lets nobody in who would
// acknowledge without counting.
func (a *Agent) disarm(ctx context.Context, s *sight) error {
	broken := !s.state.Applier.Running && s.state.Applier.Error != ""
	if !s.state.SemiSync.ReplicaEnabled || s.record.newest.Has(s.id) || broken && s.state.Receiver.Running {
		return nil
	}
	if s.state.Receiver.Running && !s.state.Applier.Running {
		// The relay log would not outlive both threads.
		if err := a.Local.Freeze(ctx); err != nil {
			return fmt.Errorf("stop receiving from an earlier primary: %w", err)
		}
		s.state.Receiver, s.state.Applier = replication.Thread{}, replication.Thread{Running: true}
	}
	if err := a.Local.ArmReplica(ctx, false); err != nil {
		return fmt.Errorf("acknowledgements: %w", err)
	}
	s.state.SemiSync.ReplicaEnabled = false
	return nil
}

// inRelay is the relay log, and all that this node holds with what lies in there and
// shows in no status.
func (a *Agent) inRelay(s *sight) (relay Relay, have gtid.Set, err error) {
	if relay, err = a.Datadir.Relay(s.state.Executed.String()); err != nil {
		return relay, have, fmt.Errorf("relay log: %w", err)
	}
	if relay.Damaged != "" {
		if err := a.doubt(s, relay.Damaged); err != nil {
			return relay, have, err
		}
	}
	if have, err = gtid.Parse(relay.Received); err == nil {
		have, err = have.Union(s.state.Received)
	}
	if err != nil {
		return relay, have, fmt.Errorf("relay log: %w", err)
	}
	return relay, have, nil
}

// compared is what one look at a primary showed.
type compared struct {
	foreign  gtid.Set // what was asked about, and its history lacks
	executed gtid.Set // what it holds
}

// compare looks for what have holds and the history of the record's primary lacks; once
// more where there is something: one look could fall between two commits.
func (a *Agent) compare(ctx context.Context, rec scoring.Record, have gtid.Set) (compared, error) {
	c, err := a.compareOnce(ctx, rec, have)
	if err != nil || c.foreign.Empty() {
		return c, err
	}
	a.Clock.Sleep(200 * time.Millisecond)
	return a.compareOnce(ctx, rec, have)
}

func (a *Agent) compareOnce(ctx context.Context, rec scoring.Record, have gtid.Set) (c compared, err error) {
	primary := rec.Primary.Name
	if a.absent(ctx, primary) {
		return c, fmt.Errorf("%s is not in the cluster now", primary)
	}
	ctx, cancel := context.WithTimeout(ctx, peerPatience)
	defer cancel()
	peer, err := a.Dial(ctx, primary)
	if err != nil {
		return c, err
	}
	defer peer.Close() //nolint:errcheck // nothing was written
	rows, err := peer.Epochs(ctx)
	if err != nil {
		return c, err
	}
	executed, writable, err := peer.Position(ctx)
	if err != nil {
		return c, err
	}
	if !writable {
		return c, fmt.Errorf("%s is not open yet", primary)
	}
	l, err := line(rows)
	if err != nil {
		return c, err
	}
	// The row of its epoch may wait there for an acknowledgement still.
	return compared{foreign: l.With(&rec).Foreign(have, &executed), executed: executed}, nil
}
