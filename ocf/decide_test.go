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

var (
	db1 = scoring.NodeID{Name: "db1", Data: "aa"}
	db2 = scoring.NodeID{Name: "db2", Data: "bb"}
	db3 = scoring.NodeID{Name: "db3", Data: "cc"}
)

// UUIDs of MySQL servers.
const (
	uuid1 = "11111111-71ca-11e1-9e33-c80aa9429562"
	uuid2 = "22222222-71ca-11e1-9e33-c80aa9429562"
	uuid3 = "33333333-71ca-11e1-9e33-c80aa9429562"
)

func record(t testing.TB, text string) *scoring.Record {
	t.Helper()
	if text == "" {
		return nil
	}
	r, err := scoring.ParseRecord(text)
	if err != nil {
		t.Fatal(err)
	}
	return &r
}

// epoch3 is the record most tests start from: db1 is primary, the others acknowledge.
const epoch3 = "epoch=3 rev=1 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db2:bb,db3:cc marker=0-1-101"

func TestTailChoice(t *testing.T) {
	const of1, of1again, of2 = epoch3,
		"epoch=4 rev=1 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db2:bb",
		"epoch=4 rev=1 primary=db2:bb start=0-1-100 durability=lossless waited=1 ackers=db3:cc"
	for _, c := range []struct {
		name           string
		self           scoring.NodeID
		ledger, newest string
		want           tail
	}{
		{"a later epoch has another primary", db1, of1, of2, dropTail},
		{"nothing is known of a later epoch", db1, of1, of1, keepTail},
		{"primary again", db1, of1, of1again, keepTail},
		{"no record", db1, of1, "", keepTail},
		{"no ledger: who knows what it acknowledged", db1, "", of2, keepTail},
		{"unreadable ledger", db1, "epoch=x", of2, keepTail},
		{"was a replica", db3, of1, of2, keepTail},
		{"the same after a start that was interrupted", scoring.NodeID{Name: "db1", Data: "new"}, of1, of2, dropTail},
		{"primary again, with new data", scoring.NodeID{Name: "db1", Data: "new"}, of1, of1again, keepTail},
		{"knew of the change while it ran", db1, of2, of2, keepTail},
		{"a grant is no primary yet", db1, of1, of2 + " grant=accept-loss", keepTail},
		{"the record went back in time", db1, of1, "epoch=2 rev=9 primary=db2:bb start= durability=lossless waited=1 ackers=", keepTail},
	} {
		if got := tailChoice(c.self, c.ledger, record(t, c.newest)); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func TestRoleOf(t *testing.T) {
	for _, c := range []struct {
		name     string
		writable bool
		record   string
		role     scoring.Role
		deposed  bool
	}{
		{"primary of the record", true, epoch3, scoring.RolePrimary, false},
		{"read-only, whatever the record says", false, epoch3, scoring.RoleReplica, false},
		{"read-only without a record", false, "", scoring.RoleReplica, false},
		{"writable without a record", true, "", scoring.RoleReplica, true},
		{"writable, record names another", true, "epoch=4 rev=1 primary=db2:bb start= durability=lossless waited=1 ackers=", scoring.RoleReplica, true},
		{"writable, record names other data", true, "epoch=4 rev=1 primary=db1:new start= durability=lossless waited=1 ackers=", scoring.RoleReplica, true},
		{"writable, only granted", true, epoch3 + " grant=bootstrap", scoring.RoleReplica, true},
	} {
		role, deposed := roleOf(db1, replication.State{Writable: c.writable}, record(t, c.record))
		if role != c.role || deposed != c.deposed {
			t.Errorf("%s: %s deposed=%t", c.name, role, deposed)
		}
	}
}

func TestMayAcknowledge(t *testing.T) {
	rev2 := "epoch=3 rev=2 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db2:bb,db3:cc"
	rev1 := "epoch=3 rev=1 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db3:cc"
	without := "epoch=3 rev=3 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db3:cc"
	sole := "epoch=3 rev=2 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db2:bb"
	says := func(node scoring.NodeID, rec string) map[string]Publication {
		return map[string]Publication{node.Name: {Candidate: scoring.Candidate{Node: node}, Record: rec}}
	}
	for _, c := range []struct {
		name        string
		cib, newest string
		pubs        map[string]Publication
		armed, want bool
	}{
		{"no record", "", "", nil, false, false},
		{"the cib has none", "", rev2, says(db3, rev2), false, false},
		{"the cib has lost it, but it acknowledges already", "", rev2, says(db3, rev2), true, true},
		{"the cib is behind and does not name it", rev1, rev2, says(db3, rev2), false, false},
		{"an older epoch in the cib", "epoch=2 rev=9 primary=db1:aa start= durability=lossless waited=1 ackers=db2:bb", rev2, says(db3, rev2), false, false},
		{"not on the newest record", without, without, says(db3, without), true, false},
		{"first revision: everybody froze for it", epoch3, epoch3, nil, false, true},
		{"the only acker, and the primary knows", sole, sole, says(db1, sole), false, true},
		{"another acker knows the revision: two of three ledgers", rev2, rev2, says(db3, rev2), false, true},
		{"another acker knows an older one", rev2, rev2, says(db3, rev1), false, false},
		{"nobody is heard", rev2, rev2, nil, false, false},
		{"only itself knows", rev2, rev2, says(db2, rev2), false, false},
		{"the primary knows: two of three ledgers", rev2, rev2, says(db1, rev2), false, true},
		{"the acker's word is not readable", rev2, rev2, says(db3, "garbage"), false, false},
		{"what it said before it was seeded anew is no second ledger", rev2, rev2, says(scoring.NodeID{Name: "db2", Data: "old"}, rev2), false, false},
		{"armed already stays so", rev2, rev2, nil, true, true},
	} {
		k := known{cib: record(t, c.cib), newest: record(t, c.newest)}
		if got := mayAcknowledge(db2, k, c.pubs, c.armed, 3); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
	k := known{cib: record(t, rev2), newest: record(t, rev2)}
	if mayAcknowledge(db2, k, says(db3, rev2), false, 5) {
		t.Error("two of five ledgers were enough, since one of them is another acker's")
	}
}

func TestRefusalHolds(t *testing.T) {
	later := "epoch=4 rev=1 primary=db3:cc start=0-1-100 durability=lossless waited=1 ackers="
	for _, c := range []struct {
		name             string
		lacked, executed string
		then, now        string
		want             bool
	}{
		{"still lacks it", "0-1-150", "0-1-149", epoch3, epoch3, true},
		{"holds it now", "0-1-150", "0-1-150", epoch3, epoch3, false},
		{"the record moved", "0-1-150", "0-1-149", epoch3, later, false},
		{"a record came", "0-1-150", "0-1-149", "", epoch3, false},
		{"no record, as before", "0-1-150", "", "", "", true},
		{"not readable is not gone", "garbage", "0-1-150", epoch3, epoch3, true},
	} {
		s := &sight{state: replication.State{Executed: position(t, c.executed)}, record: known{newest: record(t, c.now)}}
		then := ""
		if r := record(t, c.then); r != nil {
			then = r.String()
		}
		if got := refusalHolds(Refusal{Record: then, Lacked: c.lacked}, s, time.Now()); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

func TestWhole(t *testing.T) {
	for _, c := range []struct {
		name     string
		self     scoring.NodeID
		record   string
		executed string
		sync     int
		opened   uint64
		want     bool
	}{
		{"has its marker, synced", db1, epoch3, "0-1-150", 1, 3, true},
		{"not synced: a power loss could have shortened it", db1, epoch3, "0-1-150", 0, 3, false},
		{"lost its marker", db1, epoch3, "0-1-100", 1, 3, false},
		{"not the primary", db2, epoch3, "0-1-150", 1, 2, false},
		{"no record", db1, "", "0-1-150", 1, 0, false},
		{"marker is not known", db1, "epoch=3 rev=1 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=", "0-1-150", 1, 3, false},
		{"on record, never opened: nothing was written in it", db1, epoch3, "0-1-100", 1, 2, true},
		{"never opened, not synced", db1, epoch3, "0-1-100", 0, 2, false},
		{"never opened, and yet it holds more", db1, epoch3, "0-1-100,0-2-101", 1, 2, false},
		{"never opened, and it holds less", db1, epoch3, "0-1-99", 1, 2, false},
		{"never opened, by other data", scoring.NodeID{Name: "db1", Data: "new"}, epoch3, "0-1-100", 1, 2, false},
		{"somebody else never opened it", db2, epoch3, "0-1-100", 1, 2, false},
		{"only granted", db1, epoch3 + " grant=accept-loss", "0-1-100", 1, 2, false},
	} {
		st := replication.State{Executed: position(t, c.executed), Durable: replication.Durable{SyncBinlog: c.sync}}
		if got := whole(record(t, c.record), c.self, st, nil, c.opened); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// With MySQL the epoch's row stands for its marker.
func TestWholeOfMySQL(t *testing.T) {
	const (
		epoch3   = "epoch=3 rev=1 primary=db1:aa start=" + uuid1 + ":1-100 durability=lossless waited=1 ackers=db2:bb"
		restored = "epoch=4 rev=1 primary=db1:aa start=" + uuid1 + ":1-140 durability=lossless waited=1 ackers=db2:bb"
	)
	mine := []replication.Epoch{{Epoch: 2, Primary: "db2:bb"}, {Epoch: 3, Primary: "db1:aa"}}
	for _, c := range []struct {
		name     string
		self     scoring.NodeID
		record   string
		executed string
		sync     int
		rows     []replication.Epoch
		opened   uint64
		want     bool
	}{
		{"has its row, synced", db1, epoch3, uuid1 + ":1-150", 1, mine, 3, true},
		{"not synced", db1, epoch3, uuid1 + ":1-150", 0, mine, 3, false},
		{"lacks its row: it was never opened, or lost it", db1, epoch3, uuid1 + ":1-150", 1, mine[:1], 3, false},
		{"has no row at all", db1, epoch3, uuid1 + ":1-150", 1, nil, 3, false},
		{"has its row and not what the epoch began with", db1, epoch3, uuid1 + ":1-99", 1, mine, 3, false},
		{"has the row of other data", scoring.NodeID{Name: "db1", Data: "new"}, strings.Replace(epoch3, "db1:aa", "db1:new", 1), uuid1 + ":1-150", 1, mine, 3, false},
		{"somebody was primary after it", db1, epoch3, uuid1 + ":1-150", 1, append(slices.Clone(mine), replication.Epoch{Epoch: 4, Primary: "db2:bb"}), 3, false},
		{"an epoch that it continued has no row", db1, restored, uuid1 + ":1-150", 1, mine, 3, true},
		{"a row of an epoch that the record does not know", db1, strings.Replace(epoch3, "epoch=3", "epoch=2", 1), uuid1 + ":1-150", 1, mine, 3, false},
		{"not the primary", db2, epoch3, uuid1 + ":1-150", 1, mine, 3, false},
		{"only granted", db1, epoch3 + " grant=accept-loss", uuid1 + ":1-150", 1, mine, 3, false},
		{"never opened: nothing was written in it", db1, epoch3, uuid1 + ":1-100", 1, mine[:1], 2, true},
		{"never opened, not synced", db1, epoch3, uuid1 + ":1-100", 0, mine[:1], 2, false},
		{"opened, and it lacks all of it", db1, epoch3, uuid1 + ":1-100", 1, mine[:1], 3, false},
		{"never opened, and yet it holds more", db1, epoch3, uuid1 + ":1-101", 1, mine[:1], 2, false},
		{"never opened, and somebody was primary after it", db1, epoch3, uuid1 + ":1-100", 1, append(slices.Clone(mine[:1]), replication.Epoch{Epoch: 4, Primary: "db2:bb"}), 2, false},
		{"no record", db1, "", uuid1 + ":1-150", 1, mine, 3, false},
	} {
		st := replication.State{Flavour: gtid.MySQL, Executed: position(t, c.executed), Durable: replication.Durable{SyncBinlog: c.sync}}
		if got := whole(record(t, c.record), c.self, st, c.rows, c.opened); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}

// No GTID is issued twice: the marker is above everything seen, and everything
// that was ever discarded here.
func TestMarker(t *testing.T) {
	for _, c := range []struct {
		name, discarded, target, executed string
		want                              gtid.Entry
		seen                              string
	}{
		{"above what is held", "", "0-1-150", "0-1-150", gtid.Entry{Server: 2, Seq: 151}, "0-1-150"},
		{"above what was discarded", "0-2-200", "0-1-150", "0-1-150", gtid.Entry{Server: 2, Seq: 201}, "0-1-150,0-2-200"},
		{"above what came beside it", "", "0-1-150", "0-1-150,0-3-170", gtid.Entry{Server: 2, Seq: 171}, "0-1-150,0-3-170"},
		{"other domains do not count", "", "0-1-150,7-1-900", "", gtid.Entry{Server: 2, Seq: 151}, "0-1-150,7-1-900"},
		{"the very first", "", "", "", gtid.Entry{Server: 2, Seq: 1}, ""},
	} {
		st := replication.State{Flavour: gtid.MariaDB, ServerID: 2, Executed: position(t, c.executed)}
		m, seen, err := marker(st, Memory{Discarded: c.discarded}, position(t, c.target))
		if err != nil || m != c.want || !seen.Equal(position(t, c.seen)) {
			t.Errorf("%s: %v above %v, %v", c.name, m, seen, err)
		}
	}
	if _, _, err := marker(replication.State{}, Memory{Discarded: "garbage"}, gtid.Set{}); err == nil {
		t.Error("a ledger that is not readable was taken for empty")
	}
	st := replication.State{Flavour: gtid.MySQL, ServerID: 2, Executed: position(t, uuid1+":1-150")}
	if m, seen, err := marker(st, Memory{}, st.Executed); m != (gtid.Entry{}) || !seen.Empty() || err != nil {
		t.Errorf("MySQL names its transactions by itself: %v above %v, %v", m, seen, err)
	}
}

func TestLagBucket(t *testing.T) {
	if got := lagBucket(nil); got != "unknown" {
		t.Error(got)
	}
	for lag, want := range map[time.Duration]string{
		0: "none", 4999 * time.Millisecond: "none", 5 * time.Second: "seconds", 59 * time.Second: "seconds",
		time.Minute: "minutes", time.Hour - 1: "minutes", time.Hour: "hours",
	} {
		if got := lagBucket(&lag); got != want {
			t.Errorf("%s: %s, want %s", lag, got, want)
		}
	}
}

// A server skips what carries its own number: it belongs to the data, not the node.
func TestServerID(t *testing.T) {
	seen := map[uint32]scoring.NodeID{}
	for _, id := range []scoring.NodeID{db1, db2, db3, {Name: "db1", Data: "new"}, {Name: "db", Data: "1"}} {
		n := serverID(id)
		if other, ok := seen[n]; n == 0 || ok {
			t.Errorf("%s and %s are both %d", id, other, n)
		}
		seen[n] = id
	}
	if serverID(db1) != serverID(scoring.NodeID{Name: "db1", Data: "aa"}) {
		t.Error("it changes from start to start")
	}
}
