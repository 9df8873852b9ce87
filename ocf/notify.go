package ocf

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// notify never fails: Pacemaker ignores its result, and monitor does whatever a
// notification failed to do.
func (a *Agent) notify(ctx context.Context) error {
	var err error
	switch n := a.Request.Note; n.Event() {
	case "pre-promote":
		err = a.freeze(ctx)
	case "post-promote":
		if !slices.Contains(n.Promote, a.node()) {
			err = a.refresh(ctx)
		}
	case "post-demote":
		// On the way to a promotion every moment counts: the scores are as they
		// were, unless nobody is left to promote.
		if !a.somebody(ctx) {
			err = a.refresh(ctx)
		}
	case "post-start":
		if err = a.refresh(ctx); err == nil && slices.Contains(n.Start, a.node()) && a.runs(ctx) {
			err = a.join(ctx)
		}
	case "post-stop":
		err = a.refresh(ctx)
	}
	if err != nil {
		a.Log.Error("notification", "event", a.Request.Note.Event(), "error", err)
	}
	return nil
}

// runs keeps a start that was refused from a look at the socket, which may be one that
// has a server of the distribution started.
func (a *Agent) runs(ctx context.Context) bool {
	proc, err := a.Unit.Look(ctx)
	return err == nil && proc.Running && proc.Stray == ""
}

// joinPatience is how long a replica that has just started waits for the primary to
// let it acknowledge: until it does, commits may hang on a single other replica.
const joinPatience = 5 * time.Second

// join looks again until this node may acknowledge, does, or need not wait.
func (a *Agent) join(ctx context.Context) error {
	until := a.Clock.Now().Add(joinPatience)
	for a.Clock.Now().Before(until) {
		s, err := a.look(ctx)
		if err != nil {
			return err
		}
		rec := s.record.newest
		if rec == nil || rec.Grant != scoring.GrantNone || rec.Primary.Name == a.node() || s.mem.Foreign != "" ||
			s.state.SemiSync.ReplicaEnabled || s.mem.Freeze != nil || !living(s.pubs) {
			return nil // an election may be waiting for this notification to end
		}
		if rec.Has(s.id) || s.state.Source == nil {
			if err := a.converge(ctx); err != nil {
				return err
			}
		}
		a.Clock.Sleep(500 * time.Millisecond)
	}
	return nil
}

// living tells whether a member has published that it is primary.
func living(pubs map[string]Publication) bool {
	for _, p := range pubs {
		if p.Role == scoring.RolePrimary {
			return true
		}
	}
	return false
}

// somebody tells whether a node is promotable by its score as it stands.
func (a *Agent) somebody(ctx context.Context) bool {
	scores, err := a.Attributes.Collect(ctx, "master-"+a.Request.Resource)
	if err != nil {
		return false
	}
	for node, text := range scores {
		if slices.Contains(a.Request.Note.Demote, node) {
			continue
		}
		if n, err := strconv.Atoi(text); err == nil && n >= 0 {
			return true
		}
	}
	return false
}

// refresh does now what the next monitor would do.
func (a *Agent) refresh(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil || !proc.Running || !proc.Ready || proc.Stray != "" {
		return err // one that others started is monitor's to adopt first
	}
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	if s.deposed {
		return nil // monitor's to act on: a notification may come before the record
	}
	if s.role == scoring.RolePrimary {
		return a.tend(ctx, s)
	}
	return a.converge(ctx)
}
