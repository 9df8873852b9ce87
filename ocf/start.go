package ocf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// startPoll is how often start looks whether the server is ready.
const startPoll = 100 * time.Millisecond

// start runs the server read-only, with replication stopped, and lets it follow
// the record's primary. What its last monitor said of it, "primary" perhaps, does not
// outlive it.
func (a *Agent) start(ctx context.Context) error {
	told, err := a.begin(ctx)
	if told {
		return err
	}
	status, reason := scoring.RoleRecovering, string(scoring.RoleRecovering)
	if err != nil {
		status, reason = scoring.RoleStopped, "start: "+ExitReason(err)
	}
	a.unclear(ctx, status, reason)
	return err
}

// unclear shows of a server what could not be told by what it answers.
func (a *Agent) unclear(ctx context.Context, role scoring.Role, reason string) {
	ctx, cancel := a.lastly(ctx)
	defer cancel()
	if proc, err := a.Unit.Look(ctx); role == scoring.RoleStopped && (err != nil || proc.Running) {
		role = scoring.RoleUnknown
	}
	err := errors.Join(a.show(ctx, attrStatus, string(role)), a.show(ctx, attrReason, oneLine(reason, reasonLimit)))
	if err != nil {
		a.Log.Warn("reason is not shown", "error", err)
	}
}

// begin is true where the cluster was told of a server that is ready.
func (a *Agent) begin(ctx context.Context) (bool, error) {
	if err := a.score(ctx, scoring.NegInf); err != nil {
		return false, err
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return false, err
	}
	if proc.Stray != "" {
		if proc, err = a.takeIn(ctx, proc); err != nil {
			return false, err
		}
	}
	if !proc.Running {
		if err := a.withdraw(ctx, attrPosition); err != nil {
			return false, err
		}
		if err := a.launch(ctx); err != nil {
			return false, err
		}
	}
	ready, err := a.awaitReady(ctx)
	if err != nil {
		return false, err
	}
	if !ready {
		a.Log.Info("server runs and is recovering: monitor goes on from here")
		return false, nil
	}
	s, err := a.local(ctx)
	if err != nil {
		return false, err
	}
	if s.state.Refused != "" {
		return false, fail(ErrGeneric, nil, "%s", s.state.Refused)
	}
	if s.state.Writable {
		// A start ends unpromoted, whatever the record says: promotion is Pacemaker's word.
		if err := a.Local.Protect(ctx); err != nil {
			return false, fail(ErrGeneric, err, "server is writable and cannot be made read-only")
		}
	}
	if err := a.converge(ctx); err != nil {
		if CodeOf(err) == NotRunning {
			return false, fail(ErrGeneric, err, "started, and gone")
		}
		// It runs, read-only and not promotable; monitor goes on from here.
		a.Log.Error("started, but not all is well", "error", err)
		a.unclear(ctx, scoring.RoleUnknown, "start: "+err.Error())
		return true, a.score(ctx, scoring.NegInf)
	}
	return true, nil
}

// launch starts the server process, after deciding what becomes of a tail.
func (a *Agent) launch(ctx context.Context) error {
	if err := a.fit(ctx); err != nil {
		return err
	}
	if err := a.vacant(ctx); err != nil {
		return err
	}
	prog, err := a.program(ctx)
	if err != nil {
		return err
	}
	self, err := a.id()
	if err != nil {
		return err
	}
	mem, err := a.Ledger.Load()
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	pubs, err := a.publications(ctx, attrPosition)
	if err != nil && !a.alone(err) {
		return err
	}
	rec, err := a.records(ctx, mem, pubs)
	if err != nil {
		// Unknown is not a licence to discard: start, keeping everything.
		a.Log.Warn("epoch record cannot be read, the tail is kept", "error", err)
		rec = known{}
	}
	choice := tailChoice(self, mem.Record, rec.newest)
	if choice == dropTail {
		if choice, err = a.prepareDrop(prog, &mem, *rec.newest, pubs); err != nil {
			return err
		}
	}
	if mem.Cut != nil {
		choice = dropTail // a start before this one was interrupted: it is still to be seen
	}
	if err := a.run(ctx, prog, choice); err != nil {
		return err
	}
	if choice == dropTail && prog.flavour == gtid.MariaDB {
		return a.overcome(ctx, prog)
	}
	return nil
}

// overcome watches a server that starts without its tail. MariaDB refuses to roll
// back one with a schema change in it: then it is kept, and the node is compared with
// the primary before it follows. One that was killed has refused nothing: once more.
func (a *Agent) overcome(ctx context.Context, prog program) error {
	gone, how, err := a.died(ctx)
	if err == nil && gone && slices.Contains([]string{"signal", "oom-kill"}, how) {
		a.Log.Warn("server was killed while it started without its tail, starting it so again", "result", how)
		if err := a.run(ctx, prog, dropTail); err != nil {
			return err
		}
		gone, how, err = a.died(ctx)
	}
	if err != nil || !gone {
		return err
	}
	a.Log.Warn("server does not start without its tail, starting with it", "result", how)
	return a.run(ctx, prog, keepTail)
}

// lingering is how long a server that was just killed may still be seen at its socket.
const lingering = time.Second

// vacant refuses a socket at which a server answers while ours does not run. MariaDB
// would take it from that one without a word, whose agent commanded ours from then on.
func (a *Agent) vacant(ctx context.Context) error {
	for until := a.Clock.Now().Add(lingering); ; a.Clock.Sleep(startPoll) {
		if err := a.Local.Ping(ctx); errors.Is(err, replication.ErrUnreachable) {
			return nil
		}
		if a.Clock.Now().After(until) {
			break
		}
	}
	return fail(ErrInstalled, nil, "socket=%q: another server answers there, each instance needs its own", a.Request.Params.Text("socket"))
}

// run starts the process and returns when it exists.
func (a *Agent) run(ctx context.Context, p program, t tail) error {
	c, err := a.command(p, t)
	if err != nil {
		return err
	}
	if err := a.Unit.Start(ctx, c); err != nil {
		return fail(ErrGeneric, err, "start of %s", c.Binary)
	}
	return nil
}

// died watches a fresh process for a moment: true, and how it ended, when it has gone.
func (a *Agent) died(ctx context.Context) (bool, string, error) {
	until := a.Clock.Now().Add(a.Request.Params.Duration("start_wait"))
	for a.Clock.Now().Before(until) {
		p, err := a.Unit.Look(ctx)
		if err != nil {
			return false, "", err
		}
		if !p.Running {
			return true, p.Result, nil
		}
		if p.Ready {
			return false, "", nil
		}
		a.Clock.Sleep(startPoll)
	}
	return false, "", nil
}

// awaitReady waits start_wait for the server to be ready. Not ready in time is no
// failure while the process lives: a promotion elsewhere waits for every start. One
// that is ready and never answers is.
func (a *Agent) awaitReady(ctx context.Context) (bool, error) {
	until := a.Clock.Now().Add(a.Request.Params.Duration("start_wait"))
	pid := 0
	var silence error
	for {
		if ctx.Err() != nil && pid != 0 {
			return false, fail(ErrGeneric, cmp.Or(silence, ctx.Err()), "server runs (pid %d) and does not answer", pid)
		}
		p, err := a.Unit.Look(ctx)
		if err != nil {
			return false, err
		}
		pid = p.PID
		if !p.Running {
			return false, fail(ErrGeneric, nil, "server stopped while starting (%s): see %s", p.Result, a.Request.Params.Text("log"))
		}
		if p.Ready {
			err := a.Local.Ping(ctx)
			if err == nil || errors.Is(err, replication.ErrTooManyConnections) {
				return true, nil
			}
			silence = err
			if errors.Is(err, replication.ErrAccessDenied) {
				return false, fail(ErrGeneric, err, "admin account is refused: see [admin] in the credentials file, and mysql-ha grants")
			}
		}
		if !p.Ready && a.Clock.Now().After(until) {
			return false, nil
		}
		a.Clock.Sleep(startPoll)
	}
}

// accounts that every node creates for itself: one replication account per node.
func (a *Agent) accounts(ctx context.Context) ([]replication.Account, error) {
	if a.Secrets.ReplicationUser == "" {
		return nil, nil
	}
	members, err := a.Members.Members(ctx)
	if a.alone(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("replication accounts: %w", err)
	}
	out := make([]replication.Account, 0, len(members))
	for _, m := range members {
		out = append(out, replication.Account{
			User: a.account(m.Name), Password: a.Secrets.ReplicationPassword,
			RequireTLS: a.Request.Params.Bool("replication_require_ssl"),
		})
	}
	return out, nil
}
