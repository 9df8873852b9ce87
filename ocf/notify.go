package ocf

import (
	"context"
	"slices"

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
	case "post-demote", "post-stop", "post-start":
		err = a.refresh(ctx)
	}
	if err != nil {
		a.Log.Error("notification", "event", a.Request.Note.Event(), "error", err)
	}
	return nil
}

// refresh does now what the next monitor would do.
func (a *Agent) refresh(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil || !proc.Running || !proc.Ready {
		return err
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
