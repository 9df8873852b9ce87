package ocf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// mysqlEpoch3 is epoch3 of MySQL servers: no marker has a name.
const mysqlEpoch3 = "epoch=3 rev=1 primary=db1:aa start=" + uuid1 + ":1-100 durability=lossless waited=1 ackers=db2:bb,db3:cc"

// mysql makes the servers of the world MySQL's, in the same situation. It returns
// a position of what db1 wrote.
func (w *world) mysql() {
	w.t.Helper()
	w.options.known = values(binaries["mysql-9.7"])
	w.ledger.mem.Record, w.cluster.record = mysqlEpoch3, mysqlEpoch3
	w.server.rows = []replication.Epoch{{Epoch: 3, Primary: "db1:aa", Start: position(w.t, uuid1+":1-100"), Record: mysqlEpoch3}}
	w.server.uuid = uuid2
	all := position(w.t, uuid1+":1-150")
	st := &w.server.state
	st.Flavour, st.Version, st.Executed, st.Received = gtid.MySQL, "9.7.4", all, all
	w.peer("db1", all.String()).writable = true
	w.peer("db3", all.String())
	for _, id := range []scoring.NodeID{db1, db3} {
		p := w.replica(id, all.String())
		p.Record = mysqlEpoch3
		if id == db1 {
			p.Role, p.Previous, p.Follows, p.Connected, p.Acks = scoring.RolePrimary, all, "", false, false
		}
		w.says(attrPosition, p)
	}
}

func TestMySQLStart(t *testing.T) {
	story(t, "read-only, then follows", func(t *testing.T, w *world) {
		w.mysql()
		w.unit.process, w.server.state.Source = Process{}, nil
		w.twice(Start, Success)
		w.inOrder("options", "options.known", "options.persisted", "unit.start", "server.prepare", "server.follow db1", "score 0")
		for _, want := range []string{"--super-read-only=1", "--skip-replica-start=1", "--relay-log-recovery=OFF", "--plugin-load-add=semisync_replica.so"} {
			if args := w.unit.commands[0].Args; !slices.Contains(args, want) {
				t.Errorf("%s is missing in %q", want, args)
			}
		}
	})
	// Its tail cannot be cut off: it comes back with all it has, and is compared.
	const epoch4 = "epoch=4 rev=1 primary=db3:cc start=" + uuid1 + ":1-150," + uuid2 + ":1-7 durability=lossless waited=1 ackers="
	former := func(t *testing.T, w *world, executed string) {
		w.mysql()
		w.unit.process, w.server.state.Source = Process{}, nil
		w.ledger.mem.Record = strings.Replace(mysqlEpoch3, "primary=db1:aa", "primary=db2:bb", 1)
		w.server.rows[0].Primary, w.server.rows[0].Record = "db2:bb", w.ledger.mem.Record
		w.server.state.Executed = position(t, executed)
		w.server.state.Received = w.server.state.Executed
		w.cluster.record = epoch4
		w.dies("db1")
		w.peer("db3", uuid1+":1-150,"+uuid2+":1-7,"+uuid3+":1").writable = true
		p := w.replica(db3, uuid1+":1-150,"+uuid2+":1-7,"+uuid3+":1")
		p.Role, p.Record, p.Previous = scoring.RolePrimary, epoch4, p.Position
		w.says(attrPosition, p)
	}
	story(t, "a former primary whose tail nobody has", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-9")
		w.twice(Start, Success)
		w.never("datadir.save", "datadir.renew", "server.follow db3", "server.unprotect")
		w.score(scoring.NegInf)
		if got := w.ledger.mem.Foreign; got != uuid2+":8-9" {
			t.Errorf("foreign is %q", got)
		}
		if why := w.cluster.public["db-reason"]; !strings.HasPrefix(why, "diverged: "+uuid2+":8-9") {
			t.Errorf("the reason shown is %q", why)
		}
		if !w.unit.process.Running || w.server.state.Writable || w.server.state.Source != nil {
			t.Errorf("it should stay up, read-only, and follow nobody: %+v", w.server.state)
		}
		// Monitors go on saying so.
		w.twice(Monitor, Success)
		w.never("server.follow db3")
		w.score(scoring.NegInf)
	})
	story(t, "a former primary whose tail was acknowledged", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-7")
		w.twice(Start, Success)
		w.inOrder("unit.start", "peer.position db3", "server.follow db3")
		w.score(0)
	})
}

// A replica that was restarted holds what it received, and applies it before it
// follows anybody.
func TestMySQLRelay(t *testing.T) {
	restarted := func(t *testing.T, w *world) {
		w.mysql()
		w.unit.process = Process{}
		w.server.state.Executed = position(t, uuid1+":1-120")
		// What the server says of itself may be less than what its files hold.
		w.server.state.Received = position(t, uuid1+":1-130")
		w.datadir.relay = Relay{Received: uuid1 + ":90-150", File: "relay-bin.000002", Offset: 4711}
	}
	story(t, "nobody to follow", func(t *testing.T, w *world) {
		restarted(t, w)
		w.dies("db1")
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		w.inOrder("unit.start", "datadir.relay", "server.apply-relay", "publish db-position")
		w.never("server.follow db1", "server.stop-all")
		if p, _ := w.said(attrPosition); p.Position.String() != uuid1+":1-150" || p.Executed.String() != uuid1+":1-150" {
			t.Errorf("published %s, applied %s", p.Position, p.Executed)
		}
	})
	story(t, "the primary has all of it", func(t *testing.T, w *world) {
		restarted(t, w)
		w.twice(Start, Success)
		w.inOrder("datadir.relay", "peer.position db1", "server.follow db1")
		w.score(0)
	})
	story(t, "the primary lacks some of it", func(t *testing.T, w *world) {
		restarted(t, w)
		w.datadir.relay.Received = uuid1 + ":90-160"
		w.twice(Start, Success)
		w.never("server.follow db1", "server.stop-all")
		if w.ledger.mem.Foreign != uuid1+":151-160" {
			t.Errorf("foreign is %q", w.ledger.mem.Foreign)
		}
	})
	story(t, "its files cannot be read: that is not nothing", func(t *testing.T, w *world) {
		restarted(t, w)
		w.dies("db1")
		w.fails("datadir.relay", errInjected)
		_ = w.do(Start)
		w.score(scoring.NegInf)
		w.never("server.apply-relay", "server.follow db1", "publish db-position")
	})
	story(t, "frozen for an election", func(t *testing.T, w *world) {
		restarted(t, w)
		w.unit.process = Process{Running: true, Ready: true, PID: 4711}
		w.on["unit.look"] = func() error { // no thread runs yet
			w.server.state.Receiver, w.server.state.Applier = replication.Thread{}, replication.Thread{}
			return nil
		}
		mysqlElection(w, uuid1+":1-150")
		if p, _ := w.said(attrBallot); !p.Frozen || p.Position.String() != uuid1+":1-150" {
			t.Errorf("ballot is %+v", p)
		}
	})
}

// mysqlElection is election, of MySQL servers.
func mysqlElection(w *world, at string) {
	w.t.Helper()
	election(w, at)
	b := w.ballot(db3, at)
	b.Record = mysqlEpoch3
	w.says(attrBallot, b)
}

func TestMySQLPromote(t *testing.T) {
	story(t, "without a marker of its own name", func(t *testing.T, w *world) {
		w.mysql()
		mysqlElection(w, uuid1+":1-150")
		w.twice(Promote, Success)
		w.inOrder("record.write", "record.readback", "server.arm-source false", "server.mark", "server.arm-source true", "server.unprotect", "score 1000")
		rec := record(t, w.cluster.record)
		if rec.Epoch != 4 || rec.Marker != (gtid.Entry{}) || rec.Start.String() != uuid1+":1-150" {
			t.Errorf("record is %s", rec)
		}
		if row := w.server.rows[len(w.server.rows)-1]; row.Epoch != 4 || row.Primary != "db2:bb" || row.Marker != (gtid.Entry{}) {
			t.Errorf("row is %+v", row)
		}
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Errorf("monitor afterwards: %v", err)
		}
		if p, _ := w.said(attrPosition); !p.WholeBinlog || p.Version != "9.7.4" || p.Position.String() != uuid1+":1-150,"+uuid2+":1" {
			t.Errorf("published %+v", p)
		}
	})
	story(t, "after fetching what only db3 has", func(t *testing.T, w *world) {
		w.mysql()
		mysqlElection(w, uuid1+":1-160")
		w.twice(Promote, Success)
		w.inOrder("server.follow db3", "server.drain", "record.write", "server.unprotect")
		if rec := record(t, w.cluster.record); rec.Start.String() != uuid1+":1-160" {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "the last primary alone, back with its own row", func(t *testing.T, w *world) {
		w.mysql()
		w.ledger.mem.Record = strings.Replace(mysqlEpoch3, "primary=db1:aa start="+uuid1+":1-100 durability=lossless waited=1 ackers=db2:bb", "primary=db2:bb start="+uuid1+":1-100 durability=lossless waited=1 ackers=db1:aa", 1)
		w.cluster.record = w.ledger.mem.Record
		w.server.rows[0].Primary, w.server.rows[0].Record = "db2:bb", w.ledger.mem.Record
		w.server.state.Source, w.server.state.Receiver, w.server.state.Applier = nil, replication.Thread{}, replication.Thread{}
		w.dies("db1")
		w.dies("db3")
		w.request.Note = Note{
			Present: true, Type: "pre", Operation: "promote", Promote: []string{"db2"}, Active: []string{"db2"}, Unpromoted: []string{"db2"},
		}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		w.clear()
		w.twice(Promote, Success)
		if rec := record(t, w.cluster.record); rec.Epoch != 4 || rec.Primary != db2 {
			t.Errorf("record is %s", rec)
		}
	})
	story(t, "the same without its row: nothing proves that its log is whole", func(t *testing.T, w *world) {
		w.mysql()
		w.cluster.record = strings.Replace(mysqlEpoch3, "primary=db1:aa start="+uuid1+":1-100 durability=lossless waited=1 ackers=db2:bb", "primary=db2:bb start="+uuid1+":1-100 durability=lossless waited=1 ackers=db1:aa", 1)
		w.ledger.mem.Record, w.server.rows = w.cluster.record, nil
		w.server.state.Source, w.server.state.Receiver, w.server.state.Applier = nil, replication.Thread{}, replication.Thread{}
		w.dies("db1")
		w.dies("db3")
		w.request.Note = Note{
			Present: true, Type: "pre", Operation: "promote", Promote: []string{"db2"}, Active: []string{"db2"}, Unpromoted: []string{"db2"},
		}
		if err := w.do(Notify); err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		if err := w.do(Promote); CodeOf(err) != ErrGeneric || !strings.Contains(ExitReason(err), "refused") {
			t.Errorf("%v after %s", err, time.Since(begun))
		}
		w.never("server.unprotect", "record.write")
	})
}

// The older of two that hold as much goes first, and nothing else changes.
func TestVersionIsAPreference(t *testing.T) {
	story(t, "older than the others", func(t *testing.T, w *world) {
		w.mysql()
		w.server.state.Version = "8.4.6"
		p := w.replica(db3, uuid1+":1-150")
		p.Record, p.Version = mysqlEpoch3, "9.7.4"
		w.says(attrPosition, p)
		w.twice(Monitor, Success)
		w.score(1)
	})
	story(t, "newer than the others", func(t *testing.T, w *world) {
		w.mysql()
		p := w.replica(db3, uuid1+":1-150")
		p.Record, p.Version = mysqlEpoch3, "8.4.6"
		w.says(attrPosition, p)
		w.twice(Monitor, Success)
		w.score(0)
	})
}
