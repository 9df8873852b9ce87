package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// freezeSkew is how much earlier than ours another node's freeze may have begun,
// and so may end: pre-promote runs on all nodes before promote, not at one instant.
const freezeSkew = 30 * time.Second

// promote opens this node for writing, once it is proved that nothing that was
// ever acknowledged is missing here.
func (a *Agent) promote(ctx context.Context) error {
	err := a.win(ctx)
	if CodeOf(err) != Success {
		ctx, cancel := a.lastly(ctx)
		defer cancel()
		// Whatever the reason: Pacemaker would come straight back.
		if low := a.score(ctx, scoring.NegInf); low != nil {
			a.Log.Error("score is not withdrawn", "error", low)
		}
		if after := a.concede(ctx, err); after != nil {
			a.Log.Error("failed promotion is not wound up", "error", after)
		}
	}
	return err
}

func (a *Agent) win(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if !proc.Running {
		return errors.Join(a.gone(ctx), fail(NotRunning, nil, "server is not running"))
	}
	if proc.Stray != "" {
		// Whoever else might restart it, writable, must not be able to any more.
		if err := a.takeOver(ctx, proc); err != nil {
			return fail(ErrGeneric, err, "a server runs on the data directory (%s) and cannot be adopted", proc.Stray)
		}
	}
	s, err := a.local(ctx)
	if err != nil {
		return err
	}
	if s.state.Refused != "" {
		return fail(ErrGeneric, nil, "%s", s.state.Refused)
	}
	if s.role == scoring.RolePrimary {
		// Redundant promotes happen: no new epoch, no marker.
		if s, err = a.look(ctx); err != nil {
			return err
		}
		if s.role == scoring.RolePrimary {
			return a.settle(ctx, &s)
		}
	}
	alone, err := a.isAlone(ctx)
	if err != nil {
		return err
	}
	if alone {
		a.Log.Info("no cluster runs here: opening without an election")
		return a.openAlone(ctx)
	}
	if a.Request.CloneMax > 1 && !a.Request.Notify {
		return a.refuse(ctx, &s, scoring.Election{Reason: "the clone lacks notify=true: set it, an election needs it"})
	}
	if need := a.Request.Timeout + freezeSkew; !a.binding(s.mem.Freeze, a.Request.Budget()+freezeSkew) {
		if s.mem.Freeze != nil && a.Request.Params.Duration("election_freeze") < need {
			return a.refuse(ctx, &s, scoring.Election{Reason: fmt.Sprintf("election_freeze is shorter than %s: the timeout of promote and %s", need, freezeSkew)})
		}
		return a.refuse(ctx, &s, scoring.Election{Reason: "no ballot of this node for this election: pre-promote did not run"})
	}
	free := a.probeAddress(ctx)
	e, pubs, err := a.elect(ctx, &s)
	if err != nil {
		return err
	}
	if e.Verdict == scoring.Refuse {
		return a.refuse(ctx, &s, e)
	}
	a.Log.Info("election", "verdict", "win", "reason", e.Reason, "proof", e.Proof.Reason, "loss", e.Loss)
	if err := a.catchUp(ctx, &s, e); err != nil {
		return err
	}
	if err := a.awaitAddress(ctx, free); err != nil {
		return fail(ErrGeneric, err, "virtual ip")
	}
	// Looked at again, last of all: the ballots must still be the ones that were counted.
	again, err := a.recount(ctx, &s, pubs)
	if err != nil {
		return err
	}
	if err := a.open(ctx, &s, again); err != nil {
		return err
	}
	s.mem.Turn = a.turn("promoted", again.Reason)
	if err := a.settle(ctx, &s); err != nil || s.mem.Loss == "" {
		return err
	}
	return &Failure{Code: Success, Reason: unproved + ": " + s.mem.Loss}
}

// isAlone: no cluster called, and none runs or it has no resource of that name, so
// that nobody else could be its primary (ocf-tester on a cluster's node). A tool that
// fails inside a cluster is an error, never "alone".
func (a *Agent) isAlone(ctx context.Context) (bool, error) {
	if a.Request.Cluster {
		return false, nil
	}
	_, alone, err := a.managed(ctx)
	if err != nil {
		return false, fmt.Errorf("cluster: %w", err)
	}
	if alone {
		return true, nil
	}
	return false, fail(ErrGeneric, nil, "a cluster runs here: let it promote")
}

// refuse declines the promotion so that Pacemaker does not come straight back: the
// score goes first, and the reason is remembered until something changes.
func (a *Agent) refuse(ctx context.Context, s *sight, e scoring.Election) error {
	r := Refusal{Reason: oneLine(e.Reason, reasonLimit)}
	if s.record.newest != nil {
		r.Record = s.record.newest.String()
	}
	if !s.state.Executed.Contains(e.Proof.Union) {
		r.Lacked = e.Proof.Union.String()
		s.mem.Refusal = &r
	}
	if s.mem.Waiting == "" && !e.Proof.Complete {
		s.mem.Waiting = a.Clock.Now().Format(time.RFC3339)
	}
	return errors.Join(a.score(ctx, scoring.NegInf), a.Ledger.Save(s.mem),
		fail(ErrGeneric, nil, "refused: %s", e.Reason))
}

// recount looks at the ballots a last time before opening: those that were counted
// must still stand, each the same one, and the answer must be to win.
func (a *Agent) recount(ctx context.Context, s *sight, before map[string]Publication) (scoring.Election, error) {
	if !a.binding(s.mem.Freeze, time.Second) {
		return scoring.Election{}, fmt.Errorf("the freeze has run out: too late to open")
	}
	pubs, err := a.ballots(ctx)
	if err != nil {
		return scoring.Election{}, err
	}
	for node, p := range before {
		if now, ok := pubs[node]; !ok || now.Counter != p.Counter {
			return scoring.Election{}, fmt.Errorf("the ballot of %s was withdrawn", node)
		}
	}
	own := pubs[a.node()]
	own.Position, own.Executed = s.state.Received, s.state.Executed
	v, err := a.view(*s, own, pubs)
	if err != nil {
		return scoring.Election{}, err
	}
	v.Ledgers = a.ledgers(pubs)
	e := scoring.Elect(v, a.node())
	if e.Verdict != scoring.Win {
		return e, fmt.Errorf("not won after catching up: %s", e.Reason)
	}
	return e, nil
}

// open writes the record, then the marker, then opens: in this order, each step
// seen to be done before the next. The marker waits for an acknowledgement like any
// client's commit, and nobody waits for it here: replicas attach only afterwards. So
// the storage engine never has what nobody else has, and where this server dies before
// one came, a start rids it of the marker as of every other tail.
func (a *Agent) open(ctx context.Context, s *sight, e scoring.Election) error {
	next := e.Next
	next.Start = s.state.Executed
	m, seen, err := marker(s.state, s.mem, next.Start)
	if err != nil {
		return err
	}
	next.Marker = m
	a.announced = true
	if err := a.Local.Detach(ctx); err != nil {
		return fmt.Errorf("detach from the old primary: %w", err)
	}
	if err := a.write(ctx, s, next); err != nil {
		return err
	}
	if err := a.Local.ArmSource(ctx, false); err != nil {
		return err
	}
	if err := a.doors(ctx, next); err != nil {
		return err
	}
	if next.Durability == scoring.Lossless && a.Request.CloneMax > 1 {
		if err := a.Local.ArmSource(ctx, true); err != nil {
			return err
		}
	}
	row, err := a.Local.Mark(ctx, epochRow(next), seen)
	if err != nil {
		return fmt.Errorf("mark epoch %d: %w", next.Epoch, err)
	}
	if row.Marker != m {
		return fmt.Errorf("mark epoch %d: written as %s, announced as %s", next.Epoch, row.Marker, m)
	}
	s.rows = append(s.rows, row)
	if err := a.welcome(ctx); err != nil {
		return err
	}
	s.mem.Opened, s.mem.Loss = next.Epoch, e.Loss
	if err := a.Ledger.Save(s.mem); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if e.Loss != "" {
		a.Log.Error(unproved, "loss", e.Loss)
	}
	return a.Local.Unprotect(ctx)
}

// unproved begins what is said of a promotion by which something acknowledged may be
// lost: in the log, as the reason of the promotion, and in an attribute for as long as
// this node is the primary.
const unproved = "promoted without proof"

// doors locks out every replica that may not acknowledge in this epoch, and lets
// the others in: one that was armed for an older epoch of this primary, and knows
// of nothing since, would reconnect by itself and acknowledge without counting.
func (a *Agent) doors(ctx context.Context, rec scoring.Record) error {
	members, err := a.Members.Members(ctx)
	if err != nil {
		return fmt.Errorf("members: %w", err)
	}
	for _, m := range members {
		if m.Name == a.node() {
			continue
		}
		acker := slices.ContainsFunc(rec.Ackers, func(id scoring.NodeID) bool { return id.Name == m.Name })
		if err := a.Local.Exclude(ctx, a.account(m.Name), !acker); err != nil {
			return fmt.Errorf("replication account of %s: %w", m.Name, err)
		}
	}
	return nil
}

// settle is what a primary has besides being writable: the address, its score, an
// end to the freeze. It looks again: success is what is seen.
func (a *Agent) settle(ctx context.Context, s *sight) error {
	var err error
	if a.Address != nil {
		if err := a.Address.Up(ctx); err != nil {
			return err
		}
		a.announce(ctx)
	}
	if err := a.withdraw(ctx, attrBallot); err != nil {
		return err
	}
	s.mem.Freeze, s.mem.Promise, s.mem.Refusal, s.mem.Waiting, s.mem.Foreign = nil, nil, nil, "", ""
	s.mem.Setback, s.mem.Conceded = nil, nil
	if err := a.Ledger.Save(s.mem); err != nil {
		return err
	}
	if s.state, err = a.observe(ctx); err != nil {
		return err
	}
	role, _ := roleOf(s.id, s.state, s.record.newest)
	if role != scoring.RolePrimary {
		return fail(ErrGeneric, nil, "opened, but seen not to be primary")
	}
	if s.record.newest.Durability == scoring.Lossless && a.Request.CloneMax > 1 && !s.state.SemiSync.SourceOn {
		return fail(ErrGeneric, nil, "opened, but commits would not wait for an acknowledgement")
	}
	s.role = role
	a.schedule(ctx, s.state.Events)
	return a.tellPrimary(ctx, *s)
}

// openAlone is a promotion without any cluster (ocf-tester, by hand).
func (a *Agent) openAlone(ctx context.Context) error {
	if err := a.Local.Unprotect(ctx); err != nil {
		return err
	}
	a.schedule(ctx, false)
	if a.Address != nil {
		return a.Address.Up(ctx)
	}
	return nil
}

// epochRow is the record as the table of epochs keeps it.
func epochRow(rec scoring.Record) replication.Epoch {
	return replication.Epoch{Epoch: rec.Epoch, Primary: rec.Primary.String(), Marker: rec.Marker, Start: rec.Start, Record: rec.String()}
}
