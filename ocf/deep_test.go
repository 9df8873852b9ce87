package ocf

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
	"github.com/mysql-ha/mysql-ha/vip"
)

func TestMonitorDepth20(t *testing.T) {
	deep := func(w *world) {
		w.request.Depth, w.request.Interval = 20, 60e9
		w.options.set = map[string]string{"log_bin": "/log/bin", "relay_log": "relay"}
	}
	story(t, "the primary writes", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.touch", "options", "host.free")
	})
	story(t, "a replica does not", func(t *testing.T, w *world) {
		deep(w)
		w.twice(Monitor, Success)
		w.never("server.touch")
		w.inOrder("host.free")
	})
	story(t, "nobody at less depth", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.request.Depth = 10
		w.twice(Monitor, RunningPromoted)
		w.never("server.touch", "host.free", "options")
	})
	story(t, "a write that hangs proves nothing", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.fails("server.touch", replication.ErrUnreachable)
		err := w.twice(Monitor, DegradedPromoted)
		if got := ExitReason(err); !strings.HasPrefix(got, "test write: ") {
			t.Error(got)
		}
		w.score(scoring.PrimaryScore)
	})
	story(t, "storage that hangs before it is looked at is shown all the same", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.public["db-reason"], w.cluster.scores["db1"] = "primary", scoring.PrimaryScore
		deep(w)
		for _, step := range []string{"server.prepare", "server.touch"} {
			w.fails(step, replication.ErrUnreachable)
		}
		err := w.twice(Monitor, DegradedPromoted)
		if got := w.cluster.public["db-reason"]; !strings.HasPrefix(got, "degraded: test write: ") || !strings.HasPrefix(ExitReason(err), "test write: ") {
			t.Errorf("shown is %q, answered %v", got, err)
		}
		w.score(scoring.PrimaryScore)
	})
	fails := fmt.Errorf("%w: no space left (1021)", replication.ErrStorage)
	story(t, "storage that fails makes room for a replica", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.fails("server.touch", fails)
		err := w.do(Monitor)
		if got := ExitReason(err); CodeOf(err) != ErrGeneric || !strings.HasPrefix(got, "test write: storage fails: no space left") {
			t.Errorf("%d %s", CodeOf(err), got)
		}
		w.score(scoring.NegInf)
		// Demoted, it does not come back by its score.
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		w.request.Depth = 10
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.score(scoring.NegInf)
	})
	story(t, "where there is none it stays what it is", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.dies("db2")
		w.dies("db3")
		w.fails("server.touch", fails)
		w.twice(Monitor, DegradedPromoted)
		w.score(scoring.PrimaryScore)
	})
	for dir, of := range map[string]string{"/var/lib/mysql": "data", "/log": "binary log"} {
		story(t, "little space: "+of, func(t *testing.T, w *world) {
			w.reign()
			deep(w)
			w.host.free = map[string]uint64{dir: 1023 << 20}
			err := w.twice(Monitor, DegradedPromoted)
			if want := of + ": 1023 MiB free at " + dir + ", min_free_space is 1024"; ExitReason(err) != want {
				t.Errorf("%q, want %q", ExitReason(err), want)
			}
			w.host.free[dir] = 1024 << 20
			w.twice(Monitor, RunningPromoted)
		})
	}
	story(t, "what was found is remembered between, and forgotten when nobody looks any more", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.host.free = map[string]uint64{"/log": 0}
		w.do(Monitor)
		const want = "degraded: binary log: less free at /log than min_free_space (1024 MiB)"
		w.request.Depth, w.request.Interval = 10, 5e9
		w.twice(Monitor, RunningPromoted)
		if got := w.cluster.public["db-reason"]; got != want {
			t.Error(got)
		}
		time.Sleep(4 * time.Minute)
		w.twice(Monitor, RunningPromoted)
		if got := w.cluster.public["db-reason"]; got != "primary" {
			t.Error(got)
		}
	})
	story(t, "another host on the virtual ip", func(t *testing.T, w *world) {
		w.reign()
		deep(w)
		w.address = &fakeAddress{journal: w.journal, held: true}
		w.fails("address.rival", fmt.Errorf("%w: 02:00:00:00:00:01 has 10.0.0.5", vip.ErrConflict))
		err := w.twice(Monitor, DegradedPromoted)
		if got := ExitReason(err); !strings.HasPrefix(got, "virtual ip: in use by another host") {
			t.Error(got)
		}
		w.inOrder("address.rival", "spawn announce-db [announce --address  --nic ]")
		w.score(scoring.PrimaryScore)
		delete(w.on, "address.rival")
		w.twice(Monitor, RunningPromoted)
	})
	story(t, "a replica does not ask for it", func(t *testing.T, w *world) {
		deep(w)
		w.address = &fakeAddress{journal: w.journal}
		w.twice(Monitor, Success)
		w.never("address.rival")
	})
	story(t, "little space on a replica restarts nothing either", func(t *testing.T, w *world) {
		deep(w)
		w.host.free = map[string]uint64{"/log": 0}
		w.twice(Monitor, Degraded)
		w.score(0)
		w.request.Params["min_free_space"] = "0"
		w.twice(Monitor, Success)
	})
	story(t, "what cannot be looked at is not enough", func(t *testing.T, w *world) {
		deep(w)
		w.fails("host.free", errInjected)
		w.twice(Monitor, Degraded)
	})
}

func TestEvents(t *testing.T) {
	story(t, "run on the primary where they are configured", func(t *testing.T, w *world) {
		w.reign()
		w.options.set = map[string]string{"event_scheduler": "on"}
		w.twice(Promote, Success)
		w.inOrder("options", "server.events true")
		w.twice(Demote, Success)
		w.inOrder("server.events false", "server.protect")
	})
	for _, set := range []map[string]string{nil, {"event_scheduler": "OFF"}, {"event_scheduler": "DISABLED"}} {
		story(t, fmt.Sprintf("and not elsewhere: %v", set), func(t *testing.T, w *world) {
			w.reign()
			w.options.set = set
			w.twice(Promote, Success)
			w.never("server.events true")
		})
	}
	story(t, "by the resource's own options", func(t *testing.T, w *world) {
		w.reign()
		w.request.Params["additional_parameters"] = "--skip-x --event-scheduler=ON"
		w.twice(Promote, Success)
		w.inOrder("server.events true")
	})
	story(t, "what cannot be switched fails no promotion", func(t *testing.T, w *world) {
		w.reign()
		w.options.set = map[string]string{"event_scheduler": "1"}
		w.fails("server.events true", errInjected)
		w.twice(Promote, Success)
	})
	story(t, "those that were made elsewhere are named, and said once an epoch", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.Events = true
		w.server.asleep = []replication.Event{{Schema: "shop", Name: "tidy", Definer: "app@%"}}
		w.twice(Monitor, RunningPromoted)
		if n := strings.Count(w.log.String(), "until they are enabled"); n != 1 {
			t.Errorf("said %d times", n)
		}
		if got := w.cluster.public["db-reason"]; got != "primary; events that do not run: 1: shop.tidy" {
			t.Error(got)
		}
		w.fails("server.asleep", errInjected) // and nobody takes it for none
		w.twice(Monitor, RunningPromoted)
		if got := w.cluster.public["db-reason"]; !strings.Contains(got, "events that do not run: not known") {
			t.Error(got)
		}
		delete(w.on, "server.asleep")
		w.server.asleep = nil
		w.twice(Monitor, RunningPromoted)
		if got := w.cluster.public["db-reason"]; got != "primary" {
			t.Error(got)
		}
	})
	story(t, "nobody asks while commits wait", func(t *testing.T, w *world) {
		w.reign()
		w.server.state.Events = true
		w.server.state.SemiSync.Waiting = 1
		w.twice(Monitor, RunningPromoted)
		w.never("server.asleep")
	})
	story(t, "never on a replica", func(t *testing.T, w *world) {
		w.server.state.Events = true
		w.twice(Monitor, Success)
		if w.server.state.Events || !slices.Contains(w.steps, "server.events false") {
			t.Error("they run")
		}
	})
}
