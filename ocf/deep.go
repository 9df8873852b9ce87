package ocf

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// deepLevel is the check level of what costs a write and some looks at the disks.
const deepLevel = 20

// deep is what a monitor of depth 20 looks at besides: a test write on the primary,
// another host on the virtual IP, and free space. What it finds is shown as degraded,
// with the reason, and nothing is restarted for it; but a primary whose storage says
// that it fails makes room for a replica that could be promoted.
func (a *Agent) deep(ctx context.Context, s sight) error {
	if a.Request.Depth < deepLevel {
		return nil
	}
	code := Degraded
	if s.state.Writable {
		code = DegradedPromoted
		err := a.Local.Touch(ctx)
		if errors.Is(err, replication.ErrStorage) && a.relieved(s, false) {
			return a.yield(ctx, "test write", err, false)
		}
		if err != nil {
			// In time it may still succeed: a restart would not make storage faster.
			return a.ail(ctx, s, fail(code, err, "test write"), "")
		}
		if err := a.undisputed(ctx); err != nil {
			return a.ail(ctx, s, fail(code, err, "virtual ip"), "")
		}
	}
	full, why, err := a.short(ctx)
	if full == "" && err == nil {
		return a.ail(ctx, s, nil, "")
	}
	return a.ail(ctx, s, fail(code, err, "%s", why), full)
}

// ail remembers what was found for the monitors of less depth, which come more often,
// and shows it; nil is health. text is what is shown where the failure's own words
// change each time: every change of a public attribute disturbs the cluster.
func (a *Agent) ail(ctx context.Context, s sight, f *Failure, text string) error {
	var result error
	if f != nil {
		result = f
		if text == "" {
			text = f.Error()
		}
	}
	text = oneLine(text, reasonLimit)
	mem, err := a.Ledger.Load() // as it is now: the monitor has written since it looked
	if err != nil {
		return errors.Join(result, err)
	}
	if text == "" && mem.Ailment == nil {
		return result
	}
	before := a.ailment(mem)
	mem.Ailment = nil
	if text != "" {
		const missed = 3 // monitors that may fail to look
		mem.Ailment = &Ailment{Text: text, Until: a.Clock.Now().Add(missed * max(a.Request.Interval, time.Minute)).Format(time.RFC3339)}
	}
	if err := a.Ledger.Save(mem); err != nil {
		return errors.Join(result, err)
	}
	if text == before {
		return result
	}
	well := well(s)
	shown, _, err := a.Scores.Shown(ctx, a.name(attrReason))
	// Only over a reason that says no more; else the next monitor tells what counts.
	if err == nil && (shown == well || strings.HasPrefix(shown, degraded)) {
		if text != "" {
			well = oneLine(degraded+text, reasonLimit)
		}
		err = a.show(ctx, attrReason, well)
	}
	if err != nil {
		a.Log.Warn("what was found is not shown yet", "error", err)
	}
	return result
}

// well is what is shown of a server with which nothing is wrong now.
func well(s sight) string {
	switch {
	case s.role != scoring.RolePrimary:
		return promotable
	case s.mem.Loss != "":
		return oneLine(unproved+": "+s.mem.Loss, reasonLimit)
	}
	return string(scoring.RolePrimary)
}

// Reasons that are shown of a server with nothing wrong with its role.
const (
	promotable = "promotable"
	degraded   = "degraded: "
)

// ailment is what is known to be wrong; "" for nothing.
func (a *Agent) ailment(m Memory) string {
	if m.Ailment == nil {
		return ""
	}
	until, err := time.Parse(time.RFC3339, m.Ailment.Until)
	if err != nil || a.Clock.Now().After(until) {
		return ""
	}
	return m.Ailment.Text
}

// relieved tells whether another node could be promoted in this one's place; where
// it is for the virtual IP, one that has a link for it.
func (a *Agent) relieved(s sight, linked bool) bool {
	for node, p := range s.pubs {
		if node != a.node() && p.Role == scoring.RoleReplica && p.Observed && p.Electable && p.Connected && p.Foreign == "" && p.Broken == "" &&
			(!linked || p.Unlinked == "") {
			return true
		}
	}
	return false
}

// yield has this primary not come back by its score before what failed is mended:
// the refusal holds until another is on record, or the link is back.
func (a *Agent) yield(ctx context.Context, what string, err error, link bool) error {
	f := fail(ErrGeneric, err, "%s", what)
	r := Refusal{Reason: oneLine(f.Error(), reasonLimit), Link: link}
	mem, err := a.Ledger.Load() // as it is now: the monitor has written since it looked
	if err != nil {
		return errors.Join(f, a.score(ctx, scoring.NegInf), err)
	}
	if rec, err := scoring.ParseRecord(mem.Record); err == nil {
		r.Record, r.Epoch = mem.Record, rec.Epoch
	}
	mem.Refusal = &r
	return errors.Join(f, a.score(ctx, scoring.NegInf), a.Ledger.Save(mem))
}

// mebi is 2^20 bytes.
const mebi = 1 << 20

// short says which volume of the server has less free space than it should, and how
// much it has; "" where none has.
func (a *Agent) short(ctx context.Context) (full, why string, err error) {
	p := a.Request.Params
	limit := uint64(p.Int("min_free_space"))
	if limit == 0 {
		return "", "", nil
	}
	set, err := Configured(ctx, a.Options, p)
	if err != nil {
		return "", "free space", err
	}
	log := func(option string) string { return filepath.Dir(LogBase(option, set, p)) }
	for _, volume := range []struct{ of, dir string }{
		{"data", p.Text("datadir")}, {"binary log", log("log_bin")}, {"relay log", log("relay_log")},
	} {
		free, err := a.Host.Free(volume.dir)
		if err != nil {
			return "", "free space of " + volume.of, err
		}
		if free/mebi < limit {
			return fmt.Sprintf("%s: less free at %s than min_free_space (%d MiB)", volume.of, volume.dir, limit),
				fmt.Sprintf("%s: %d MiB free at %s, min_free_space is %d", volume.of, free/mebi, volume.dir, limit), nil
		}
	}
	return "", "", nil
}
