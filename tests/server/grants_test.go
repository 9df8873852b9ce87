package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// covered are privileges that another one of the list includes on this server.
var covered = map[string][]string{
	// Up to 10.11 SUPER includes what later servers ask for by name.
	"mariadb-10.11": {"REPLICATION SLAVE ADMIN", "REPLICATION MASTER ADMIN", "BINLOG ADMIN", "BINLOG REPLAY", "CONNECTION ADMIN"},
}

// Every privilege of Grants is needed: with all of them everything works, without
// any one something does not.
func TestGrants(t *testing.T) { each(t, testGrants) }

func testGrants(t *testing.T, f *flavour) {
	n := start(t, f, "--bind-address=0.0.0.0") // as a member's
	work := newWork(n)
	if failed := work.all(); len(failed) > 0 {
		t.Fatalf("with all privileges: %q", failed)
	}
	statements, err := replication.Grants(f.words, agent)
	must(t, err)
	for _, text := range statements {
		rest, ok := strings.CutPrefix(text, "GRANT ")
		if !ok {
			continue
		}
		privileges, rest, _ := strings.Cut(rest, " ON ")
		on, rest, _ := strings.Cut(rest, " TO ")
		all := strings.Split(privileges, ", ")
		if strings.Contains(rest, "WITH GRANT OPTION") {
			all = append(all, "GRANT OPTION")
		}
		for _, privilege := range all {
			work.quiet(fmt.Sprintf("REVOKE %s ON %s FROM 'mysql-ha'@'localhost'", privilege, on))
			failed := work.all()
			if (len(failed) == 0) != slices.Contains(covered[f.name], privilege) {
				t.Errorf("without %s on %s: %q", privilege, on, failed)
			}
			if len(failed) > 0 {
				t.Logf("without %s on %s: %s", privilege, on, failed[0])
			}
			work.quiet(strings.TrimSuffix(text, ";"))
		}
	}
	if failed := work.all(); len(failed) > 0 {
		t.Errorf("with all privileges again: %q", failed)
	}
}

// work is everything that an agent has its server do, on a server alone.
type work struct {
	*node
	epoch uint64
}

func newWork(n *node) *work {
	w := &work{node: n}
	w.quiet("CREATE DATABASE d", "CREATE TABLE d.t (a INT)", "CREATE USER app@localhost IDENTIFIED BY 'app'")
	return w
}

// quiet is said by the administrator, past what keeps it from writing.
func (w *work) quiet(statements ...string) {
	w.t.Helper()
	for _, s := range statements {
		w.errant(false, s)
	}
}

// all returns what does not work. It starts from nothing prepared.
func (w *work) all() (failed []string) {
	w.t.Helper()
	n := w.node
	w.epoch++
	w.quiet("DROP USER IF EXISTS repl1, repl2", "DROP DATABASE IF EXISTS mysql_ha",
		"SET GLOBAL sync_binlog = 0", "SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL sync_relay_log = 7",
		"SET GLOBAL init_connect = ''")
	if w.f.mysql() {
		for _, plugin := range []string{"rpl_semi_sync_source", "rpl_semi_sync_replica"} {
			if n.read("SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name = ?", plugin) == "1" {
				w.quiet("UNINSTALL PLUGIN " + plugin)
			}
		}
	} else {
		w.quiet("SET GLOBAL gtid_strict_mode = 0", "SET GLOBAL slave_net_timeout = 77", "SET GLOBAL rpl_semi_sync_slave_kill_conn_timeout = 7")
	}
	c := n.agent()
	c.Statement = 3 * time.Second
	s, err := replication.Open(c)
	must(n.t, err)
	defer s.Close()
	try := func(what string, f func(context.Context) error) {
		ctx, cancel := context.WithTimeout(n.t.Context(), 10*time.Second)
		defer cancel()
		if err := f(ctx); err != nil {
			failed = append(failed, fmt.Sprintf("%s: %v", what, err))
		}
	}
	arm := func(f func(context.Context, bool) error, on bool) func(context.Context) error {
		return func(ctx context.Context) error { return f(ctx, on) }
	}
	try("prepare", func(ctx context.Context) error { return s.Prepare(ctx, accounts) })
	try("observe", func(ctx context.Context) error { _, err := s.Observe(ctx); return err })
	try("suits", func(ctx context.Context) error { return s.Suits(ctx, n.layout()) })
	try("tables", func(ctx context.Context) error {
		tables, err := s.UserTables(ctx)
		if err == nil && !slices.Contains(tables, "d.t") {
			err = fmt.Errorf("d.t is not seen")
		}
		return err
	})
	try("epochs", func(ctx context.Context) error { _, err := s.Epochs(ctx); return err })
	nobody := replication.Source{Host: "127.0.0.1", Port: 1, User: "repl1", Password: secret}
	try("follow", func(ctx context.Context) error { return s.Follow(ctx, nobody) })
	try("acknowledge", arm(s.ArmReplica, true))
	try("acknowledge no more", arm(s.ArmReplica, false))
	try("freeze", s.Freeze)
	try("detach", s.Detach)
	try("lock", func(ctx context.Context) error { return s.Exclude(ctx, "repl2", true) })
	try("unlock", func(ctx context.Context) error { return s.Exclude(ctx, "repl2", false) })
	try("mark", func(ctx context.Context) error {
		_, err := s.Mark(ctx, replication.Epoch{Epoch: w.epoch, Primary: "db1", Record: "r"}, gtid.Set{})
		return err
	})
	try("open", s.Unprotect)
	try("arm", arm(s.ArmSource, true))
	try("disarm", arm(s.ArmSource, false))
	try("nudge", func(ctx context.Context) error {
		st, err := s.Observe(ctx)
		return errors.Join(err, s.Nudge(ctx, st.Executed))
	})
	try("touch", s.Touch)
	try("events", arm(s.SetEvents, true))
	try("no events", arm(s.SetEvents, false))
	try("events of others", func(ctx context.Context) error { _, err := s.Asleep(ctx); return err })
	try("refuse", s.Refuse)
	try("admit", s.Admit)
	app := w.client("app", "app")
	admin := w.client(w.f.admin, "")
	try("protect", s.Protect)
	try("evict", func(ctx context.Context) error {
		if err := s.Evict(ctx); err != nil {
			return err
		}
		for who, gone := range map[string]func() bool{"a client": app, "an administrator": admin} {
			if !gone() {
				return fmt.Errorf("%s is still there", who)
			}
		}
		return nil
	})
	try("dismiss", s.Dismiss)
	if w.f.mysql() {
		w.quiet("SET GLOBAL offline_mode = 0")
	}
	w.quiet("SET GLOBAL event_scheduler = OFF", "SET GLOBAL read_only = 1")
	if w.f.mysql() {
		w.quiet("SET GLOBAL super_read_only = 1")
	}
	return failed
}

// client logs in; the returned function reports whether its session was ended.
func (w *work) client(user, password string) (gone func() bool) {
	w.t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "unix", w.socket(), user, password
	config.Logger = &mysql.NopLogger{}
	db := connect(w.t, config)
	conn, err := db.Conn(w.ctx())
	must(w.t, err)
	w.t.Cleanup(func() { conn.Close() })
	must(w.t, conn.PingContext(w.ctx()))
	return func() bool { return conn.PingContext(w.ctx()) != nil }
}
