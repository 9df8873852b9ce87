package ocf

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

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
		w.never("server.ping", "server.follow db1")
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
	story(t, "the admin account is refused", func(t *testing.T, w *world) {
		w.unit.process = Process{}
		w.fails("server.ping", replication.ErrAccessDenied)
		if err := w.do(Start); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "[admin] in the credentials file") {
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
		if last := w.unit.commands[0].Args; last[len(last)-1] != "--init-rpl-role=SLAVE" {
			t.Errorf("%q", last)
		}
		if w.ledger.mem.Discarded != "0-1-150,0-2-160" {
			t.Errorf("discarded is %q: these numbers could be issued again", w.ledger.mem.Discarded)
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
	story(t, "the server does not start without it", func(t *testing.T, w *world) {
		former(t, w)
		w.unit.started = func(c Command) {
			w.boot(c)
			if slices.Contains(c.Args, "--init-rpl-role=SLAVE") {
				w.unit.process = Process{Result: "exit-code"}
			}
		}
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		if len(w.unit.commands) != 2 || !slices.Contains(w.unit.commands[1].Args, "--init-rpl-role=MASTER") {
			t.Errorf("%d starts", len(w.unit.commands))
		}
	})
}

// What safety depends on comes last and wins; the rest yields to the operator.
func TestCommand(t *testing.T) {
	story(t, "defaults", func(t *testing.T, w *world) {
		w.options.set = map[string]string{"relay_log": "/logs/relay", "bind_address": "127.0.0.1"}
		w.request.Params["additional_parameters"] = " --read-only=0  --server-id=1 --innodb-buffer-pool-size=1G "
		c, err := w.agent(Start).command(t.Context(), keepTail)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"--log-bin=/var/lib/mysql/binlog", "--bind-address=*", "--innodb-buffer-pool-size=1G", "--skip-slave-start", "--sync-binlog=1"} {
			if !slices.Contains(c.Args, want) {
				t.Errorf("%s is missing", want)
			}
		}
		if slices.ContainsFunc(c.Args, func(s string) bool { return strings.HasPrefix(s, "--relay-log=") }) {
			t.Error("the configured relay log is overruled")
		}
		id := "--server-id=" + strconv.FormatUint(uint64(serverID(db2)), 10)
		for own, theirs := range map[string]string{"--read-only=1": "--read-only=0", id: "--server-id=1"} {
			if slices.Index(c.Args, theirs) > slices.Index(c.Args, own) {
				t.Errorf("a parameter wins over %s", own)
			}
		}
		if c.Args[0] != "--defaults-file=/etc/mysql/my.cnf" {
			t.Errorf("mysqld wants it first: %q", c.Args[0])
		}
		if diff := cmp.Diff([]string{"/usr/sbin/mysql-ha", "hook", "--resource", "db", "--node", "db2"}, c.ExitHook); diff != "" {
			t.Error(diff)
		}
	})
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
