package ocf

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Hook runs when the server process has died, however it came to that: it tells
// the cluster that this node must not be promoted, nor read. Pacemaker then demotes
// here and promotes elsewhere, without waiting for a restart: of a primary nothing
// more is said, as a failure would put its restart before the promotion. A replica's
// is reported at once: no promotion waits for anything but what it holds. Of an
// unmanaged one nothing is told: it would cost the primary its role when the
// maintenance ends, before any monitor has seen what runs then.
func (a *Agent) Hook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	proc, err := a.Unit.Look(ctx)
	if err == nil && proc.Running && proc.Ready {
		return nil // started again in the meantime
	}
	if a.unmanaged(ctx) {
		a.Log.Info("server process ended while it is not managed: score and position stay")
		return nil
	}
	if plant.Planted == plant.HookReports {
		return a.Failures.Fail(ctx)
	}
	// The two that are public at once: a change that comes while the cluster already
	// acts on the other would have it begin again, and the promotion wait.
	var readers error
	var done sync.WaitGroup
	done.Go(func() { readers = a.read(ctx, false) })
	err = a.score(ctx, scoring.NegInf)
	follower := a.follower(ctx)
	err = errors.Join(err, a.withdraw(ctx, attrPosition))
	done.Wait()
	if err = errors.Join(err, readers); err == nil {
		a.Log.Info("server process ended: score and position withdrawn")
	}
	if follower {
		err = errors.Join(err, a.Failures.Fail(ctx))
	}
	return err
}

// follower tells whether this node's last word is that of a replica. Whoever stops
// a server on purpose has withdrawn it before.
func (a *Agent) follower(ctx context.Context) bool {
	values, err := a.Attributes.Collect(ctx, a.name(attrPosition))
	if err != nil {
		return false // the next monitor sees it
	}
	p, err := DecodePublication(values[a.node()])
	return err == nil && p.Role == scoring.RoleReplica
}
