package ocf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// deepLevel is the check level of what costs a write and some looks at the disks.
const deepLevel = 20

// deep is what a monitor of depth 20 looks at besides: a test write on the primary,
// and free space. What it finds is shown as degraded, with the reason, and nothing
// is restarted for it; but a primary whose storage says that it fails makes room
// for a replica that could be promoted.
func (a *Agent) deep(ctx context.Context, s sight) error {
	if a.Request.Depth < deepLevel {
		return nil
	}
	code := Degraded
	if s.state.Writable {
		code = DegradedPromoted
		err := a.Local.Touch(ctx)
		if errors.Is(err, replication.ErrStorage) && a.relieved(s) {
			return a.yield(ctx, s, err)
		}
		if err != nil {
			// In time it may still succeed: a restart would not make storage faster.
			return fail(code, err, "test write")
		}
	}
	if why, err := a.short(ctx); why != "" || err != nil {
		return fail(code, err, "%s", why)
	}
	return nil
}

// relieved tells whether another node could be promoted in this one's place.
func (a *Agent) relieved(s sight) bool {
	for node, p := range s.pubs {
		if node != a.node() && p.Role == scoring.RoleReplica && p.Observed && p.Electable && p.Connected && p.Foreign == "" && p.Broken == "" {
			return true
		}
	}
	return false
}

// yield has this primary not come back by its score before its storage is mended:
// the refusal holds until another is on record.
func (a *Agent) yield(ctx context.Context, s sight, err error) error {
	f := fail(ErrGeneric, err, "test write")
	r := Refusal{Reason: oneLine(f.Error(), reasonLimit)}
	if s.record.newest != nil {
		r.Record, r.Epoch = s.record.newest.String(), s.record.newest.Epoch
	}
	s.mem.Refusal = &r
	return errors.Join(f, a.score(ctx, scoring.NegInf), a.Ledger.Save(s.mem))
}

// mebi is 2^20 bytes.
const mebi = 1 << 20

// short says which volume of the server has less free space than it should; ""
// where none has.
func (a *Agent) short(ctx context.Context) (string, error) {
	p := a.Request.Params
	limit := uint64(p.Int("min_free_space"))
	if limit == 0 {
		return "", nil
	}
	set, err := Configured(ctx, a.Options, p)
	if err != nil {
		return "free space", err
	}
	log := func(option string) string { return filepath.Dir(LogBase(option, set, p)) }
	for _, volume := range []struct{ of, dir string }{
		{"data", p.Text("datadir")}, {"binary log", log("log_bin")}, {"relay log", log("relay_log")},
	} {
		free, err := a.Host.Free(volume.dir)
		if err != nil {
			return "free space of " + volume.of, err
		}
		if free/mebi < limit {
			return fmt.Sprintf("%s: %d MiB free at %s, min_free_space is %d", volume.of, free/mebi, volume.dir, limit), nil
		}
	}
	return "", nil
}
