package ocf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

func TestStart(t *testing.T) {
	story(t, "read-only, then follows", func(t *testing.T, w *world) {
		w.unit.process, w.server.state.Source = Process{}, nil
		w.twice(Start, Success)
		w.inOrder("score -INFINITY", "withdraw db-position", "unit.start", "server.prepare", "peer.position db1", "server.follow db1",
			"publish db-position", "score 0")
		w.never("server.unprotect")
		if st := w.server.state; st.Writable || st.Source == nil || st.Source.User != "repl.db2" || !st.SemiSync.ReplicaOn {
			t.Errorf("state is %+v", st)
		}
		w.score(0)
	})
	story(t, "a slow recovery is no failure", func(t *testing.T, w *world) {
		w.unit.process, w.unit.slow = Process{}, time.Hour
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		w.never("server.observe", "server.follow db1")
		w.score(scoring.NegInf)
	})
	story(t, "running already", func(t *testing.T, w *world) {
		w.twice(Start, Success)
		w.never("unit.start", "server.stop-all")
	})
	story(t, "running as primary: a start ends unpromoted", func(t *testing.T, w *world) {
		w.reign()
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		w.never("unit.start")
		if w.server.state.Writable {
			t.Error("still writable")
		}
	})
	story(t, "writable and cannot be closed", func(t *testing.T, w *world) {
		w.reign()
		w.fails("server.protect", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "cannot be made read-only") {
			t.Errorf("%v", err)
		}
		w.score(scoring.NegInf)
	})
	story(t, "no data directory", func(t *testing.T, w *world) {
		w.unit.process, w.datadir.missing = Process{}, true
		err := w.twice(Start, ErrInstalled)
		if !strings.Contains(ExitReason(err), `datadir="/var/lib/mysql" holds no database: initialise it first`) {
			t.Error(ExitReason(err))
		}
		w.never("unit.start")
	})
	for step, code := range map[string]Code{
		"host.executable": ErrInstalled, "host.readable": ErrInstalled, "host.account": ErrInstalled, "host.writable": ErrPerm, "host.enabled": ErrGeneric,
	} {
		story(t, "an unfit machine: "+step, func(t *testing.T, w *world) {
			w.unit.process = Process{}
			w.fails(step, errInjected)
			w.twice(Start, code)
			w.never("unit.start")
		})
	}
	story(t, "another server answers at the socket", func(t *testing.T, w *world) {
		w.unit.process, w.server.stranger = Process{}, true
		err := w.twice(Start, ErrInstalled)
		if got := ExitReason(err); !strings.Contains(got, `socket="/run/mysqld/mysqld.sock": another server answers there`) {
			t.Error(got)
		}
		w.never("unit.start", "server.observe")
		w.score(scoring.NegInf)
	})
	story(t, "ready, and never answers", func(t *testing.T, w *world) {
		w.fails("server.ping", replication.ErrUnreachable)
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "does not answer") {
			t.Errorf("%v", err)
		}
	})
	story(t, "data directory cannot be looked at", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("datadir.exists", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrPerm {
			t.Errorf("%v", err)
		}
	})
	story(t, "unknown is not stopped", func(t *testing.T, w *world) {
		w.fails("unit.look", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("unit.start")
	})
	story(t, "the server dies while starting", func(t *testing.T, w *world) {
		w.unit.process, w.unit.started = Process{}, func(Command) { w.unit.process = Process{Result: "exit-code"} }
		err := w.do(Start)
		if CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "stopped while starting (exit-code): see /var/log/mysql/error.log") {
			t.Errorf("%v", err)
		}
		w.score(scoring.NegInf)
	})
	story(t, "a former primary that does not start is not shown as one", func(t *testing.T, w *world) {
		w.cluster.public["db-reason"], w.cluster.public["db-status"] = "primary", "primary, epoch 3, lossless"
		w.unit.process, w.unit.started = Process{}, func(Command) { w.unit.process = Process{Result: "exit-code"} }
		if err := w.do(Start); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		if got := w.cluster.public["db-reason"]; got != "start: server stopped while starting (exit-code): see /var/log/mysql/error.log" {
			t.Errorf("reason %q", got)
		}
		if got := w.cluster.public["db-status"]; got != "stopped" {
			t.Errorf("status %q", got)
		}
	})
	story(t, "nor one that is not ready yet", func(t *testing.T, w *world) {
		w.cluster.public["db-reason"], w.cluster.public["db-status"] = "primary", "primary, epoch 3, lossless"
		w.unit.process, w.unit.slow = Process{}, time.Hour
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		if reason, status := w.cluster.public["db-reason"], w.cluster.public["db-status"]; reason != "recovering" || status != "recovering" {
			t.Errorf("reason %q, status %q", reason, status)
		}
	})
	story(t, "the admin account is refused", func(t *testing.T, w *world) {
		w.unit.process, w.unit.started = Process{}, func(Command) { w.fails("server.ping", replication.ErrAccessDenied) }
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "[admin] in the credentials file") {
			t.Errorf("%v", err)
		}
	})
	for why, answer := range map[string]map[string]string{
		"neither MariaDB nor MySQL with GTIDs":          {"port": "3306"},
		"binlog_encryption is on: relay logs that the ": {"enforce_gtid_consistency": "OFF"},
	} {
		story(t, why, func(t *testing.T, w *world) {
			w.unit.process, w.options.known, w.options.set = Process{}, answer, map[string]string{"binlog_encryption": ""}
			if err := w.do(Start); !strings.Contains(ExitReason(err), why) {
				t.Errorf("%v", err)
			}
			w.never("unit.start", "datadir.renew")
		})
	}
	story(t, "the binary does not answer", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("options.known", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrInstalled || !strings.Contains(ExitReason(err), "options of /usr/sbin/mariadbd") {
			t.Errorf("%v", err)
		}
		w.never("unit.start")
	})
	story(t, "the binary is killed while it is asked: it may be asked again", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("options.known", ErrInterrupted)
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "options of /usr/sbin/mariadbd") {
			t.Errorf("%v", err)
		}
	})
	story(t, "no score can be written: nothing is started", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("score -INFINITY", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrGeneric {
			t.Errorf("%v", err)
		}
		w.never("unit.start")
	})
}

// A former primary whose tail nobody acknowledged: copied first, then dropped.
func TestStartDropsATail(t *testing.T) {
	const epoch4 = "epoch=4 rev=1 primary=db3:cc start=0-1-150 durability=lossless waited=1 ackers=db2:bb marker=0-3-151"
	former := func(t *testing.T, w *world) {
		w.unit.process, w.server.state.Source = Process{}, nil
		// The last record it knew was its own.
		w.ledger.mem.Record = strings.Replace(record(t, epoch3).String(), "primary=db1:aa", "primary=db2:bb", 1)
		w.cluster.record = record(t, epoch4).String()
		w.dies("db1")
		w.peer("db3", "0-1-150,0-3-151").writable = true
		w.datadir.binlogs = "0-1-150,0-2-160"
		w.server.rows = nil
	}
	story(t, "after a copy", func(t *testing.T, w *world) {
		former(t, w)
		w.twice(Start, Success)
		w.inOrder("datadir.save", "datadir.binlogs", "ledger.save", "datadir.renew", "unit.start", "server.follow db3")
		if args := w.unit.commands[0].Args; args[len(args)-1] != "--init-rpl-role=SLAVE" || !slices.Contains(args, "--rpl-semi-sync-slave-enabled=0") {
			t.Errorf("%q", args)
		}
		if w.ledger.mem.Discarded != "0-1-150,0-2-160" {
			t.Errorf("discarded is %q: these numbers could be issued again", w.ledger.mem.Discarded)
		}
		// Of these data: a copy of others is never taken for it.
		if want := []string{"db-before-epoch-4-bb"}; !slices.Equal(w.datadir.saved, want) {
			t.Errorf("saved as %q, want %q", w.datadir.saved, want)
		}
	})
	story(t, "no copy, nothing is dropped", func(t *testing.T, w *world) {
		former(t, w)
		w.fails("datadir.save", errInjected)
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "nothing was discarded") {
			t.Errorf("%v", err)
		}
		w.never("unit.start")
	})
	story(t, "no record can be read: the tail is kept", func(t *testing.T, w *world) {
		former(t, w)
		w.fails("record.read", errInjected)
		_ = w.do(Start)
		w.never("datadir.save")
		if args := w.unit.commands[0].Args; !slices.Contains(args, "--init-rpl-role=MASTER") {
			t.Errorf("%q", args)
		}
	})
	for _, c := range []struct {
		name  string
		ended []string // how each start without it does
		want  []string // MASTER is one with it
	}{
		{"the server does not start without it", []string{"exit-code"}, []string{"SLAVE", "MASTER"}},
		{"the server is killed while it starts without it", []string{"signal"}, []string{"SLAVE", "SLAVE"}},
		{"the server is killed for its memory, then does not start without it", []string{"oom-kill", "exit-code"}, []string{"SLAVE", "SLAVE", "MASTER"}},
		{"the server is killed again and again", []string{"signal", "signal"}, []string{"SLAVE", "SLAVE", "MASTER"}},
	} {
		story(t, c.name, func(t *testing.T, w *world) {
			former(t, w)
			w.unit.started = func(started Command) {
				w.boot(started)
				if n := len(w.unit.commands); n <= len(c.ended) {
					w.unit.process = Process{Result: c.ended[n-1]}
				}
			}
			if err := w.do(Start); err != nil {
				t.Fatal(err)
			}
			var roles []string
			for _, started := range w.unit.commands {
				for _, arg := range started.Args {
					if role, ok := strings.CutPrefix(arg, "--init-rpl-role="); ok {
						roles = append(roles, role)
					}
				}
			}
			if !slices.Equal(roles, c.want) {
				t.Errorf("started as %q, want %q", roles, c.want)
			}
		})
	}
}

func TestLogBase(t *testing.T) {
	p := Params{"datadir": "/data", "pid": "/run/mysqld/mysqld.pid"}
	for _, c := range []struct {
		option string
		set    map[string]string
		want   string
	}{
		{"log_bin", nil, "/data/binlog"},
		{"relay_log", nil, "/data/relay-bin"},
		{"log_bin", map[string]string{"log_bin": "bin"}, "/data/bin"},
		{"log_bin", map[string]string{"log_bin": "/logs/bin"}, "/logs/bin"},
		{"log_bin", map[string]string{"log_bin": ""}, "/data/mysqld-bin"},
		{"relay_log", map[string]string{"relay_log": ""}, "/data/mysqld-relay-bin"},
	} {
		if got := LogBase(c.option, c.set, p); got != c.want {
			t.Errorf("%s %v: %s, want %s", c.option, c.set, got, c.want)
		}
	}
}
