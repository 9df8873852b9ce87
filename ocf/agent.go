package ocf

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Secrets are the accounts. They are never printed.
type Secrets struct {
	ReplicationUser     string
	ReplicationPassword string
}

// Agent carries out one action. It holds only the ports.
type Agent struct {
	Request    Request
	Log        *slog.Logger
	Attributes Attributes
	Scores     Scores
	Records    RecordStore
	Members    Members
	Failures   Failures
	// Surroundings is asked by an operator's commands only.
	Surroundings Surroundings
	Unit         Unit
	Strays       Strays
	Background   Background
	Address      Address // nil: none is configured
	Ledger       Ledger
	Clock        Clock
	Datadir      Datadir
	Tails        Tails
	Options      Options
	Local        Database
	Dial         func(ctx context.Context, node string) (Peer, error)
	Secrets      Secrets
	// Misconfigured is why nobody can log in; stop, and a probe of what does not
	// run, need no login.
	Misconfigured error
	Self          string // path of this binary, for the exit hook
	Host          Host

	members []Member // as first seen by this action
	scored  bool     // this action has written a score, which the CIB may not show yet
	// announced: this action may have put a new epoch on record.
	announced bool
}

// Do carries out the request within its budget. A nil error is OCF_SUCCESS; every
// other code comes as a *Failure (CodeOf).
func (a *Agent) Do(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Request.Budget())
	defer cancel()
	act, ok := map[Action]func(context.Context) error{
		Start:       a.start,
		Stop:        a.stop,
		Monitor:     a.monitor,
		Promote:     a.promote,
		Demote:      a.demote,
		Notify:      a.notify,
		ReloadAgent: a.reload,
		ValidateAll: a.validate,
	}[a.Request.Action]
	if !ok {
		return fail(ErrUnimplemented, nil, "action %q is not implemented", a.Request.Action)
	}
	begun := a.Clock.Now()
	// Validation changes nothing, and pcs asks it of a resource that is not there yet.
	if a.Request.Action != ValidateAll {
		release, err := a.Ledger.Lock(a.Request.Budget() / 2)
		if err != nil {
			return fail(ErrGeneric, err, "another agent of %s is at work", a.Request.Resource)
		}
		defer release()
	}
	err := act(ctx)
	code := CodeOf(err)
	level := slog.LevelInfo
	switch {
	case a.Request.Action == Monitor && (code == Success || code == RunningPromoted), a.Request.Action == Notify,
		a.Request.Action == ValidateAll && code == Success:
		level = slog.LevelDebug
	case code != Success && code != RunningPromoted && code != NotRunning:
		level = slog.LevelError
	}
	attrs := []any{"code", int(code), "took", a.Clock.Now().Sub(begun).Round(time.Millisecond).String()}
	if reason := ExitReason(err); reason != "" {
		attrs = append(attrs, "reason", reason)
	}
	a.Log.Log(ctx, level, "done", attrs...)
	if err != nil && code == ErrGeneric && a.Request.Action != Monitor {
		return fmt.Errorf("%s: %w", a.Request.Action, err)
	}
	return err
}

// node is this node's cluster name.
func (a *Agent) node() string { return a.Request.Node }

// id is this node with its data.
func (a *Agent) id() (scoring.NodeID, error) {
	data, err := a.Datadir.ID()
	if err != nil {
		return scoring.NodeID{}, fmt.Errorf("data id: %w", err)
	}
	return scoring.NodeID{Name: a.node(), Data: data}, nil
}

// policy is the operator's choice.
func (a *Agent) policy() scoring.Policy {
	p := a.Request.Params
	return scoring.Policy{
		AllowDataLoss: p.Text("data_loss") == "allow",
		Async:         p.Text("durability") == "async",
		MaxLag:        p.Duration("max_lag"),
		WaitForPeers:  p.Duration("wait_for_peers"),
	}
}

// account is a node's own replication account: one per node, so that a primary
// can lock out one replica without touching the others.
func (a *Agent) account(node string) string { return a.Secrets.ReplicationUser + "." + node }

// Source is how this node follows another.
func (a *Agent) Source(ctx context.Context, node string) (replication.Source, error) {
	host, ok, err := a.Scores.Permanent(ctx, node, a.name("address"))
	if err != nil {
		return replication.Source{}, fmt.Errorf("replication address of %s: %w", node, err)
	}
	if !ok || host == "" {
		host = node
	}
	p := a.Request.Params
	src := replication.Source{
		Host:     host,
		Port:     p.Int("replication_port"),
		User:     a.account(a.node()),
		Password: a.Secrets.ReplicationPassword,
	}
	if p.Bool("replication_require_ssl") {
		src.TLS = &replication.TLS{
			CA:   p.Text("replication_master_ssl_ca"),
			Cert: p.Text("replication_master_ssl_cert"),
			Key:  p.Text("replication_master_ssl_key"),
		}
	}
	return src, nil
}

// name of an attribute of this resource.
func (a *Agent) name(what string) string { return a.Request.Resource + "-" + what }

// every polls cond until it is true, fails, or ctx ends.
func (a *Agent) every(ctx context.Context, step time.Duration, cond func() (bool, error)) error {
	for {
		ok, err := cond()
		if ok || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		a.Clock.Sleep(step)
	}
}
