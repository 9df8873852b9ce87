package server_test

import (
	"testing"
	"time"
)

// The test write comes back while commits wait for an acknowledgement, is in nobody
// else's log, and does not come back from a server that stands still.
func TestTouch(t *testing.T) { each(t, testTouch) }

func testTouch(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	before := source.state().Executed
	twice(t, func() error { return source.Touch(source.ctx()) })
	if now := source.state().Executed; !now.Equal(before) {
		t.Errorf("it is in the binary log: %v", now.Subtract(before))
	}

	resume := replica.halt()
	hung := source.background("INSERT INTO d.t VALUES (1)")
	queued := source.background("INSERT INTO d.t VALUES (2)")
	ddl := source.background("CREATE TABLE d.u (a INT)")
	source.wait("commits to wait", func() bool { return source.state().SemiSync.Waiting > 0 })
	begin := time.Now()
	twice(t, func() error { return source.Touch(source.ctx()) })
	t.Log("took", time.Since(begin))
	timeout := "rpl_semi_sync_master_timeout"
	if f.mysql() {
		timeout = "rpl_semi_sync_source_timeout"
	}
	source.exec("SET GLOBAL " + timeout + " = 1") // what waits may go
	resume()
	for _, result := range []<-chan error{hung, queued, ddl} {
		await(t, result)
	}
	if got := source.read("SELECT COUNT(*) FROM mysql_ha.touch"); got != "1" {
		t.Errorf("%s rows", got)
	}
	replica.caughtUp(source)
	if got := replica.read("SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'touch'"); got != "0" {
		t.Error("it is replicated")
	}

	resume = source.halt()
	begin = time.Now()
	if err := source.Touch(source.ctx()); err == nil || time.Since(begin) > 10*time.Second {
		t.Errorf("frozen: %v after %s", err, time.Since(begin))
	}
	resume()
}

func TestSetEvents(t *testing.T) { each(t, testSetEvents) }

func testSetEvents(t *testing.T, f *flavour) {
	n := start(t, f)
	for _, on := range []bool{true, false} {
		twice(t, func() error { return n.SetEvents(n.ctx(), on) })
		if n.state().Events != on {
			t.Errorf("events: %t", !on)
		}
	}
}
