package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Everything an agent asks must answer while commits wait for an acknowledgement
// that does not come.
func TestCommitsWait(t *testing.T) { each(t, testCommitsWait) }

func testCommitsWait(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	source.exec("INSERT d.t VALUES (1)") // acknowledged
	must(t, replica.Freeze(replica.ctx()))
	stuck := source.background("INSERT d.t VALUES (2)")
	source.wait("a commit that waits", func() bool { return source.state().SemiSync.Waiting == 1 })
	queued := source.background("INSERT d.t VALUES (3)")
	ddl := source.background("CREATE TABLE d.u (a INT)")
	lazy := source.background("BEGIN", "INSERT d.t VALUES (4)")
	await(t, lazy)

	soon := func(what string, f func(ctx context.Context) error) {
		t.Helper()
		began := time.Now()
		for range 2 {
			if err := f(within(t, 3*time.Second)); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("%s took %v", what, took)
		}
	}
	soon("ping", source.Ping)
	soon("observe", func(ctx context.Context) error {
		st, err := source.Observe(ctx)
		if !st.SemiSync.SourceOn || st.SemiSync.Waiting != 1 || !st.Writable {
			t.Errorf("observed %+v", st)
		}
		return err
	})
	soon("position", func(ctx context.Context) error { _, _, err := source.Position(ctx); return err })
	soon("user tables", func(ctx context.Context) error { _, err := source.UserTables(ctx); return err })
	soon("epochs", func(ctx context.Context) error { _, err := source.Epochs(ctx); return err })
	soon("prepare", func(ctx context.Context) error { return source.Prepare(ctx, accounts) })
	soon("refuse", source.Refuse)
	soon("admit", source.Admit)
	soon("attached", func(ctx context.Context) error { _, err := source.Attached(ctx); return err })
	soon("exclude", func(ctx context.Context) error { return source.Exclude(ctx, "repl2", true) })
	soon("include", func(ctx context.Context) error { return source.Exclude(ctx, "repl2", false) })
	peer := source.open(replication.Config{Host: "127.0.0.1", Port: source.port, User: "repl1", Password: secret})
	soon("a peer's look", func(ctx context.Context) error {
		_, writable, err := peer.Position(ctx)
		if !writable {
			t.Error("a peer sees it not writable")
		}
		return err
	})
	soon("protect", func(ctx context.Context) error {
		if err := source.Protect(ctx); !errors.Is(err, replication.ErrBusy) {
			t.Errorf("protect: %v", err)
		}
		return nil
	})
	source.wait("the queue", func() bool {
		active, waiting, err := source.Busy(source.ctx())
		return err == nil && active == 4 && waiting == 3
	})
	// Evicting must not let anything commit.
	soon("evict", func(ctx context.Context) error {
		if err := source.Evict(ctx); !errors.Is(err, replication.ErrBusy) {
			t.Errorf("evict: %v", err)
		}
		return nil
	})
	if active, waiting, err := source.Busy(source.ctx()); err != nil || active != 3 || waiting != 3 {
		t.Errorf("after evict: %d active, %d waiting, %v", active, waiting, err)
	}
	select {
	case err := <-stuck:
		t.Fatalf("a commit returned without acknowledgement: %v", err)
	case err := <-queued:
		t.Fatalf("a queued commit returned without acknowledgement: %v", err)
	default:
	}
	// The acknowledgement comes: all of them are answered.
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	for _, c := range []<-chan error{stuck, queued, ddl} {
		await(t, c)
	}
	twice(t, func() error { return source.Protect(source.ctx()) })
}

// An administrator writes although the server is read-only: "read_only is on"
// alone does not prove that nobody waits.
func TestProtectWithPrivilegedWriter(t *testing.T) { each(t, testProtectWithPrivilegedWriter) }

func testProtectWithPrivilegedWriter(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	must(t, source.Protect(source.ctx()))
	must(t, replica.Freeze(replica.ctx()))
	if f.mysql() { // where somebody has to have made that possible
		source.exec("SET GLOBAL super_read_only = 0")
	}
	stuck := source.background("INSERT d.t VALUES (1)")
	source.wait("a commit that waits", func() bool { return source.state().SemiSync.Waiting == 1 })
	if err := source.Protect(source.ctx()); !errors.Is(err, replication.ErrBusy) {
		t.Errorf("protect: %v", err)
	}
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	await(t, stuck)
}

func TestProtect(t *testing.T) { each(t, testProtect) }

func testProtect(t *testing.T, f *flavour) {
	n := start(t, f)
	twice(t, func() error { return n.Unprotect(n.ctx()) })
	n.exec("CREATE DATABASE d")
	n.exec("CREATE TABLE d.t (a INT PRIMARY KEY)")
	await(t, n.background("LOCK TABLES d.t WRITE"))
	for range 2 {
		began := time.Now()
		if err := n.Protect(n.ctx()); !errors.Is(err, replication.ErrBusy) {
			t.Fatalf("protect with a locked table: %v", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("protect took %v", took)
		}
	}
	if !n.state().Writable {
		t.Error("not writable after a failed protect")
	}
	twice(t, func() error { return n.Evict(n.ctx()) })
	twice(t, func() error { return n.Protect(n.ctx()) })
	if n.state().Writable {
		t.Error("writable after protect")
	}
	twice(t, func() error { return n.Unprotect(n.ctx()) })
}

func TestRefuseAndAdmit(t *testing.T) { each(t, testRefuseAndAdmit) }

func testRefuseAndAdmit(t *testing.T, f *flavour) {
	source, replica := armed(t, f)
	source.exec("CREATE USER app@'%' IDENTIFIED BY 'app'")
	source.exec("GRANT SELECT, INSERT ON *.* TO app@'%'") // sees everybody's privileges
	const before = "SET @a = 'it''s'"
	source.exec("SET GLOBAL init_connect = ?", before)
	open := func(user, password string) error {
		s := source.open(replication.Config{Host: "127.0.0.1", Port: source.port, User: user, Password: password})
		_, _, err := s.Position(source.ctx())
		return err
	}
	must(t, open("app", "app"))
	twice(t, func() error { return source.Refuse(source.ctx()) })
	if err := open("app", "app"); !errors.Is(err, replication.ErrTooManyConnections) && !errors.Is(err, replication.ErrUnreachable) {
		t.Errorf("a client connects: %v", err)
	}
	must(t, open("repl2", secret))
	must(t, source.Ping(source.ctx()))
	// The replica still acknowledges, also after a reconnect.
	source.exec("INSERT d.t VALUES (1)")
	replica.threads("STOP", "IO_THREAD")
	replica.threads("START", "IO_THREAD")
	source.exec("INSERT d.t VALUES (2)")
	// Another process admits.
	other := source.open(source.agent())
	twice(t, func() error { return other.Admit(source.ctx()) })
	must(t, open("app", "app"))
	if got := source.read("SELECT @@global.init_connect"); got != before {
		t.Errorf("init_connect is %q, was %q", got, before)
	}
}

func TestTooManyConnections(t *testing.T) { each(t, testTooManyConnections) }

func testTooManyConnections(t *testing.T, f *flavour) {
	n := start(t, f, "--max-connections=10")
	must(t, n.Prepare(n.ctx(), accounts))
	for range 10 {
		conn, err := n.db.Conn(n.ctx())
		if err != nil {
			break
		}
		defer conn.Close()
		must(t, conn.PingContext(n.ctx()))
	}
	peer := n.open(replication.Config{Host: "127.0.0.1", Port: n.port, User: "repl1", Password: secret})
	twice(t, func() error {
		if err := peer.Ping(n.ctx()); !errors.Is(err, replication.ErrTooManyConnections) {
			t.Errorf("ping: %v", err)
		}
		return nil
	})
	// The administrator's own slot.
	must(t, n.Ping(n.ctx()))
	must(t, n.Evict(n.ctx()))
	must(t, peer.Ping(n.ctx()))
}

func TestUnreachable(t *testing.T) { each(t, testUnreachable) }

func testUnreachable(t *testing.T, f *flavour) {
	n := start(t, f)
	impatient := n.open(replication.Config{Socket: n.socket(), User: agent.User, Password: agent.Password, Statement: 300 * time.Millisecond})
	must(t, impatient.Ping(n.ctx()))
	resume := n.halt()
	for range 2 {
		began := time.Now()
		if _, err := impatient.Observe(n.ctx()); !errors.Is(err, replication.ErrUnreachable) {
			t.Errorf("observe a halted server: %v", err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("observe took %v", took)
		}
	}
	resume()
	n.wait("the server to go on", func() bool { return impatient.Ping(n.ctx()) == nil })
	n.kill()
	for range 2 {
		if err := n.Ping(n.ctx()); !errors.Is(err, replication.ErrUnreachable) {
			t.Errorf("ping a dead server: %v", err)
		}
		if _, _, err := n.Position(n.ctx()); !errors.Is(err, replication.ErrUnreachable) {
			t.Errorf("position of a dead server: %v", err)
		}
	}
}

func TestMark(t *testing.T) { each(t, testMark) }

func testMark(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	must(t, source.Protect(source.ctx()))
	before := source.state().Executed
	seen := gtid.FromEntries([]gtid.Entry{{Domain: 0, Server: 77, Seq: 5000}, {Domain: 3, Server: 9, Seq: 9000}})
	want := gtid.Entry{Domain: 0, Server: source.id, Seq: 5001}
	if f.mysql() { // its marker has no number
		seen, want = before, gtid.Entry{}
	}
	e := replication.Epoch{Epoch: 4, Primary: "db1:abc", Record: "epoch=4 primary=db1:abc"}
	var first replication.Epoch
	for i := range 2 {
		got, err := source.Mark(source.ctx(), e, seen)
		must(t, err)
		if got.Marker != want || !got.Start.Equal(before) {
			t.Errorf("marked %+v, want marker %v", got, want)
		}
		if i == 0 {
			first = got
		}
	}
	replica.caughtUp(source)
	for _, n := range []*node{source, replica} {
		var epochs []replication.Epoch
		// MariaDB says executed a moment before others see it.
		n.wait("the row", func() bool {
			var err error
			epochs, err = n.Epochs(n.ctx())
			must(t, err)
			return len(epochs) > 0
		})
		if len(epochs) != 1 || epochs[0].Marker != first.Marker || epochs[0].Record != e.Record ||
			epochs[0].Primary != e.Primary || !epochs[0].Start.Equal(before) {
			t.Errorf("epochs %+v", epochs)
		}
	}
	other := e
	other.Record = "epoch=4 primary=db2"
	if _, err := source.Mark(source.ctx(), other, seen); err == nil {
		t.Error("another record for the same epoch was accepted")
	}
	other.Epoch = 3
	if _, err := source.Mark(source.ctx(), other, seen); err == nil {
		t.Error("an earlier epoch was accepted")
	}
	e.Epoch, e.Start = 5, before // the marker of 4 is not in it
	if _, err := source.Mark(source.ctx(), e, seen); err == nil {
		t.Error("a start that lacks what is executed was accepted")
	}
	e.Epoch, e.Start = 6, gtid.Set{}
	got, err := source.Mark(source.ctx(), e, seen)
	must(t, err)
	if !f.mysql() && got.Marker.Seq != 5002 {
		t.Errorf("marked %+v", got)
	}
	if source.state().Writable {
		t.Error("the mark opened the server")
	}
	if f.mysql() && source.read("SELECT @@global.super_read_only") != "1" {
		t.Error("the mark left super_read_only off")
	}
}
