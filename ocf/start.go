package ocf

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// tail is what a start does with transactions that the binary log holds and the
// storage engine has only prepared (DECISIONS: prepared does not mean unacknowledged).
type tail int

const (
	// keepTail commits them: the default, and the only choice without certainty.
	keepTail tail = iota
	// dropTail rolls them back: another node is primary in a later epoch, so what
	// it lacks was never acknowledged.
	dropTail
)

// logNames are the logs by their options: what the agent calls one where the
// server's configuration says nothing of it, and what the server appends to the pid
// file's name where it only says that there is one (tried: MariaDB 10.11).
var logNames = map[string]struct{ ours, suffix string }{
	"log_bin":   {"binlog", "-bin"},
	"relay_log": {"relay-bin", "-relay-bin"},
}

// LogBase is PURE: the path that a log's files begin with, by its option and what the
// server's configuration sets.
func LogBase(option string, set map[string]string, p Params) string {
	name, ok := set[option]
	switch {
	case !ok:
		name = logNames[option].ours
	case name == "":
		pid := filepath.Base(p.Text("pid"))
		name = strings.TrimSuffix(pid, filepath.Ext(pid)) + logNames[option].suffix
	}
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(p.Text("datadir"), name)
}

// startPoll is how often start looks whether the server is ready.
const startPoll = 100 * time.Millisecond

// start runs the server read-only, with replication stopped, and lets it follow
// the record's primary.
func (a *Agent) start(ctx context.Context) error {
	if err := a.score(ctx, scoring.NegInf); err != nil {
		return err
	}
	proc, err := a.Unit.Look(ctx)
	if err != nil {
		return err
	}
	if proc.Stray != "" {
		if proc, err = a.takeIn(ctx, proc); err != nil {
			return err
		}
	}
	if !proc.Running {
		if err := a.withdraw(ctx, attrPosition); err != nil {
			return err
		}
		if err := a.launch(ctx); err != nil {
			return err
		}
	}
	ready, err := a.awaitReady(ctx)
	if err != nil {
		return err
	}
	if !ready {
		a.Log.Info("server runs and is recovering: monitor goes on from here")
		return nil
	}
	s, err := a.local(ctx)
	if err != nil {
		return err
	}
	if s.state.Refused != "" {
		return fail(ErrGeneric, nil, "%s", s.state.Refused)
	}
	if s.state.Writable {
		// A start ends unpromoted, whatever the record says: promotion is Pacemaker's word.
		if err := a.Local.Protect(ctx); err != nil {
			return fail(ErrGeneric, err, "server is writable and cannot be made read-only")
		}
	}
	if err := a.converge(ctx); err != nil {
		// It runs, read-only and not promotable; monitor goes on from here.
		a.Log.Error("started, but not all is well", "error", err)
		return a.score(ctx, scoring.NegInf)
	}
	return nil
}

// launch starts the server process, after deciding what becomes of a tail.
func (a *Agent) launch(ctx context.Context) error {
	if err := a.fit(ctx); err != nil {
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
		if err := a.quarantine(&mem, *rec.newest); err != nil {
			return fail(ErrGeneric, err, "cannot copy the binary logs to quarantine, nothing was discarded")
		}
		if _, err := a.Datadir.Renew(); err != nil {
			return fail(ErrGeneric, err, "data id")
		}
	}
	if err := a.run(ctx, choice); err != nil {
		return err
	}
	if choice == dropTail {
		gone, err := a.died(ctx)
		if err != nil {
			return err
		}
		if gone {
			// The server refuses to roll back a tail with a schema change in it. It
			// is kept, and the node is compared with the primary before it follows.
			a.Log.Warn("server does not start without its tail, starting with it")
			return a.run(ctx, keepTail)
		}
	}
	return nil
}

// tailChoice is PURE. A tail may only be dropped by the last primary that this
// node knew, itself, once a later epoch has another primary.
func tailChoice(self scoring.NodeID, ledger string, newest *scoring.Record) tail {
	if newest == nil || newest.Grant != scoring.GrantNone || ledger == "" {
		return keepTail
	}
	last, err := scoring.ParseRecord(ledger)
	// By name: a start that was interrupted has renewed the data id already.
	if err != nil || last.Primary.Name != self.Name {
		return keepTail
	}
	if newest.Primary.Name == self.Name || newest.Epoch <= last.Epoch {
		return keepTail
	}
	return dropTail
}

// quarantine copies the binary logs and remembers which sequence numbers they
// used: what is about to be cut off must never be issued again.
func (a *Agent) quarantine(mem *Memory, rec scoring.Record) error {
	name := fmt.Sprintf("%s-before-epoch-%d", a.Request.Resource, rec.Epoch)
	dir, err := a.Datadir.Save(name)
	if err != nil {
		return err
	}
	used, err := a.Datadir.Binlogs()
	if err != nil {
		return err
	}
	set, err := gtid.Parse(used)
	if err != nil {
		return err
	}
	before, err := gtid.Parse(mem.Discarded)
	if err != nil {
		return err
	}
	if set, err = set.Union(before); err != nil {
		return err
	}
	mem.Discarded = set.String()
	a.Log.Info("binary logs copied before a tail is dropped", "quarantine", dir, "epoch", rec.Epoch)
	return a.Ledger.Save(*mem)
}

// run starts the process and returns when it exists.
func (a *Agent) run(ctx context.Context, t tail) error {
	c, err := a.command(ctx, t)
	if err != nil {
		return err
	}
	if err := a.Unit.Start(ctx, c); err != nil {
		return fail(ErrGeneric, err, "start of %s", c.Binary)
	}
	return nil
}

// died watches a fresh process for a moment: true when it has gone.
func (a *Agent) died(ctx context.Context) (bool, error) {
	until := a.Clock.Now().Add(a.Request.Params.Duration("start_wait"))
	for a.Clock.Now().Before(until) {
		p, err := a.Unit.Look(ctx)
		if err != nil {
			return false, err
		}
		if !p.Running {
			return true, nil
		}
		if p.Ready {
			return false, nil
		}
		a.Clock.Sleep(startPoll)
	}
	return false, nil
}

// awaitReady waits start_wait for the server to be ready. Not ready in time is no
// failure while the process lives: a promotion elsewhere waits for every start. One
// that is ready and never answers is.
func (a *Agent) awaitReady(ctx context.Context) (bool, error) {
	until := a.Clock.Now().Add(a.Request.Params.Duration("start_wait"))
	pid := 0
	for {
		if ctx.Err() != nil && pid != 0 {
			return false, fail(ErrGeneric, ctx.Err(), "server runs (pid %d) and does not answer", pid)
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
			if errors.Is(err, replication.ErrAccessDenied) {
				return false, fail(ErrGeneric, err, "admin account is refused: see [admin] in the credentials file")
			}
		}
		if !p.Ready && a.Clock.Now().After(until) {
			return false, nil
		}
		a.Clock.Sleep(startPoll)
	}
}

// command is the server's command line. What safety depends on comes last and
// wins; names of logs yield to the server's configuration.
func (a *Agent) command(ctx context.Context, t tail) (Command, error) {
	p := a.Request.Params
	set, err := a.Options.Configured(ctx, p.Text("binary"), p.Text("config"))
	if err != nil {
		return Command{}, fail(ErrInstalled, err, "options of %s", p.Text("binary"))
	}
	id, err := a.id()
	if err != nil {
		return Command{}, err
	}
	datadir := p.Text("datadir")
	args := []string{
		"--defaults-file=" + p.Text("config"),
		"--user=" + p.Text("user"),
		"--datadir=" + datadir,
		"--socket=" + p.Text("socket"),
		"--pid-file=" + p.Text("pid"),
		"--log-error=" + p.Text("log"),
		"--port=" + p.Text("replication_port"),
	}
	for _, option := range []string{"log_bin", "relay_log"} {
		if set[option] == "" {
			args = append(args, "--"+strings.ReplaceAll(option, "_", "-")+"="+LogBase(option, set, p))
		}
	}
	// A server bound to loopback only, as Debian's, cannot be replicated from.
	if bind := set["bind_address"]; bind == "" || bind == "localhost" || strings.HasPrefix(bind, "127.") || bind == "::1" {
		args = append(args, "--bind-address=*")
	}
	args = append(args, strings.Fields(p.Text("additional_parameters"))...)
	args = append(args,
		"--server-id="+strconv.FormatUint(uint64(serverID(id)), 10),
		"--read-only=1", "--skip-slave-start", "--event-scheduler=OFF",
		"--log-slave-updates", "--binlog-format=ROW", "--gtid-strict-mode=1",
		"--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1",
		"--sync-relay-log=1", "--sync-relay-log-info=1", "--sync-master-info=1", "--relay-log-recovery=0",
		"--rpl-semi-sync-master-enabled=0", "--rpl-semi-sync-slave-enabled=0",
		"--rpl-semi-sync-master-wait-point=AFTER_SYNC", "--rpl-semi-sync-master-wait-no-slave=1",
	)
	if t == dropTail {
		args = append(args, "--init-rpl-role=SLAVE")
	} else {
		args = append(args, "--init-rpl-role=MASTER")
	}
	return Command{
		Binary: p.Text("binary"), Args: args, User: p.Text("user"), Group: p.Text("group"), Datadir: datadir,
		ExitHook:    a.exitHook(),
		StopTimeout: a.Request.Timeout, OpenFiles: 1 << 16,
	}, nil
}

// serverID is PURE: the server's number is that of its data, not of its node. A
// server skips, silently, transactions that carry its own number (tried: MariaDB
// 10.11); a former primary whose tail was cut off, or that was restored from a
// backup, must get its own former transactions back from the others.
func serverID(id scoring.NodeID) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id.String()))
	return max(h.Sum32(), 1)
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
