package server_test

import (
	"strings"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// layout is where the agent would expect the files of a node, and one number more.
func (n *node) layout() replication.Layout {
	return replication.Layout{
		Datadir: n.datadir() + "/", Port: n.port, BinaryLog: n.datadir() + "/binlog.x", RelayLog: "relay", ServerID: n.id + 1000,
	}
}

// What others started is taken as it is where it can be a member.
func TestSuits(t *testing.T) { each(t, testSuits) }

func testSuits(t *testing.T, f *flavour) {
	n := start(t, f, "--bind-address=0.0.0.0", "--binlog-format=MIXED", "--event-scheduler=ON")
	twice(t, func() error { return n.Suits(n.ctx(), n.layout()) })
	if got := n.read("SELECT CONCAT(@@global.binlog_format, @@global.event_scheduler)"); got != "ROWOFF" {
		t.Error(got)
	}
	if got := n.state().ServerID; got != n.layout().ServerID {
		t.Errorf("server_id %d", got)
	}
	for what, change := range map[string]func(l *replication.Layout){
		"the server at the socket has datadir": func(l *replication.Layout) { l.Datadir = "/elsewhere" },
		"port is":                              func(l *replication.Layout) { l.Port++ },
		"binary logs are at":                   func(l *replication.Layout) { l.BinaryLog = "other" },
		"relay logs are at":                    func(l *replication.Layout) { l.RelayLog = n.dir + "/relay" },
	} {
		l := n.layout()
		change(&l)
		if err := n.Suits(n.ctx(), l); err == nil || !strings.HasPrefix(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
	unfit := map[string]string{
		"--bind-address=127.0.0.1": "bind_address is", "--skip-log-bin": "log_bin is off", "--replicate-do-db=x": "replication filter",
		"--skip-networking": "skip_networking is on",
	}
	if f.mysql() {
		unfit["--gtid-mode=ON_PERMISSIVE"] = "gtid_mode is on_permissive"
	}
	for arg, why := range unfit {
		other := start(t, f, "--bind-address=0.0.0.0", arg)
		if err := other.Suits(other.ctx(), other.layout()); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", arg, err)
		}
	}
}

// A pair that replicates is taken as it runs, with the options of its administrator.
func TestSuitsWhileItReplicates(t *testing.T) { each(t, testSuitsWhileItReplicates) }

func testSuitsWhileItReplicates(t *testing.T, f *flavour) {
	options := []string{"--bind-address=0.0.0.0", "--binlog-format=MIXED"}
	if f.mysql() {
		options = append(options, "--relay-log-recovery=ON")
	}
	source, replica := start(t, f, options...), start(t, f, options...)
	for _, n := range []*node{source, replica} {
		must(t, n.Prepare(n.ctx(), accounts))
	}
	must(t, source.Unprotect(source.ctx()))
	source.exec("CREATE TABLE mysql.t (a INT PRIMARY KEY)")
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	if _, err := replica.db.ExecContext(replica.ctx(), "SET GLOBAL binlog_format = 'ROW'"); (err != nil) != f.mysql() {
		t.Errorf("the format of a server that applies: %v", err)
	}
	for _, n := range []*node{source, replica} {
		twice(t, func() error { return n.Suits(n.ctx(), n.layout()) })
	}
	if got := replica.read("SELECT @@global.binlog_format"); got != "ROW" {
		t.Error(got)
	}
	st := replica.state()
	if !st.Receiver.Running || !st.Applier.Running {
		t.Errorf("it does not replicate any more: %+v", st)
	}
	source.exec("INSERT INTO mysql.t VALUES (1)") // from a session that knows the old number
	replica.caughtUp(source)
	row, err := source.Mark(source.ctx(), replication.Epoch{Epoch: 1, Primary: "db1:00000001"}, gtid.Set{})
	must(t, err)
	if !f.mysql() && row.Marker.Server != source.layout().ServerID {
		t.Errorf("the marker is %v", row.Marker)
	}
	replica.caughtUp(source)

	// What is received and not applied outlives any stop and start of its threads.
	if !f.mysql() {
		return // MariaDB's does not, and is read before: see TestApplyRelay
	}
	replica.threads("STOP", "SQL_THREAD")
	for i := range 3 {
		source.exec("INSERT INTO mysql.t VALUES (?)", 10+i)
	}
	want := source.state().Executed
	replica.wait("the rows to be received", func() bool { return replica.state().Received.Contains(want) })
	must(t, replica.Freeze(replica.ctx()))
	source.kill()
	for range 3 {
		replica.threads("START", "IO_THREAD")
		replica.threads("STOP", "")
	}
	replica.threads("START", "SQL_THREAD")
	replica.wait("the rows to be applied", func() bool { return replica.state().Executed.Contains(want) })
}
