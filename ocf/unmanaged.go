package ocf

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// managed tells whether the cluster wants this agent to act. By hand, without any
// cluster or of a resource that it does not know, the agent is alone.
func (a *Agent) managed(ctx context.Context) (managed, alone bool, err error) {
	managed, err = a.Members.Managed(ctx)
	if a.alone(err) || errors.Is(err, ErrNoResource) && !a.Request.Cluster {
		return true, true, nil
	}
	return managed, false, err
}

// unmanaged: somebody else has charge, and may have ended the server. What cannot be
// known soon is not known.
func (a *Agent) unmanaged(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	managed, err := a.Members.Managed(ctx)
	return err == nil && !managed
}

// report answers for a server of which somebody else has charge now: it says what
// is, and changes nothing but what the cluster is told.
func (a *Agent) report(ctx context.Context, s sight) error {
	if s.deposed {
		if err := a.score(ctx, scoring.NegInf); err != nil {
			return a.troubled(err, DegradedPromoted)
		}
		const why = "writable without being primary, and not managed: left as it is"
		if a.Request.Interval == 0 {
			// A probe: it runs, promoted. Shown as an attribute, since what a probe says
			// in a failure's words stays in the cluster's history for ever.
			if err := a.show(ctx, attrReason, why); err != nil {
				a.Log.Warn("reason is not shown", "error", err)
			}
			return &Failure{Code: RunningPromoted}
		}
		return fail(DegradedPromoted, nil, why)
	}
	if s.role == scoring.RolePrimary {
		if err := a.tellPrimary(ctx, s); err != nil {
			return a.troubled(err, DegradedPromoted)
		}
		return &Failure{Code: RunningPromoted}
	}
	if err := a.tell(ctx, s, ""); err != nil {
		return a.troubled(err, Degraded)
	}
	return nil
}
