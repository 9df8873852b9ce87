package ocf

import (
	"strings"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Somebody writes into a replica that goes on following.
func TestMySQLErrant(t *testing.T) {
	errant := func(t *testing.T, w *world) {
		w.mysql()
		w.server.state.Fetched = position(t, uuid1+":90-150")
		w.server.state.Executed = position(t, uuid1+":1-150,"+uuid2+":1")
		w.server.state.Received = w.server.state.Executed
	}
	story(t, "it is diverged", func(t *testing.T, w *world) {
		errant(t, w)
		w.twice(Monitor, Success)
		w.inOrder("peer.position db1", "peer.position db1", "server.freeze")
		w.never("server.follow db1")
		w.score(scoring.NegInf)
		if why := w.cluster.public["db-reason"]; !strings.HasPrefix(why, "diverged: "+uuid2+":1") {
			t.Errorf("the reason shown is %q", why)
		}
	})
	story(t, "the primary takes it over, as an empty transaction", func(t *testing.T, w *world) {
		errant(t, w)
		w.ledger.mem.Foreign, w.server.state.Receiver = uuid2+":1", replication.Thread{}
		w.peer("db1", uuid1+":1-150,"+uuid2+":1").writable = true
		w.twice(Monitor, Success)
		w.inOrder("peer.position db1", "server.follow db1", "score 0")
		if got := w.ledger.mem.Foreign; got != "" {
			t.Errorf("foreign is still %q", got)
		}
	})
	story(t, "the primary has it, and has not said so yet", func(t *testing.T, w *world) {
		errant(t, w)
		w.peer("db1", uuid1+":1-150,"+uuid2+":1").writable = true
		w.twice(Monitor, Success)
		w.never("server.freeze", "server.follow db1")
		w.score(0)
	})
	story(t, "the primary cannot be asked", func(t *testing.T, w *world) {
		errant(t, w)
		w.fails("dial db1", errInjected)
		w.twice(Monitor, Success)
		w.never("server.freeze")
		w.score(0)
	})
	// The primary's own list lacks what waits for an acknowledgement.
	story(t, "received, and acknowledged to nobody yet", func(t *testing.T, w *world) {
		w.mysql()
		w.server.state.Fetched = position(t, uuid1+":90-151")
		w.server.state.Executed = position(t, uuid1+":1-151")
		w.server.state.Received = w.server.state.Executed
		w.twice(Monitor, Success)
		w.never("dial db1", "server.freeze")
		w.score(0)
	})
}
