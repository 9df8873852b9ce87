package ocf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// astray has the server be one that others started.
func astray(w *world) { w.unit.process.Stray = "process 4711 of mariadb.service" }

func TestStartOfAStray(t *testing.T) {
	story(t, "one that suits is adopted, as it runs", func(t *testing.T, w *world) {
		astray(w)
		w.twice(Start, Success)
		w.inOrder("score -INFINITY", "host.enabled", "server.suits", "unit.adopt", "server.observe")
		w.never("unit.start", "unit.terminate", "unit.kill")
		if want := []string{"/usr/sbin/mysql-ha", "hook", "--resource", "db", "--node", "db2"}; !slices.Equal(w.unit.hook, want) {
			t.Errorf("hook %q", w.unit.hook)
		}
	})
	story(t, "a writable one is closed", func(t *testing.T, w *world) {
		astray(w)
		w.server.state.Writable = true
		w.twice(Start, Success)
		w.inOrder("unit.adopt", "server.protect")
	})
	for _, step := range []string{"server.suits", "unit.adopt"} {
		story(t, "one that does not is replaced: "+step, func(t *testing.T, w *world) {
			astray(w)
			w.fails(step, errInjected)
			w.twice(Start, Success)
			w.inOrder(step, "server.observe", "unit.terminate", "unit.start")
		})
	}
	story(t, "never by letting a waiting commit through", func(t *testing.T, w *world) {
		w.reign()
		astray(w)
		w.fails("server.suits", errInjected)
		w.server.state.SemiSync.Waiting = 2
		w.unit.started = func(c Command) { w.server.state.SemiSync.Waiting = 0; w.boot(c) }
		w.twice(Start, Success)
		w.inOrder("unit.kill", "unit.start")
		w.never("unit.terminate", "server.evict")
	})
	story(t, "one that does not end is not joined by another", func(t *testing.T, w *world) {
		astray(w)
		w.fails("server.suits", errInjected)
		w.fails("unit.kill", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("unit.start")
	})
	story(t, "nor ended for a start that would be refused", func(t *testing.T, w *world) {
		w.mysql()
		astray(w)
		w.fails("server.suits", errInjected)
		w.options.set = map[string]string{"binlog_encryption": ""}
		w.twice(Start, ErrConfigured)
		w.never("unit.adopt", "unit.start", "unit.terminate", "unit.kill")
	})
	story(t, "an enabled unit of the distribution is refused, and left alone", func(t *testing.T, w *world) {
		astray(w)
		w.host.units = []string{"mariadb.service"}
		err := w.twice(Start, ErrInstalled)
		if !strings.Contains(ExitReason(err), "systemctl disable --now mariadb.service") {
			t.Error(ExitReason(err))
		}
		w.never("unit.adopt", "unit.start", "unit.terminate", "unit.kill")
	})
	story(t, "a socket of the distribution is refused before anybody connects to it", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.host.units = []string{"mariadb.socket"}
		err := w.twice(Start, ErrInstalled)
		if want := "mariadb.socket starts a writable server for whoever connects: systemctl disable --now mariadb.socket"; ExitReason(err) != want {
			t.Error(ExitReason(err))
		}
		w.host.units = []string{"mariadb.service", "mariadb.socket"}
		err = w.twice(Start, ErrInstalled)
		if want := "mariadb.service starts a writable server at boot: systemctl disable --now mariadb.service mariadb.socket"; ExitReason(err) != want {
			t.Error(ExitReason(err))
		}
		w.never("server.observe", "unit.start")
		w.request.Note = Note{Present: true, Type: "post", Operation: "start", Start: []string{w.self.Name}, Active: []string{"db1"}}
		w.twice(Notify, Success)
		w.never("server.observe")
	})
}

// Before there is a record, servers go on replicating as somebody has told them to:
// the one that is closed first is still to send what the others lack.
func TestReplicationOfOthers(t *testing.T) {
	for name, receiver := range map[string]replication.Thread{"running": {Running: true}, "connecting": {Connecting: true}} {
		story(t, name, func(t *testing.T, w *world) {
			w.cluster.record, w.ledger.mem, w.server.rows = "", Memory{}, nil
			w.cluster.private = map[string]map[string]string{}
			astray(w)
			w.server.state.Source = &replication.Source{Host: "db1", Port: 3306, User: "somebody"}
			w.server.state.Receiver = receiver
			w.twice(Monitor, Success)
			w.never("server.stop-all", "server.detach", "server.follow db1")
			if p, ok := w.said(attrPosition); !ok || !p.Led {
				t.Errorf("published %+v", p)
			}
			w.score(scoring.NegInf)
		})
	}
}

func TestMonitorOfAStray(t *testing.T) {
	story(t, "is adopted", func(t *testing.T, w *world) {
		astray(w)
		w.twice(Monitor, Success)
		w.inOrder("managed", "unit.adopt")
		w.score(0)
	})
	story(t, "one that cannot be is a failure: stop and start follow", func(t *testing.T, w *world) {
		astray(w)
		w.fails("server.suits", errInjected)
		err := w.twice(Monitor, ErrGeneric)
		if !strings.Contains(ExitReason(err), "cannot be adopted") {
			t.Error(ExitReason(err))
		}
		w.score(scoring.NegInf)
		w.never("unit.terminate", "unit.kill", "server.protect")
	})
	story(t, "not managed: it is told, and left alone", func(t *testing.T, w *world) {
		astray(w)
		w.cluster.unmanaged = true
		w.twice(Monitor, Success)
		w.never("unit.adopt", "server.suits")
	})
	story(t, "by hand: told, and left alone", func(t *testing.T, w *world) {
		byHand(w)
		astray(w)
		w.server.state.Source, w.server.state.Writable = nil, true
		w.twice(Monitor, RunningPromoted)
		w.never("unit.adopt", "server.suits", "server.protect")
	})
}

func TestPromoteOfAStray(t *testing.T) {
	story(t, "it is adopted first", func(t *testing.T, w *world) {
		w.reign()
		astray(w)
		w.twice(Promote, Success)
		w.inOrder("unit.adopt", "server.observe")
	})
	story(t, "or not promoted", func(t *testing.T, w *world) {
		w.reign()
		astray(w)
		w.fails("unit.adopt", errInjected)
		w.twice(Promote, ErrGeneric)
		w.score(scoring.NegInf)
		w.never("server.unprotect", "record.write")
	})
}

// change is whatever an agent does to a server, the cluster's record or an address.
var change = []string{
	"server.protect", "server.unprotect", "server.prepare", "server.follow db1", "server.follow db3", "server.stop-all", "server.detach",
	"server.arm-replica true", "server.arm-replica false", "server.arm-source true", "server.arm-source false", "server.evict",
	"server.refuse", "server.apply-relay", "server.freeze", "record.write", "address.up", "address.down", "unit.kill", "unit.start", "unit.terminate",
}

// While somebody else has charge a monitor says what is, and changes nothing; after
// it everything is as it should be.
func TestMonitorOfAnUnmanagedServer(t *testing.T) {
	unmanaged := func(w *world) {
		w.cluster.unmanaged, w.request.Interval = true, 5*time.Second
		w.address = &fakeAddress{journal: w.journal}
	}
	story(t, "a replica that somebody has stopped", func(t *testing.T, w *world) {
		unmanaged(w)
		w.server.state.Receiver, w.server.state.Applier = replication.Thread{}, replication.Thread{}
		w.twice(Monitor, Success)
		w.never(change...)
		w.cluster.unmanaged = false
		w.twice(Monitor, Success)
		if !w.server.state.Receiver.Running || !w.server.state.Applier.Running {
			t.Error("afterwards it does not follow")
		}
	})
	story(t, "a primary without its address", func(t *testing.T, w *world) {
		w.reign()
		unmanaged(w)
		w.server.state.SemiSync.SourceOn = false
		w.twice(Monitor, RunningPromoted)
		w.never(change...)
		w.score(scoring.PrimaryScore)
		w.cluster.unmanaged = false
		w.twice(Monitor, RunningPromoted)
		if !w.address.held || !w.server.state.SemiSync.SourceOn {
			t.Error("afterwards it lacks its address, or commits do not wait")
		}
	})
	story(t, "promoted by hand", func(t *testing.T, w *world) {
		unmanaged(w)
		w.server.state.Writable = true
		w.twice(Monitor, DegradedPromoted)
		w.never(change...)
		w.score(scoring.NegInf)
		w.cluster.unmanaged = false
		if err := w.do(Monitor); CodeOf(err) != Degraded || w.server.state.Writable {
			t.Errorf("afterwards: %v, writable %t", err, w.server.state.Writable)
		}
	})
	story(t, "a probe of one", func(t *testing.T, w *world) {
		unmanaged(w)
		astray(w)
		w.request.Interval, w.server.state.Writable = 0, true
		w.twice(Monitor, RunningPromoted)
		w.never(change...)
		w.never("unit.adopt", "server.suits")
		w.score(scoring.NegInf)
		if !strings.Contains(w.cluster.public["db-reason"], "left as it is") {
			t.Errorf("shown: %v", w.cluster.public)
		}
	})
	story(t, "the primary, demoted by hand", func(t *testing.T, w *world) {
		w.reign()
		unmanaged(w)
		w.server.state.Writable = false
		w.twice(Monitor, Success)
		w.never(change...)
	})
	story(t, "ended by hand", func(t *testing.T, w *world) {
		w.reign()
		unmanaged(w)
		w.unit.process = Process{}
		w.twice(Monitor, NotRunning)
		w.never(change...)
	})
	story(t, "nobody knows whether it is", func(t *testing.T, w *world) {
		w.reign()
		unmanaged(w)
		w.server.state.Writable = true
		w.fails("managed", errInjected)
		w.twice(Monitor, DegradedPromoted)
		w.never(change...)
	})
}

// A primary that somebody restarts during a maintenance keeps its score: it would be
// demoted when that ends, before a monitor could say what runs.
func TestHookOfAnUnmanagedServer(t *testing.T) {
	story(t, "tells nothing", func(t *testing.T, w *world) {
		w.reign()
		w.cluster.unmanaged, w.unit.process = true, Process{}
		if err := w.agent("hook").Hook(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.never("score -INFINITY", "withdraw db-position")
	})
	story(t, "unknown is not unmanaged", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("managed", errInjected)
		if err := w.agent("hook").Hook(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.score(scoring.NegInf)
	})
}
