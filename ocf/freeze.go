package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// freeze is this node's part in an election (pre-promote): stop receiving, promise
// to go on so until the election is over, and publish the ballot that says what
// this node holds. Nothing public may change here: a changed public attribute makes
// Pacemaker start the transition, and with it the freeze, over and over.
func (a *Agent) freeze(ctx context.Context) error {
	target := ""
	if len(a.Request.Note.Promote) > 0 {
		target = a.Request.Note.Promote[0]
	}
	if target == "" {
		return fmt.Errorf("freeze: the notification names nobody to promote")
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if !proc.Running || !proc.Ready {
		return a.cannotObserve(ctx, proc, target)
	}
	if err := a.cast(ctx, target); err != nil {
		return errors.Join(err, a.cannotObserve(ctx, proc, target))
	}
	return nil
}

// cast freezes, then publishes the ballot.
func (a *Agent) cast(ctx context.Context, target string) error {
	// The others' positions are not needed here: every step less is time won.
	s, err := a.local(ctx)
	if err != nil {
		return err
	}
	if s.record, err = a.records(ctx, s.mem, nil); err != nil {
		return err
	}
	if s.record, err = withTable(s.record, s.rows); err != nil {
		return err
	}
	if s.role, s.deposed = roleOf(s.id, s.state, s.record.newest); s.role == scoring.RolePrimary && target == a.node() {
		return nil // promoted again where it is: nothing to elect
	}
	if s.state.Writable {
		return fmt.Errorf("freeze: this server is still writable")
	}
	if s.state.Refused != "" {
		return errors.New(s.state.Refused)
	}
	mark := a.mark(s, target)
	// The promise is durable before it is told to anybody.
	s.mem.Freeze = &mark
	if err := a.Ledger.Save(s.mem); err != nil {
		return err
	}
	if s.state.Source != nil && (s.state.Receiver.Running || s.state.Receiver.Connecting) {
		stop := a.cease
		if plant.Planted == plant.StopBeforeApply {
			stop = func(ctx context.Context, _ *sight) error { return a.Local.StopAll(ctx) }
		}
		if err := stop(ctx, &s); err != nil {
			return fmt.Errorf("freeze: %w", err)
		}
	} else if !s.state.Applier.Running {
		// With no thread running the relay log may hold what no status shows. It counts
		// even where it cannot be applied.
		if err := a.applyRelay(ctx, &s); err != nil && stuck(err) == "" {
			return err
		}
	}
	received := s.state.Received
	if s.state, err = a.observe(ctx); err != nil {
		return err
	}
	if s.state.Received, err = s.state.Received.Union(received); err != nil {
		return err
	}
	if s.state.Receiver.Running || s.state.Receiver.Connecting {
		return fmt.Errorf("freeze: the receiver still runs")
	}
	ballot, err := a.publication(ctx, s)
	if err != nil {
		return err
	}
	ballot.Frozen, ballot.Counter, ballot.Target = true, mark.Counter, target
	return a.publish(ctx, attrBallot, ballot)
}

// mark is the promise: it ends with the election, or with the boot.
func (a *Agent) mark(s sight, target string) Freeze {
	boot, now := a.Clock.Boot()
	f := Freeze{Counter: 1, Target: target, Boot: boot, Expires: now + a.Request.Params.Duration("election_freeze")}
	if s.mem.Freeze != nil {
		f.Counter = s.mem.Freeze.Counter + 1
	}
	f.Counter = max(f.Counter, uint64(a.Clock.Now().UnixNano()))
	if s.record.newest != nil {
		f.Epoch = s.record.newest.Epoch
	}
	return f
}

// cannotObserve is the ballot of a node that has nothing to say: it is here, it is
// not counted, and while it recovers the others know what to wait for.
func (a *Agent) cannotObserve(ctx context.Context, proc Process, target string) error {
	id, err := a.id()
	if err != nil {
		return err
	}
	role := scoring.RoleStopped
	if proc.Running {
		role = scoring.RoleRecovering
	}
	mem, err := a.Ledger.Load()
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	// Its ledger is evidence all the same: the record may have gone back in time.
	p := Publication{Candidate: scoring.Candidate{Node: id, Role: role}, Record: mem.Record, Target: target, Counter: uint64(a.Clock.Now().UnixNano())}
	return a.publish(ctx, attrBallot, p)
}

// ballots collects what the participants published for this election.
func (a *Agent) ballots(ctx context.Context) (map[string]Publication, error) {
	pubs, err := a.publications(ctx, attrBallot)
	if err != nil {
		return nil, err
	}
	for node, p := range pubs {
		if p.Target != a.node() {
			// Cast for somebody else's election: its freeze was for that one.
			delete(pubs, node)
		}
	}
	return pubs, nil
}

// expected are the nodes whose ballots the election waits for: everybody the
// cluster notified.
func (a *Agent) expected() []string {
	n := a.Request.Note
	nodes := slices.Concat(n.Active, n.Start, n.Promote)
	nodes = slices.DeleteFunc(nodes, func(node string) bool { return slices.Contains(n.Stop, node) })
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// binding tells whether the freeze outlasts what is about to be done with it.
func (a *Agent) binding(f *Freeze, need time.Duration) bool {
	if f == nil || f.Target != a.node() {
		return false
	}
	boot, now := a.Clock.Boot()
	return f.Boot == boot && f.Expires-now > need
}
