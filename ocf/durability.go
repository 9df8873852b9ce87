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

// noticeTime is longer than a corosync minority takes to learn that it is one
// (token and consensus, with the defaults doubled).
const noticeTime = 6 * time.Second

// durability keeps what durability= promises: commits wait for an acknowledgement,
// unless the record says otherwise first.
func (a *Agent) durability(ctx context.Context, s *sight) error {
	rec := *s.record.newest
	if rec.Durability == scoring.Lossless {
		if !s.state.SemiSync.SourceOn && a.Request.CloneMax > 1 {
			if err := a.arm(ctx, rec.Ackers); err != nil {
				return fail(ErrGeneric, err, "commits would not wait for an acknowledgement")
			}
		}
		a.nudge(ctx, s)
		if a.Request.Params.Text("durability") == "degrade" {
			return a.degrade(ctx, s)
		}
		return nil
	}
	if a.Request.Params.Text("durability") == "async" {
		return nil
	}
	return a.restore(ctx, s)
}

// nudge helps commits whose acknowledgement was lost on the way: nothing has moved
// since the last monitor, commits wait, and yet an acker holds them. Where nobody
// would acknowledge that either it only takes time, in which a new acker's own
// notification, which arms it, does not begin (seen: 5 s more of an outage).
func (a *Agent) nudge(ctx context.Context, s *sight) {
	if !a.stalled(*s) || s.state.SemiSync.Clients == 0 {
		return
	}
	for _, id := range s.record.newest.Ackers {
		if !a.peerHolds(ctx, id.Name, s.state.Executed) {
			continue
		}
		short, cancel := context.WithTimeout(ctx, heldPatience)
		defer cancel()
		if err := a.Local.Nudge(short, s.state.Executed); err != nil {
			a.Log.Warn("commits wait although "+id.Name+" holds them", "error", err)
		}
		return
	}
}

// stalled tells whether commits wait, and nothing has moved since the last monitor.
func (a *Agent) stalled(s sight) bool {
	before, ok := s.pubs[a.node()]
	return s.state.SemiSync.Waiting > 0 && ok && before.Position.Equal(s.state.Received)
}

// door lets clients in, unless connections run out while commits wait in vain: whoever
// comes then, and comes again after its patience, waits too and never leaves, until
// none is left for the replicas whose acknowledgement would end it. Those pass the door.
func (a *Agent) door(ctx context.Context, s sight) error {
	if a.stalled(s) {
		crowded, err := a.Local.Crowded(ctx)
		switch {
		case err != nil:
			a.Log.Warn("connections cannot be counted", "error", err)
			return nil // the door stays as it is
		case crowded:
			a.Log.Warn("commits wait and connections run out: new clients are refused until an acknowledgement comes", "waiting", s.state.SemiSync.Waiting)
			return a.Local.Refuse(ctx)
		}
	}
	return a.welcome(ctx)
}

// arm makes commits wait again. A replica that connected while semi-sync was off
// is never asked for an acknowledgement (tried: MariaDB 10.11), so it is made to
// connect anew.
func (a *Agent) arm(ctx context.Context, ackers []scoring.NodeID) error {
	if err := a.Local.ArmSource(ctx, true); err != nil {
		return err
	}
	for _, id := range ackers {
		for _, lock := range []bool{true, false} {
			if err := a.Local.Exclude(ctx, a.account(id.Name), lock); err != nil {
				return err
			}
		}
	}
	return nil
}

// degrade stops waiting after degrade_after without any acknowledgement. The
// record says async before it takes effect, and quorum is looked at again once a
// minority must have learnt that it is one.
func (a *Agent) degrade(ctx context.Context, s *sight) error {
	now := s.state.SemiSync
	switch {
	case now.Waiting == 0 && s.mem.Stalled == "":
		return nil
	case now.Waiting == 0:
		s.mem.Stalled = ""
		return a.Ledger.Save(s.mem)
	case s.mem.Stalled == "" || s.mem.Acked != now.Acknowledged:
		// Under load there is always a commit that waits: what counts is whether any
		// gets through.
		s.mem.Stalled, s.mem.Acked = a.Clock.Now().Format(time.RFC3339), now.Acknowledged
		return a.Ledger.Save(s.mem)
	}
	since, err := time.Parse(time.RFC3339, s.mem.Stalled)
	if err != nil || a.Clock.Now().Sub(since) < a.Request.Params.Duration("degrade_after") {
		return err
	}
	before, err := a.online(ctx)
	if err != nil {
		return err
	}
	if plant.Planted == plant.DegradeFirst {
		if err := a.Local.ArmSource(ctx, false); err != nil {
			return err
		}
	}
	if err := a.write(ctx, s, s.record.newest.Degraded()); err != nil {
		return err
	}
	a.Clock.Sleep(noticeTime)
	quorate, err := a.Members.Quorate(ctx)
	if err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	after, err := a.online(ctx)
	if err != nil {
		return err
	}
	if !quorate || !slices.Equal(before, after) {
		return errors.New("members changed while degrading: commits go on waiting")
	}
	a.Log.Error("degraded: commits no longer wait for an acknowledgement")
	s.mem.Stalled = "" // once restored, its patience begins anew
	return errors.Join(a.Local.ArmSource(ctx, false), a.Ledger.Save(s.mem))
}

func (a *Agent) online(ctx context.Context) ([]string, error) {
	members, err := a.Members.Members(ctx)
	if err != nil {
		return nil, fmt.Errorf("members: %w", err)
	}
	var names []string
	for _, m := range members {
		if m.Online {
			names = append(names, m.Name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// restore goes back to lossless: commits wait again, an acker is seen to hold
// everything from before, and a new epoch of the same primary starts there.
func (a *Agent) restore(ctx context.Context, s *sight) error {
	var ackers []scoring.NodeID
	for _, node := range sortedKeys(s.pubs) {
		p := s.pubs[node]
		if node != a.node() && p.Role == scoring.RoleReplica && p.Connected && p.Electable && !discounted(p) {
			ackers = append(ackers, p.Node)
		}
	}
	if len(ackers) == 0 {
		return nil
	}
	if _, err := a.held(ctx, ackers, s.state.Executed); err != nil {
		a.Log.Info("not lossless yet", "error", err)
		return nil
	}
	// Name the ackers first, in the old epoch: they arm themselves when they read it.
	rec := *s.record.newest
	for _, id := range ackers {
		if !rec.Has(id) {
			return a.write(ctx, s, rec.WithAckers(ackers))
		}
	}
	for _, id := range ackers {
		if !s.pubs[id.Name].Acks {
			return nil
		}
	}
	if err := a.arm(ctx, ackers); err != nil {
		return err
	}
	st, err := a.Local.Observe(ctx)
	if err != nil {
		return err
	}
	if _, err := a.held(ctx, ackers, st.Executed); err != nil {
		return err
	}
	next := rec.Restored(st.Executed, ackers)
	if err := a.write(ctx, s, next); err != nil {
		return err
	}
	a.Log.Info("lossless again", "epoch", next.Epoch)
	return nil
}
