package ocf

import (
	"context"
	"errors"

	"github.com/mysql-ha/mysql-ha/replication"
)

// takeOver makes a server that our unit did not start ours, as it runs: nobody else
// restarts it, and its death is seen. It fails where only a start of our own, with
// its command line, can make a member of the cluster of it; nothing is changed then.
func (a *Agent) takeOver(ctx context.Context, proc Process) error {
	if a.Strays == nil {
		return errors.New("no way to adopt it")
	}
	if err := a.fit(ctx); err != nil {
		return err
	}
	p := a.Request.Params
	set, err := Configured(ctx, a.Options, p)
	if err != nil {
		return err
	}
	id, err := a.id()
	if err != nil {
		return err
	}
	err = a.Local.Suits(ctx, replication.Layout{
		Datadir: p.Text("datadir"), Port: p.Int("replication_port"), ServerID: serverID(id),
		BinaryLog: LogBase("log_bin", set, p), RelayLog: LogBase("relay_log", set, p),
	})
	if err != nil {
		return err
	}
	if err := a.Strays.Adopt(ctx, a.exitHook()); err != nil {
		return err
	}
	a.Log.Info("adopted a running server", "server", proc.Stray)
	return nil
}

// takeIn is a start that finds a server: it is adopted, or ended as safely as by a
// stop for a start of our own.
func (a *Agent) takeIn(ctx context.Context, proc Process) (Process, error) {
	// Whoever would start it again at the next boot is refused first.
	if err := a.fit(ctx); err != nil {
		return proc, err
	}
	err := a.takeOver(ctx, proc)
	if err == nil {
		proc.Stray = ""
		return proc, nil
	}
	// It is worth more than a start that would be refused.
	if _, err := a.program(ctx); err != nil {
		return proc, err
	}
	a.Log.Warn("a running server cannot be adopted, starting one in its place", "server", proc.Stray, "reason", err)
	if err := a.end(ctx, proc); err != nil {
		return proc, err
	}
	return a.Unit.Look(ctx)
}

// exitHook is what runs at the death of the server.
func (a *Agent) exitHook() []string {
	return []string{a.Self, "hook", "--resource", a.Request.Resource, "--node", a.node()}
}
