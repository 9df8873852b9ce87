package ocf

import (
	"context"
	"errors"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// monitor tells what runs here, and mends what can be mended without a restart.
func (a *Agent) monitor(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if !proc.Running {
		// The score goes before the answer: promotion elsewhere need not wait for it.
		return errors.Join(a.gone(ctx), fail(NotRunning, nil, "server is not running"))
	}
	if a.Misconfigured != nil {
		return fail(ErrGeneric, a.Misconfigured, "credentials")
	}
	if !proc.Ready {
		return a.recovering(ctx, proc)
	}
	if err := a.Local.Ping(ctx); errors.Is(err, replication.ErrTooManyConnections) {
		return a.lastRole("too many connections", nil)
	}
	s, err := a.look(ctx)
	if e, ok := errors.AsType[errCluster](err); ok {
		// The server was seen to be well: not its failure.
		a.Log.Error("cluster does not answer", "error", e)
		if errors.Is(err, scoring.ErrSplit) {
			return errors.Join(a.show(ctx, attrReason, scoring.ErrSplit.Error()), a.lastRole(scoring.ErrSplit.Error(), &s))
		}
		return a.lastRole("cluster does not answer", &s)
	}
	if err != nil {
		if plant.Planted == plant.ErrorIsPrimary {
			return &Failure{Code: RunningPromoted}
		}
		if p, lookErr := a.Unit.Look(ctx); lookErr == nil && !p.Running {
			return errors.Join(a.gone(ctx), fail(NotRunning, err, "server stopped"))
		}
		return err
	}
	managed, alone, err := a.managed(ctx)
	switch {
	case err != nil:
		a.Log.Error("cluster does not answer", "error", err)
		return a.lastRole("cluster does not answer", &s)
	case !managed:
		return a.report(ctx, s)
	case proc.Stray != "" && !alone:
		if err := a.takeOver(ctx, proc); err != nil {
			return errors.Join(a.score(ctx, scoring.NegInf),
				fail(ErrGeneric, err, "a server runs on the data directory (%s) and cannot be adopted", proc.Stray))
		}
	}
	if s.deposed {
		if alone {
			// By hand, without any cluster: no record to go by.
			if err := a.deep(ctx, s); err != nil {
				return err
			}
			return &Failure{Code: RunningPromoted}
		}
		return a.depose(ctx, s)
	}
	if s.role == scoring.RolePrimary {
		if err := a.tend(ctx, s); err != nil {
			if _, worse := errors.AsType[*Failure](err); !worse {
				// A storage that hangs keeps it from tending: a deep look finds out, and shows it.
				if found := a.deep(ctx, s); found != nil {
					return found
				}
			}
			return a.troubled(err, DegradedPromoted)
		}
		if err := a.deep(ctx, s); err != nil {
			return err
		}
		return &Failure{Code: RunningPromoted}
	}
	a.unschedule(ctx, s.state.Events)
	// Left over from a killed agent, or added by hand: only a primary holds it.
	if err := a.addressDown(ctx); err != nil {
		return err
	}
	if err := a.converge(ctx); err != nil {
		return errors.Join(a.score(ctx, scoring.NegInf), a.troubled(err, Degraded))
	}
	return a.deep(ctx, s)
}

// outlived looks again after the cluster was told: of a server that has died meanwhile
// the exit hook may have withdrawn score and position before they were written here.
func (a *Agent) outlived(ctx context.Context) error {
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if !proc.Running {
		return errors.Join(a.gone(ctx), fail(NotRunning, nil, "server stopped"))
	}
	return nil
}

// troubled tells a server that runs, and that a restart would not help, from one
// that has failed: only what comes as a *Failure is worth a recovery.
func (a *Agent) troubled(err error, code Code) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	a.Log.Error("server runs, but not all is well", "error", err)
	if a.Request.Interval == 0 && code == Degraded {
		return nil // a probe asks what runs
	}
	return fail(code, err, "")
}

// gone withdraws a dead server's score and position, and its readers. The score is
// written, never deleted: unset can be lifted by a constraint.
func (a *Agent) gone(ctx context.Context) error {
	if err := errors.Join(a.score(ctx, scoring.NegInf), a.withdraw(ctx, attrPosition)); err != nil {
		return err // a cluster that does not answer is not asked again: the action has more to do
	}
	return a.unread(ctx)
}

// recovering is a server that runs and is not ready: neither failed nor promotable.
func (a *Agent) recovering(ctx context.Context, proc Process) error {
	if err := a.score(ctx, scoring.NegInf); err != nil {
		return err
	}
	id, err := a.id()
	if err != nil {
		return err
	}
	p := Publication{Candidate: scoring.Candidate{Node: id, Role: scoring.RoleRecovering}}
	if err := a.publish(ctx, attrPosition, p); err != nil {
		return err
	}
	text := "recovering"
	if proc.Status != "" {
		text += ": " + proc.Status
	}
	if err := errors.Join(a.show(ctx, attrReason, oneLine(text, reasonLimit)), a.unread(ctx)); err != nil {
		return err
	}
	if a.Request.Interval == 0 {
		return nil // a probe: it runs, unpromoted
	}
	return fail(Degraded, nil, "%s", text)
}

// lastRole answers for a server that is alive while its role cannot be decided
// anew: the last proven one stands, but one that is seen read-only is no primary.
func (a *Agent) lastRole(why string, seen *sight) error {
	mem, err := a.Ledger.Load()
	if err != nil {
		return err
	}
	self, err := a.id()
	if err != nil {
		return err
	}
	a.Log.Warn("server is alive, role as last seen", "reason", why)
	if seen != nil && !seen.state.Writable {
		return fail(Degraded, nil, "%s", why)
	}
	if rec, err := scoring.ParseRecord(mem.Record); err == nil && rec.Primary == self && rec.Grant == scoring.GrantNone && rec.Final == nil {
		return fail(DegradedPromoted, nil, "%s", why)
	}
	return fail(Degraded, nil, "%s", why)
}

// depose makes a server read-only that is writable without the record's word.
func (a *Agent) depose(ctx context.Context, s sight) error {
	if err := a.score(ctx, scoring.NegInf); err != nil {
		return err
	}
	a.Log.Error("server is writable but the record does not name it", "record", s.mem.Record)
	a.turned("it was writable, and the record does not name it")
	if err := a.Local.Protect(ctx); err != nil {
		// Commits that wait for an acknowledgement must not be let go: kill.
		a.Log.Error("server cannot be made read-only, killing it", "error", err)
		ctx, cancel := a.lastly(ctx)
		defer cancel()
		return errors.Join(a.Unit.Kill(ctx), fail(ErrGeneric, err, "was writable without being primary: killed"))
	}
	if err := a.addressDown(ctx); err != nil {
		return err
	}
	if a.Request.Interval == 0 {
		return nil
	}
	return fail(Degraded, nil, "was writable without being primary: made read-only")
}
