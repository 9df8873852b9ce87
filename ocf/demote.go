package ocf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
	"github.com/mysql-ha/mysql-ha/vip"
)

// drainPoll is how often sessions are counted while they finish.
const drainPoll = 50 * time.Millisecond

// demote closes this node for writing. It never lets a commit through that waits
// for an acknowledgement: ending such a session, a clean shutdown and switching
// semi-sync off would all commit what nobody acknowledged; only SIGKILL does not.
func (a *Agent) demote(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if err := a.score(ctx, scoring.NegInf); err != nil {
		a.Log.Warn("score is not withdrawn", "error", err) // closing the server matters more
	}
	if !proc.Running {
		a.turned("the server had ended")
		return errors.Join(a.withdraw(ctx, attrPosition), a.addressDown(ctx))
	}
	if !proc.Ready {
		return a.addressDown(ctx) // recovering: read-only by its command line
	}
	// Whatever it takes, there must be time left to kill it.
	closing, cancel := context.WithTimeout(ctx, a.Request.Budget()/2)
	defer cancel()
	s, err := a.local(closing)
	if err != nil {
		a.Log.Error("server cannot be observed, killing it", "error", err)
		a.turned("killed: the server could not be observed")
		return a.killed(ctx)
	}
	// One that somebody else has made read-only is closed all the same: its commits
	// may still wait, and once it follows, what it applies would wait like a client's.
	mine := s.role == scoring.RolePrimary || reigns(s.id, s.record.newest)
	if !s.state.Writable && !mine && !s.state.SemiSync.SourceEnabled {
		return a.addressDown(ctx)
	}
	a.unschedule(closing, s.state.Events)
	closed, err := a.close(closing)
	if err != nil {
		return err
	}
	if !closed {
		a.turned("killed: what waited for an acknowledgement stays unacknowledged")
		return a.killed(ctx)
	}
	a.turned("the cluster asked for it")
	if err := a.addressDown(ctx); err != nil {
		return err
	}
	if mine {
		if err := a.conclude(ctx); err != nil {
			// Without it the election has less to prove from, but is as safe.
			a.Log.Warn("final position is not on record", "error", err)
		}
	}
	st, err := a.observe(ctx)
	if err != nil {
		return err
	}
	if st.Writable {
		return fail(ErrGeneric, nil, "made read-only, but seen writable")
	}
	return nil
}

// close refuses new sessions, lets transactions end, and makes the server
// read-only. It returns false where only a kill is safe: sessions still wait for
// an acknowledgement, or nobody can tell.
func (a *Agent) close(ctx context.Context) (bool, error) {
	if err := a.Local.Refuse(ctx); err != nil {
		a.Log.Warn("new sessions cannot be refused", "error", err)
	}
	defer func() {
		if err := a.Local.Admit(context.WithoutCancel(ctx)); err != nil {
			a.Log.Warn("new sessions are still refused", "error", err)
		}
	}()
	until := a.Clock.Now().Add(min(a.Request.Params.Duration("demote_grace"), a.Request.Budget()/3))
	// Transactions that have run for a while may end; under load there are always
	// new ones, which the server's own lock keeps out a moment later.
	for a.Clock.Now().Before(until) {
		active, _, err := a.Local.Busy(ctx)
		if err != nil {
			a.Log.Error("sessions cannot be counted", "error", err)
			return false, nil
		}
		if active == 0 {
			break
		}
		a.Clock.Sleep(drainPoll)
	}
	closed, err := a.shut(ctx, until)
	if !closed || err != nil {
		return false, err
	}
	if err := a.Local.Evict(ctx); err != nil {
		a.Log.Warn("sessions are still there, but cannot write", "error", err)
	}
	return true, nil
}

// welcome lets new sessions in again, where a demote that was killed, or could not,
// has left them refused.
func (a *Agent) welcome(ctx context.Context) error {
	if err := a.Local.Admit(ctx); err != nil {
		return fmt.Errorf("let new sessions in: %w", err)
	}
	return nil
}

// shut makes the server read-only. What holds it up is either locks, whose
// sessions can be ended, or commits that wait for an acknowledgement: those are
// given the rest of the grace, and are never ended.
func (a *Agent) shut(ctx context.Context, until time.Time) (bool, error) {
	for {
		err := a.Local.Protect(ctx)
		if err == nil {
			return true, nil
		}
		if !errors.Is(err, replication.ErrBusy) {
			a.Log.Error("server cannot be made read-only", "error", err)
			return false, nil
		}
		_, waiting, err := a.Local.Busy(ctx)
		if err != nil {
			a.Log.Error("sessions cannot be counted", "error", err)
			return false, nil
		}
		if waiting == 0 {
			if err := a.Local.Evict(ctx); err != nil {
				a.Log.Warn("sessions that hold locks", "error", err)
			}
		}
		if a.Clock.Now().After(until) {
			if waiting > 0 {
				a.Log.Warn("commits wait for an acknowledgement that does not come", "waiting", waiting)
				return false, nil
			}
			// Their sessions were ended just now: once more.
			err := a.Local.Protect(ctx)
			if err != nil {
				a.Log.Error("server cannot be made read-only", "error", err)
			}
			return err == nil, nil
		}
		a.Clock.Sleep(drainPoll)
	}
}

// killed ends the server at once: what waited for an acknowledgement stays
// unacknowledged. The next monitor says not running, and Pacemaker restarts it.
func (a *Agent) killed(ctx context.Context) error {
	a.Log.Error("killing the server: nothing unacknowledged may be committed")
	ctx, cancel := a.lastly(ctx)
	defer cancel()
	if err := a.Unit.Kill(ctx); err != nil {
		return fail(ErrGeneric, err, "cannot kill the server")
	}
	return errors.Join(a.withdraw(ctx, attrPosition), a.addressDown(ctx))
}

// turn is a change of role that happens now.
func (a *Agent) turn(what, why string) *Turn {
	return &Turn{What: what, At: a.Clock.Now().UTC().Format(time.RFC3339), Why: oneLine(why, reasonLimit)}
}

// turned remembers that this node is primary no more, once. Best effort: people are
// told, nothing is decided by it.
func (a *Agent) turned(why string) {
	mem, err := a.Ledger.Load()
	if err == nil && mem.Turn != nil && mem.Turn.What == "promoted" {
		mem.Turn = a.turn("demoted", why)
		err = a.Ledger.Save(mem)
	}
	if err != nil {
		a.Log.Warn("time of the demotion is not kept", "error", err)
	}
}

// handoverPatience bounds how long a planned demote waits for a replica.
const handoverPatience = 5 * time.Second

// conclude puts the final position on record: everything this epoch ever held.
// First it waits, bounded, until a replica has it, so that the election need not.
func (a *Agent) conclude(ctx context.Context) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	if rec := s.record.newest; rec == nil || rec.Primary != s.id || rec.Grant != scoring.GrantNone {
		return fmt.Errorf("the record names another primary")
	}
	quorate, err := a.Members.Quorate(ctx)
	if err != nil || !quorate {
		return errors.Join(err, errors.New("no quorum"))
	}
	if s.state.Writable || s.state.SemiSync.Waiting > 0 {
		return fmt.Errorf("not closed")
	}
	var peers []scoring.NodeID
	for _, node := range sortedKeys(s.pubs) {
		if p := s.pubs[node]; node != a.node() && p.Electable && p.Connected {
			peers = append(peers, p.Node)
		}
	}
	wait, cancel := context.WithTimeout(ctx, min(handoverPatience, a.Request.Budget()/3))
	defer cancel()
	for len(peers) > 0 {
		if _, err := a.held(wait, peers, s.state.Executed); err == nil {
			break
		}
		if wait.Err() != nil {
			a.Log.Warn("no replica has applied everything yet")
			break
		}
	}
	if err := a.Local.ArmSource(ctx, false); err != nil {
		return err
	}
	if err := a.write(ctx, &s, s.record.newest.Demoted(s.state.Executed)); err != nil {
		return err
	}
	s.role = scoring.RoleReplica
	own, err := a.publication(ctx, s)
	if err != nil {
		return err
	}
	return a.publish(ctx, attrPosition, own)
}

// addressDown removes the virtual IP. Somebody's own copy on another link is shown,
// not failed for: a failed stop would have this node fenced over it.
func (a *Agent) addressDown(ctx context.Context) error {
	if a.Address == nil {
		return nil
	}
	err := a.Address.Down(ctx)
	if errors.Is(err, vip.ErrElsewhere) {
		a.Log.Error("virtual ip is on another link, too", "error", err)
		return nil
	}
	return err
}
