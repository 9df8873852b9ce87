package ocf

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

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

// outlives is how long a dump thread must have lasted to be taken for one that its
// replica has left: a replica's own word that it is not connected is as old as its
// monitor's interval.
const outlives = 20 * time.Second

// hangUp ends the dump threads that ackers have left without the server's notice: the
// network was cut, or their machine is gone, and TCP gives up after a quarter of an
// hour. MariaDB ends them itself when the replica connects anew, holding what every
// session needs, and waits for the old connection's next sign, which after a cut of a
// minute can take another (seen: 10.11.18, the whole server stood for 25 s).
func (a *Agent) hangUp(ctx context.Context, s *sight) error {
	var attached []string
	for _, id := range s.record.newest.Ackers {
		p, published := s.pubs[id.Name]
		apart := published && p.Observed && p.Role == scoring.RoleReplica && !p.Connected
		if !apart && (published || !a.absent(ctx, id.Name)) {
			continue
		}
		if attached == nil {
			var err error
			if attached, err = a.Local.Attached(ctx); err != nil {
				return err
			}
		}
		// A server whose node has only left the cluster, for its maintenance, replicates on.
		if !slices.Contains(attached, a.account(id.Name)) || !apart && a.answers(ctx, id.Name) {
			continue
		}
		n, err := a.Local.HangUp(ctx, a.account(id.Name), outlives)
		if err != nil {
			return err
		}
		if n > 0 {
			a.Log.Info("dump thread ended: its replica is not connected", "replica", id.Name)
		}
	}
	return nil
}

// answerPatience bounds the wait for a server of which nothing is known.
const answerPatience = time.Second

// answers tells whether a node's server can be asked.
func (a *Agent) answers(ctx context.Context, node string) bool {
	_, err := a.ask(ctx, node, answerPatience)
	return err == nil
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
