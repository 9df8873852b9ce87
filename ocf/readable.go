package ocf

import (
	"context"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// attrReadable is public, 1 or 0, for the operator's own constraints: a read
// address goes where it is 1. Its name begins with the resource's, always: under
// one plain name, or one that can be set, two databases of a cluster would speak
// for each other. Not set counts as 0.
const attrReadable = "readable"

// readable is PURE: whether reading here is as good as the operator asked for. behind
// is how far the data may be behind the primary's, nil where nobody knows. Once not
// readable, a replica has to be twice as good to be so again: at the edge it would
// flip at every monitor, and with it the cluster's transitions.
func readable(was bool, p Publication, behind *time.Duration, bound time.Duration) bool {
	switch {
	case p.Role == scoring.RolePrimary:
		return true
	case p.Role != scoring.RoleReplica, !p.Observed, p.Foreign != "", p.Quarantined != "", p.Broken != "", behind == nil:
		return false
	case was:
		return *behind <= bound
	}
	return *behind <= bound/2
}

// lagKnown is PURE: whether the server's own lag tells the truth: it says 0 until its
// timeout on a connection that is dead, so the primary must be seen to live, and
// what it had published a monitor earlier must be here.
func lagKnown(own Publication, pubs map[string]Publication) bool {
	if own.Lag == nil {
		return false
	}
	for _, p := range pubs {
		if p.Role == scoring.RolePrimary && p.Node != own.Node {
			return own.Position.Contains(p.Previous)
		}
	}
	return false
}

// behind is how far this replica's data may be behind; nil: not known. Where the lag
// becomes unknown to one that is read, as it does when the primary is away, it
// grows from the last time it was known: what was fresh stays so for the bound that
// the operator chose, and a failover within it moves no reader.
func (a *Agent) behind(s *sight, own Publication, was bool) (*time.Duration, error) {
	if lagKnown(own, s.pubs) {
		return own.Lag, a.current(s, "")
	}
	now := a.Clock.Now()
	if s.mem.Current == "" {
		before, ok := s.pubs[a.node()]
		switch {
		case !ok || !was:
			return nil, nil
		case before.Role == scoring.RolePrimary:
			// Demoted since: then it had everything.
			before.Lag = new(time.Duration)
		case before.Lag == nil:
			return nil, nil
		}
		since := now.Add(-*before.Lag - a.Request.Interval)
		if err := a.current(s, since.Format(time.RFC3339)); err != nil {
			return nil, err
		}
	}
	since, err := time.Parse(time.RFC3339, s.mem.Current)
	if err != nil {
		return nil, nil //nolint:nilerr // not readable is not known
	}
	behind := max(0, now.Sub(since))
	return &behind, nil
}

func (a *Agent) current(s *sight, since string) error {
	if s.mem.Current == since {
		return nil
	}
	s.mem.Current = since
	return a.Ledger.Save(s.mem)
}

// offer shows whether this node may be read.
func (a *Agent) offer(ctx context.Context, s *sight, own Publication) error {
	shown, _, err := a.Scores.Shown(ctx, a.name(attrReadable))
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	was := shown == "1"
	var behind *time.Duration
	if s.role == scoring.RoleReplica {
		if behind, err = a.behind(s, own, was); err != nil {
			return err
		}
	}
	is := readable(was, own, behind, a.Request.Params.Duration("max_lag_reads"))
	if is == was {
		return nil
	}
	return a.read(ctx, is)
}

// unread takes this node out of reading; where a server dies its exit hook does, so
// that demote, which a promotion waits for, need not. A monitor writes on change.
func (a *Agent) unread(ctx context.Context) error {
	if a.Request.Action == Monitor {
		if shown, _, err := a.Scores.Shown(ctx, a.name(attrReadable)); err == nil && shown != "1" {
			return nil
		}
	}
	return a.read(ctx, false)
}

func (a *Agent) read(ctx context.Context, yes bool) error {
	value := "0"
	if yes {
		value = "1"
	}
	err := a.Attributes.Publish(ctx, false, a.name(attrReadable), value)
	if a.alone(err) {
		return nil
	}
	return err
}
