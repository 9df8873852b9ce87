package ocf

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
)

// stop ends the server. It returns nil only when no server of ours runs: any other
// answer makes Pacemaker fence the node, and a false one makes two primaries.
func (a *Agent) stop(ctx context.Context) error {
	// Told first, best effort: a stop must work without its cluster.
	if err := errors.Join(a.gone(ctx), a.withdraw(ctx, attrBallot)); err != nil {
		a.Log.Warn("score and position are not withdrawn", "error", err)
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if err := a.end(ctx, proc); err != nil {
		return err
	}
	return a.addressDown(ctx)
}

// end ends the server, whoever started it; nil when none of ours runs any more.
func (a *Agent) end(ctx context.Context, proc Process) error {
	if proc.Running && a.cleanly(ctx, proc) {
		if err := a.terminate(ctx, proc); err != nil {
			a.Log.Warn("clean shutdown", "error", err)
		}
	}
	ctx, cancel := a.lastly(ctx)
	defer cancel()
	if err := a.Unit.Kill(ctx); err != nil {
		return fail(ErrGeneric, err, "cannot end the server")
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if proc.Running {
		return fail(ErrGeneric, nil, "server still runs (pid %d)", proc.PID)
	}
	return nil
}

// cleanly makes the server safe for a clean shutdown, which commits what waits for
// an acknowledgement. False: only SIGKILL is safe.
func (a *Agent) cleanly(ctx context.Context, proc Process) bool {
	if !proc.Ready || plant.Planted == plant.TermWithWaiters {
		return true // recovering: nobody has written
	}
	look, cancel := context.WithTimeout(ctx, a.Request.Budget()/4)
	defer cancel()
	st, err := a.Local.Observe(look)
	if err != nil {
		a.Log.Warn("server cannot be observed before its shutdown", "error", err)
		return false
	}
	if st.Writable {
		closed, err := a.close(look)
		return err == nil && closed
	}
	return st.SemiSync.Waiting == 0
}

// terminate asks for a clean shutdown and waits for it, leaving time for a kill.
func (a *Agent) terminate(ctx context.Context, proc Process) error {
	ctx, cancel := context.WithTimeout(ctx, a.Request.Budget()*6/10)
	defer cancel()
	if proc.Ready {
		if err := a.Local.Dismiss(ctx); err != nil {
			a.Log.Warn("replicas are still attached", "error", err) // it only takes longer
		}
	}
	if err := a.Unit.Terminate(ctx); err != nil {
		return err
	}
	return a.every(ctx, 50*time.Millisecond, func() (bool, error) {
		p, err := a.Unit.Look(ctx)
		return err == nil && !p.Running, err
	})
}
