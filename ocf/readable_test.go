package ocf

import (
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func TestReadable(t *testing.T) {
	const bound = 30 * time.Second
	sec := func(n int) *time.Duration { d := time.Duration(n) * time.Second; return &d }
	replica := Publication{Candidate: scoring.Candidate{Role: scoring.RoleReplica, Observed: true}}
	with := func(f func(p *Publication)) Publication { p := replica; f(&p); return p }
	for name, c := range map[string]struct {
		was    bool
		p      Publication
		behind *time.Duration
		want   bool
	}{
		"primary":                       {false, with(func(p *Publication) { p.Role = scoring.RolePrimary }), nil, true},
		"fresh replica":                 {false, replica, sec(0), true},
		"back at half the bound":        {false, replica, sec(15), true},
		"not yet back":                  {false, replica, sec(16), false},
		"still, up to the bound":        {true, replica, sec(30), true},
		"over it":                       {true, replica, sec(31), false},
		"nobody knows":                  {true, replica, nil, false},
		"diverged":                      {true, with(func(p *Publication) { p.Foreign = "0-3-7" }), sec(0), false},
		"quarantined":                   {true, with(func(p *Publication) { p.Quarantined = "x" }), sec(0), false},
		"its applier does not run":      {true, with(func(p *Publication) { p.Broken = "error 1062" }), sec(0), false},
		"recovering":                    {true, with(func(p *Publication) { p.Role = scoring.RoleRecovering }), sec(0), false},
		"not observed":                  {true, with(func(p *Publication) { p.Observed = false }), sec(0), false},
		"a spare is as good as another": {false, with(func(p *Publication) { p.Electable = false }), sec(0), true},
	} {
		if got := readable(c.was, c.p, c.behind, bound); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	// Whatever a lag does between the half and the whole, nothing flips.
	for _, was := range []bool{true, false} {
		is := was
		for _, s := range []int{16, 29, 30, 17, 28, 16} {
			if is = readable(is, replica, sec(s), bound); is != was {
				t.Errorf("flips at %d s", s)
			}
		}
	}
}

func TestReadableIsOnTheNode(t *testing.T) {
	shows := func(t *testing.T, w *world, want string) {
		t.Helper()
		if got := w.cluster.public["db-readable"]; got != want {
			t.Errorf("db-readable is %q, want %q", got, want)
		}
	}
	monitor := func(t *testing.T, w *world, after time.Duration) {
		t.Helper()
		time.Sleep(after)
		w.request.Interval = 6 * time.Second
		w.clear()
		_ = w.do(Monitor) // an outcome of its own
	}
	story(t, "written on change only", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.inOrder("publish db-readable")
		monitor(t, w, 6*time.Second)
		w.never("publish db-readable")
		shows(t, w, "1")
	})
	story(t, "with hysteresis", func(t *testing.T, w *world) {
		lag := 40 * time.Second
		w.server.state.Lag = &lag
		monitor(t, w, 0)
		w.never("publish db-readable") // not set counts as 0
		for _, step := range []struct {
			lag  time.Duration
			want string
		}{{20, ""}, {15, "1"}, {30, "1"}, {31, "0"}, {16, "0"}, {15, "1"}} {
			lag = step.lag * time.Second
			monitor(t, w, 6*time.Second)
			shows(t, w, step.want)
		}
	})
	story(t, "the primary is away: for the bound", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.dies("db1")
		w.server.state.Lag = nil
		for range 4 { // 6 s as of its last monitor, and 18 more
			monitor(t, w, 6*time.Second)
			shows(t, w, "1")
		}
		monitor(t, w, 8*time.Second)
		shows(t, w, "0")
		// And back, once somebody lives and it is as fresh.
		w.server.state.Lag, w.server.state.Receiver = new(time.Duration), replication.Thread{Running: true}
		w.cluster.members[0].Online = true
		w.peer("db1", "0-1-150").writable = true
		w.says(attrPosition, Publication{Candidate: scoring.Candidate{
			Node: db1, Role: scoring.RolePrimary, Observed: true, Electable: true, Position: position(t, "0-1-150"), Previous: position(t, "0-1-150"),
		}, Record: epoch3})
		monitor(t, w, 6*time.Second)
		shows(t, w, "1")
		if w.ledger.mem.Current != "" {
			t.Errorf("still counts from %s", w.ledger.mem.Current)
		}
	})
	story(t, "a lag that is only said", func(t *testing.T, w *world) {
		// The connection is dead, the server says 0, and the primary has gone on.
		monitor(t, w, 0)
		w.says(attrPosition, Publication{Candidate: scoring.Candidate{
			Node: db1, Role: scoring.RolePrimary, Observed: true, Electable: true, Position: position(t, "0-1-200"), Previous: position(t, "0-1-180"),
		}, Record: epoch3})
		monitor(t, w, 6*time.Second)
		shows(t, w, "1")
		monitor(t, w, 60*time.Second)
		shows(t, w, "0")
	})
	story(t, "what nobody knew makes nothing readable", func(t *testing.T, w *world) {
		w.dies("db1")
		w.server.state.Lag = nil
		for range 3 {
			monitor(t, w, 6*time.Second)
			shows(t, w, "")
		}
	})
	story(t, "the applier stops", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.server.state.Applier = replication.Thread{Error: "duplicate key", Errno: 1062}
		monitor(t, w, 6*time.Second)
		shows(t, w, "0")
	})
	story(t, "the server is dead", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.unit.process.Running = false
		monitor(t, w, 6*time.Second)
		w.inOrder("score -INFINITY", "withdraw db-position", "publish db-readable")
		shows(t, w, "0")
		monitor(t, w, 6*time.Second)
		w.never("publish db-readable")
	})
	story(t, "stop, and the exit hook", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.clear()
		if err := w.do(Stop); err != nil {
			t.Fatal(err)
		}
		w.inOrder("score -INFINITY", "publish db-readable", "unit.terminate")
		shows(t, w, "0")
		w.cluster.public["db-readable"] = "1"
		w.clear()
		if err := w.agent("hook").Hook(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.inOrder("score -INFINITY", "withdraw db-position")
		shows(t, w, "0")
		w.fails("publish db-readable", errInjected)
		w.clear()
		if err := w.agent("hook").Hook(t.Context()); err == nil {
			t.Error("readers are not told, and the hook is content")
		}
		w.inOrder("score -INFINITY", "withdraw db-position")
	})
	story(t, "recovering", func(t *testing.T, w *world) {
		monitor(t, w, 0)
		w.unit.process.Ready = false
		monitor(t, w, 6*time.Second)
		shows(t, w, "0")
	})
	story(t, "primary", func(t *testing.T, w *world) {
		w.reign()
		monitor(t, w, 0)
		shows(t, w, "1")
	})
}
