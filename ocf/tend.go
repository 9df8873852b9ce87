package ocf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// tend is what a primary does in every monitor: keep the record, let caught-up
// replicas acknowledge, exclude those that left, hold the address, tell the others
// its position.
func (a *Agent) tend(ctx context.Context, s sight) error {
	accounts, err := a.accounts(ctx)
	if err != nil {
		return err
	}
	if err := a.outfit(ctx, s, accounts); err != nil {
		return err
	}
	if err := a.door(ctx, s); err != nil {
		return err
	}
	if _, err := a.thaw(ctx, &s); err != nil {
		return err
	}
	if err := a.keepRecord(ctx, &s); err != nil {
		return err
	}
	if err := a.remember(&s); err != nil {
		return err
	}
	if err := a.admit(ctx, &s); err != nil {
		a.Log.Warn("a replica cannot be let acknowledge yet", "error", err)
	}
	if err := a.exclude(ctx, &s); err != nil {
		a.Log.Warn("a replica cannot be excluded yet", "error", err)
	}
	if err := a.durability(ctx, &s); err != nil {
		return err
	}
	if a.Address == nil {
		return a.tellPrimary(ctx, s)
	}
	down, err := a.linked(ctx)
	switch {
	case err != nil:
		return err
	case down != nil && a.relieved(s, true):
		return a.yield(ctx, "virtual ip", down, true)
	case down == nil:
		if err := a.keepAddress(ctx); err != nil {
			return err
		}
	}
	if err := a.tellPrimary(ctx, s); err != nil || down == nil {
		return err
	}
	// Nobody would be reached elsewhere, either.
	return fail(DegradedPromoted, down, "virtual ip")
}

// outfitPatience bounds a preparation while commits wait, whose locks it may meet.
const outfitPatience = 3 * time.Second

// outfit prepares the server. While commits wait it is tried all the same, and no
// more: without its account no new replica could ever come to acknowledge them.
func (a *Agent) outfit(ctx context.Context, s sight, accounts []replication.Account) error {
	waits := s.state.SemiSync.Waiting > 0
	if waits {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, outfitPatience)
		defer cancel()
	}
	switch err := a.Local.Prepare(ctx, accounts); {
	case err == nil:
		return nil
	case waits:
		a.Log.Warn("server cannot be prepared while commits wait", "error", err)
		return nil
	default:
		return fmt.Errorf("prepare the server: %w", err)
	}
}

// tellPrimary publishes the position with the one of the monitor before, which is
// what replicas are measured by, keeps the score, and looks whether the server has
// outlived that.
func (a *Agent) tellPrimary(ctx context.Context, s sight) error {
	own, err := a.publication(ctx, s)
	if err != nil {
		return err
	}
	if before, ok := s.pubs[a.node()]; ok && before.Role == scoring.RolePrimary {
		own.Previous = before.Position
	}
	if own.Asleep, own.Wake, err = a.asleep(ctx, &s); err != nil {
		return err
	}
	if err := a.publish(ctx, attrPosition, own); err != nil {
		return err
	}
	if err := a.score(ctx, scoring.PrimaryScore); err != nil {
		return err
	}
	err = errors.Join(a.status(ctx, s, own, scoring.Place{Score: scoring.PrimaryScore}, ""), a.offer(ctx, &s, own))
	if err != nil {
		return err
	}
	return a.outlived(ctx)
}

// keepRecord writes the record again where the CIB has lost it: configuration
// written in a minority can win over the majority's after a cut has healed.
func (a *Agent) keepRecord(ctx context.Context, s *sight) error {
	rec := s.record.newest
	if s.record.cib != nil && s.record.cib.String() == rec.String() {
		return nil
	}
	quorate, err := a.Members.Quorate(ctx)
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	if !quorate {
		return nil
	}
	a.Log.Warn("the cib holds an older epoch record, writing the newest again", "record", rec.String())
	return a.write(ctx, s, *rec)
}

// write puts a record in force: in the CIB, read back, with quorum before and
// after; then in the ledger. Quorum is asked again because a change of the CIB
// returns only once it is ordered in the membership of that moment: a cut that
// nobody had noticed before is noticed by then.
func (a *Agent) write(ctx context.Context, s *sight, rec scoring.Record) error {
	err := a.quorate(ctx)
	switch {
	case a.alone(err):
		// Nobody else to agree with.
	case err != nil:
		return err
	default:
		if err := a.Records.WriteRecord(ctx, s.record.text, rec.String()); err != nil {
			return fmt.Errorf("write the epoch record: %w", err)
		}
		if err := a.quorate(ctx); err != nil {
			return err
		}
	}
	s.record = known{cib: &rec, newest: &rec, text: rec.String()}
	s.mem.Record = rec.String()
	if err := a.Ledger.Save(s.mem); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	a.Log.Info("epoch record written", "record", rec.String())
	return nil
}

// quorate is nil in a partition that may write the record.
func (a *Agent) quorate(ctx context.Context) error {
	quorate, err := a.Members.Quorate(ctx)
	if err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	if !quorate {
		return errors.New("no quorum: the epoch record cannot be written")
	}
	return nil
}

// attachPatience bounds the wait for a replica that was let in to connect: its
// receiver tries every second.
const attachPatience = 1500 * time.Millisecond

// admit lets attached replicas acknowledge. The record names them before they are
// allowed to: first enlarge; the replica arms itself when it reads its name. One
// that is behind counts as well: an acknowledgement means that it has received all
// before it.
func (a *Agent) admit(ctx context.Context, s *sight) error {
	rec := *s.record.newest
	for _, node := range sortedKeys(s.pubs) {
		p := s.pubs[node]
		if node == a.node() || p.Role != scoring.RoleReplica || !p.Observed || discounted(p) || p.Acks && !rec.Has(p.Node) {
			continue
		}
		// It counts already, or receives without counting: safe to let in, whatever
		// had locked it out.
		if err := a.Local.Exclude(ctx, a.account(node), false); err != nil {
			return err
		}
		if !p.Electable || rec.Has(p.Node) || !a.attached(ctx, node) {
			continue
		}
		// One a revision: each must be known before the next.
		return a.write(ctx, s, rec.WithAckers(append(slices.Clone(rec.Ackers), p.Node)))
	}
	return nil
}

// discounted is PURE: whether the data do not count, so that they acknowledge nothing.
func discounted(p Publication) bool { return p.Foreign != "" || p.Quarantined != "" }

// attached waits for a node's replica to connect.
func (a *Agent) attached(ctx context.Context, node string) bool {
	ctx, cancel := context.WithTimeout(ctx, attachPatience)
	defer cancel()
	for {
		users, err := a.Local.Attached(ctx)
		if err == nil && slices.Contains(users, a.account(node)) {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		a.Clock.Sleep(100 * time.Millisecond)
	}
}

// exclude takes ackers off the record that have left: absence is not enough, as a
// removed replica's receiver reconnects by itself. Its account is locked and its
// dump thread killed here, and another acker is seen to hold everything that may
// have been acknowledged until then.
func (a *Agent) exclude(ctx context.Context, s *sight) error {
	rec := *s.record.newest
	attached, err := a.Local.Attached(ctx)
	if err != nil {
		return err
	}
	gone, err := a.departed(s, attached)
	if err != nil {
		return err
	}
	var leave, stay []scoring.NodeID
	for _, id := range rec.Ackers {
		if gone(id) {
			leave = append(leave, id)
		} else {
			stay = append(stay, id)
		}
	}
	if len(leave) == 0 || len(stay) < max(rec.Waited, 1) {
		return nil
	}
	for _, id := range leave {
		if replaced(id, s.pubs) {
			continue // it acknowledges no more, and the account is its successor's
		}
		if err := a.Local.Exclude(ctx, a.account(id.Name), true); err != nil {
			return fmt.Errorf("exclude %s: %w", id.Name, err)
		}
	}
	st, err := a.Local.Observe(ctx)
	if err != nil {
		return err
	}
	holder, err := a.held(ctx, stay, st.Executed)
	if err != nil {
		return err
	}
	for _, id := range leave {
		if err := scoring.ShrinkAllowed(rec, id, true, []scoring.NodeID{holder}); err != nil {
			return err
		}
	}
	a.Log.Info("ackers excluded: locked out, and the others hold everything", "left", fmt.Sprint(leave))
	return a.write(ctx, s, rec.WithAckers(stay))
}

// departed tells which ackers have left: stopped on purpose, or away for
// exclude_after. One that restarts quickly stays: leaving and joining again would
// cost more than its short absence risks.
func (a *Agent) departed(s *sight, attached []string) (func(scoring.NodeID) bool, error) {
	now := a.Clock.Now()
	n := a.Request.Note
	stopped := func(node string) bool {
		return n.Event() == "post-stop" && slices.Contains(n.Stop, node) && !slices.Contains(n.Start, node)
	}
	absent := map[string]string{}
	for _, id := range s.record.newest.Ackers {
		p, published := s.pubs[id.Name]
		here := slices.Contains(attached, a.account(id.Name)) || published && p.Node == id && p.Role == scoring.RoleReplica
		if here && !stopped(id.Name) { // a dump thread outlives its replica for a moment
			continue
		}
		if absent[id.Name] = s.mem.Absent[id.Name]; absent[id.Name] == "" {
			absent[id.Name] = now.Format(time.RFC3339)
		}
	}
	if !maps.Equal(absent, s.mem.Absent) {
		s.mem.Absent = absent
		if err := a.Ledger.Save(s.mem); err != nil {
			return nil, err
		}
	}
	return func(id scoring.NodeID) bool {
		if replaced(id, s.pubs) {
			return true
		}
		if p, ok := s.pubs[id.Name]; ok && p.Node == id && (discounted(p) || !p.Electable) {
			return true
		}
		since, err := time.Parse(time.RFC3339, absent[id.Name])
		return err == nil && (stopped(id.Name) || now.Sub(since) >= a.Request.Params.Duration("exclude_after"))
	}, nil
}

// replaced tells whether the node has other data now, which goes by the same name and
// account. As long as the data that is gone counted, no failover could be proved
// without the primary.
func replaced(id scoring.NodeID, pubs map[string]Publication) bool {
	p, ok := pubs[id.Name]
	return ok && p.Observed && p.Node != id
}

// heldPatience bounds the wait for a replica to hold a position.
const heldPatience = 2 * time.Second

// held waits until one of the nodes is seen to hold position, and returns it.
func (a *Agent) held(ctx context.Context, nodes []scoring.NodeID, position gtid.Set) (scoring.NodeID, error) {
	ctx, cancel := context.WithTimeout(ctx, heldPatience)
	defer cancel()
	for {
		for _, id := range nodes {
			if a.peerHolds(ctx, id.Name, position) {
				return id, nil
			}
		}
		if err := ctx.Err(); err != nil {
			return scoring.NodeID{}, fmt.Errorf("no other acker holds everything yet: %w", err)
		}
		a.Clock.Sleep(50 * time.Millisecond)
	}
}

func (a *Agent) peerHolds(ctx context.Context, node string, position gtid.Set) bool {
	executed, err := a.heldBy(ctx, node)
	return err == nil && executed.Contains(position)
}
