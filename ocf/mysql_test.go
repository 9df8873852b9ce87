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
}

// A former primary comes back while db3 is primary of a later epoch.
func TestMySQLTail(t *testing.T) {
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
	story(t, "a former primary whose tail was acknowledged", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-7")
		w.twice(Start, Success)
		w.inOrder("tails.beyond", "unit.start", "peer.position db3", "server.follow db3")
		w.never("tails.cut", "datadir.renew")
		w.score(0)
	})
	// diverged: it stays up, read-only, and follows nobody; monitors go on saying so.
	diverged := func(t *testing.T, w *world) {
		t.Helper()
		w.twice(Start, Success)
		w.never("tails.cut", "datadir.renew", "server.follow db3", "server.unprotect")
		w.twice(Monitor, Success)
		w.never("server.follow db3")
		w.score(scoring.NegInf)
		if got := w.ledger.mem.Foreign; got != uuid2+":8-9" {
			t.Errorf("foreign is %q", got)
		}
		if why := w.cluster.public["db-reason"]; !strings.HasPrefix(why, "diverged: "+uuid2+":8-9") {
			t.Errorf("the reason shown is %q", why)
		}
		if !w.unit.process.Running || w.server.state.Writable || w.server.state.Source != nil {
			t.Errorf("state is %+v", w.server.state)
		}
	}
	tail := Beyond{Position: uuid2 + ":8-9", Count: 2, File: "/var/lib/mysql/binlog.000004", Offset: 4711}
	story(t, "a tail that cannot be cut off", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-9")
		w.tails.beyond = func(string) Beyond { b := tail; b.Stuck = "it is committed"; return b }
		diverged(t, w)
	})
	story(t, "a tail that cannot be read", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-9")
		w.fails("tails.beyond", errInjected)
		diverged(t, w)
	})
	// elsewhere: db1, which does not acknowledge, has received the tail, too.
	elsewhere := func(w *world) {
		p := w.replica(scoring.NodeID{Name: "db1", Data: "new"}, uuid1+":1-150,"+uuid2+":1-9")
		p.Record = epoch4
		w.cluster.members[0].Online = true
		w.says(attrPosition, p)
	}
	story(t, "a tail that somebody else has, and no primary is there", func(t *testing.T, w *world) {
		former(t, w, uuid1+":1-150,"+uuid2+":1-9")
		elsewhere(w)
		p, _ := DecodePublication(w.cluster.private["db-position"]["db3"])
		p.Role = scoring.RoleRecovering
		w.says(attrPosition, p)
		w.tails.beyond = func(have string) Beyond {
			if have != uuid1+":1-150,"+uuid2+":1-9,"+uuid3+":1" {
				t.Errorf("what others have is %s", have)
			}
			return Beyond{}
		}
		diverged(t, w)
	})
	cut := func(t *testing.T, w *world, rolledBack int) {
		t.Helper()
		former(t, w, uuid1+":1-150,"+uuid2+":1-7")
		w.datadir.binlogs, w.tails.rolledBack = uuid1+":1-150,"+uuid2+":1-9", rolledBack
		w.tails.beyond = func(have string) Beyond {
			if len(w.tails.cuts) > 0 {
				return Beyond{}
			}
			if have != uuid1+":1-150,"+uuid2+":1-7,"+uuid3+":1" {
				t.Errorf("what others have is %s", have)
			}
			return tail
		}
	}
	story(t, "a tail that nobody has is cut off, and rolled back", func(t *testing.T, w *world) {
		cut(t, w, 2)
		w.twice(Start, Success)
		w.inOrder("tails.beyond", "datadir.save", "ledger.save", "datadir.renew", "ledger.save", "tails.cut", "unit.start",
			"tails.rolled-back", "peer.position db3", "server.follow db3", "score 0")
		if args := w.unit.commands[0].Args; !slices.Contains(args, "--log-error-verbosity=3") || !slices.Contains(args, "--log-error-suppression-list=") {
			t.Errorf("what the start finds would not be told: %q", args)
		}
		if w.ledger.mem.Cut != nil || w.ledger.mem.Discarded == "" {
			t.Errorf("ledger is %+v", w.ledger.mem)
		}
	})
	story(t, "one that another node has, but not the primary", func(t *testing.T, w *world) {
		cut(t, w, 2)
		elsewhere(w)
		w.twice(Start, Success)
		w.inOrder("datadir.save", "datadir.renew", "tails.cut", "tails.rolled-back", "server.follow db3", "score 0")
	})
	story(t, "one that was killed before it wrote its binary log is rolled back, too", func(t *testing.T, w *world) {
		cut(t, w, 3)
		w.twice(Start, Success)
		w.inOrder("tails.rolled-back", "server.follow db3", "score 0")
		if w.ledger.mem.Cut != nil {
			t.Errorf("ledger is %+v", w.ledger.mem)
		}
	})
	for name, change := range map[string]func(w *world){
		"rolled back less":         func(w *world) { w.tails.rolledBack = 1 },
		"says nothing":             func(w *world) { w.tails.rolledBack = 0 },
		"had committed some of it": func(w *world) { w.server.state.Executed = position(w.t, uuid1+":1-150,"+uuid2+":1-8") },
	} {
		story(t, "a server that "+name+" is not trusted", func(t *testing.T, w *world) {
			cut(t, w, 2)
			change(w)
			w.twice(Start, Success)
			w.twice(Monitor, Success)
			w.never("server.follow db3", "peer.position db3")
			w.score(scoring.NegInf)
			if why := w.cluster.public["db-reason"]; !strings.HasPrefix(why, "quarantined: ") || !strings.HasSuffix(why, "seed it anew") {
				t.Errorf("the reason shown is %q", why)
			}
			// Seeded anew it is as good as any.
			w.datadir.id = "fresh"
			w.server.state.Executed = position(t, uuid1+":1-150,"+uuid2+":1-7")
			if err := w.do(Monitor); err != nil {
				t.Fatal(err)
			}
			if w.ledger.mem.Cut != nil {
				t.Errorf("ledger is %+v", w.ledger.mem)
			}
		})
	}
	story(t, "a recovery that takes its time is judged when it is over", func(t *testing.T, w *world) {
		cut(t, w, 2)
		w.unit.slow = 10 * time.Second
		if err := w.do(Start); err != nil {
			t.Fatal(err)
		}
		w.never("tails.rolled-back")
		if w.ledger.mem.Cut == nil {
			t.Error("the cut is forgotten")
		}
		time.Sleep(10 * time.Second)
		w.twice(Monitor, Success)
		w.inOrder("tails.rolled-back", "server.follow db3")
	})
	story(t, "the error log cannot be read: not judged, not trusted", func(t *testing.T, w *world) {
		cut(t, w, 2)
		w.fails("tails.rolled-back", errInjected)
		_ = w.do(Start)
		w.score(scoring.NegInf)
		w.never("server.follow db3")
		delete(w.on, "tails.rolled-back")
		w.twice(Monitor, Success)
		w.inOrder("server.follow db3")
	})
	for _, step := range []string{"datadir.save", "datadir.renew", "tails.cut", "unit.start"} {
		story(t, "interrupted at "+step, func(t *testing.T, w *world) {
			cut(t, w, 2)
			w.fails(step, errInjected)
			if err := w.do(Start); CodeOf(err) != ErrGeneric {
				t.Fatalf("%v", err)
			}
			delete(w.on, step)
			w.twice(Start, Success)
			w.inOrder("unit.start", "tails.rolled-back", "server.follow db3")
			if len(w.tails.cuts) != 1 || w.ledger.mem.Cut != nil {
				t.Errorf("%d cuts, ledger is %+v", len(w.tails.cuts), w.ledger.mem)
			}
		})
	}
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
		w.inOrder("record.write", "record.readback", "server.arm-source false", "server.arm-source true", "server.mark", "server.unprotect", "score 1000")
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
