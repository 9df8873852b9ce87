// Package server_test drives package replication against real mysqld and mariadbd
// processes on the loopback. Each test starts its own and ends them.
package server_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-ha/mysql-ha/replication"
)

var (
	templates string // a folder for the flavours' data directories
	ids       atomic.Uint32
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mh")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	templates = dir
	return m.Run()
}

// nursery starts processes from one thread that lives as long as this process:
// the kernel ends them with the thread that started them.
var nursery = func() chan func() {
	c := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range c {
			f()
		}
	}()
	return c
}()

// node is a server with what the tests need around the one under test.
type node struct {
	*replication.Server // through the socket, as the account that Grants makes
	t                   *testing.T
	f                   *flavour
	id                  uint32
	dir                 string
	port                int
	args                []string
	db                  *sql.DB // for the test's own statements
	cmd                 *exec.Cmd
	over                chan struct{} // closed when the process is gone
}

// start brings up a server as the agent would: read-only, replication stopped.
func start(t *testing.T, f *flavour, args ...string) *node {
	t.Helper()
	dir, err := os.MkdirTemp("", "mh")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	n := &node{t: t, f: f, id: ids.Add(1), dir: dir, port: freePort(t), args: args}
	must(t, os.CopyFS(filepath.Join(dir, "data"), os.DirFS(f.template)))
	n.up(f.first...)
	t.Cleanup(n.kill)
	n.Server = n.open(n.agent())
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.InterpolateParams = "unix", n.socket(), f.admin, true
	config.Logger = &mysql.NopLogger{}
	n.db = connect(t, config)
	return n
}

func connect(t *testing.T, config *mysql.Config) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(config)
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func (n *node) socket() string  { return filepath.Join(n.dir, "s") }
func (n *node) datadir() string { return filepath.Join(n.dir, "data") }

// agent is how the agent reaches its own server.
func (n *node) agent() replication.Config {
	return replication.Config{Socket: n.socket(), User: agent.User, Password: agent.Password}
}

func (n *node) open(c replication.Config) *replication.Server {
	n.t.Helper()
	s, err := replication.Open(c)
	must(n.t, err)
	n.t.Cleanup(func() { s.Close() })
	return s
}

// up starts the process, again after kill, and waits for it.
func (n *node) up(args ...string) {
	n.t.Helper()
	n.cmd = exec.Command(n.f.binary, append(append(n.f.options(n), n.args...), args...)...)
	n.over = make(chan struct{})
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	nursery <- func() { started <- n.cmd.Start() }
	must(n.t, <-started)
	go func(cmd *exec.Cmd, over chan struct{}) { cmd.Wait(); close(over) }(n.cmd, n.over)

	s, err := replication.Open(replication.Config{Socket: n.socket(), User: n.f.admin})
	must(n.t, err)
	defer s.Close()
	n.wait("the server to answer", func() bool {
		select {
		case <-n.over:
			n.t.Fatalf("the server ended:\n%s", n.log())
		default:
		}
		return s.Ping(n.ctx()) == nil
	})
}

func (n *node) log() []byte {
	b, _ := os.ReadFile(filepath.Join(n.dir, "err.log"))
	if len(b) > 4000 {
		b = b[len(b)-4000:]
	}
	return b
}

// kill ends the process as power loss would end it for its clients.
func (n *node) kill() {
	n.cmd.Process.Signal(syscall.SIGCONT)
	n.cmd.Process.Kill()
	<-n.over
}

// halt freezes the process until the returned function is called.
func (n *node) halt() (resume func()) {
	n.cmd.Process.Signal(syscall.SIGSTOP)
	// A thread that runs on another processor stops a moment later.
	n.wait("every thread to stop", func() bool {
		stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", n.cmd.Process.Pid))
		return err == nil && len(stats) > 0 && !slices.ContainsFunc(stats, func(path string) bool {
			text, err := os.ReadFile(path)
			_, state, _ := strings.Cut(string(text), ") ")
			return err == nil && !strings.HasPrefix(state, "T")
		})
	})
	return func() { n.cmd.Process.Signal(syscall.SIGCONT) }
}

// ctx is bounded as an action's would be.
func (n *node) ctx() context.Context { return within(n.t, 30*time.Second) }

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func (n *node) exec(text string, args ...any) {
	n.t.Helper()
	if _, err := n.db.ExecContext(n.ctx(), text, args...); err != nil {
		n.t.Fatalf("%s: %v", text, err)
	}
}

func (n *node) read(question string, args ...any) string {
	n.t.Helper()
	var s sql.NullString
	if err := n.db.QueryRowContext(n.ctx(), question, args...).Scan(&s); err != nil {
		n.t.Fatalf("%s: %v", question, err)
	}
	return s.String
}

// background runs a statement that is expected to hang; its result is for
// whoever waits for it.
func (n *node) background(statements ...string) <-chan error {
	result := make(chan error, 1)
	conn, err := n.db.Conn(n.ctx())
	must(n.t, err)
	n.t.Cleanup(func() { conn.Close() })
	go func() {
		for _, s := range statements {
			if _, err := conn.ExecContext(context.Background(), s); err != nil {
				result <- err
				return
			}
		}
		result <- nil
	}()
	return result
}

func (n *node) state() replication.State {
	n.t.Helper()
	st, err := n.Observe(n.ctx())
	must(n.t, err)
	return st
}

func (n *node) wait(what string, done func() bool) {
	n.t.Helper()
	for end := time.Now().Add(time.Minute); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			n.t.Fatalf("server %d: waited in vain for %s\n%s", n.id, what, n.log())
		}
	}
}

const secret = "zq7-h0rst-repl'\\\""

// source is how a replica reaches the server with the account of name.
func (n *node) source(name string) replication.Source {
	return replication.Source{Host: "127.0.0.1", Port: n.port, User: name, Password: secret}
}

// pair is a writable source with a table d.t and accounts for two replicas, and
// a replica that follows it.
func pair(t *testing.T, f *flavour) (source, replica *node) {
	t.Helper()
	source, replica = start(t, f), start(t, f)
	for _, n := range []*node{source, replica} {
		must(t, n.Prepare(n.ctx(), accounts))
	}
	must(t, source.Unprotect(source.ctx()))
	source.exec("CREATE DATABASE d")
	source.exec("CREATE TABLE d.t (a INT PRIMARY KEY)")
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	replica.caughtUp(source)
	return source, replica
}

var accounts = []replication.Account{{User: "repl1", Password: secret}, {User: "repl2", Password: secret}}

func (n *node) caughtUp(source *node) {
	n.t.Helper()
	want := source.state().Executed
	n.wait("the replica to catch up", func() bool { return n.state().Executed.Contains(want) })
}

// armed makes the pair semi-synchronous.
func armed(t *testing.T, f *flavour) (source, replica *node) {
	t.Helper()
	source, replica = pair(t, f)
	must(t, replica.ArmReplica(replica.ctx(), true))
	must(t, source.ArmSource(source.ctx(), true))
	source.wait("a semi-synchronous replica", func() bool { return source.state().SemiSync.Clients == 1 })
	return source, replica
}

// freePort is below those that the kernel gives to outgoing connections: a server
// takes a moment before it binds.
func freePort(t *testing.T) int {
	t.Helper()
	for range 1000 {
		port := 10000 + rand.IntN(20000)
		if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return 0
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		must(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("a statement does not return")
	}
}

// twice does it again: every action is idempotent.
func twice(t *testing.T, f func() error) {
	t.Helper()
	for i := range 2 {
		if err := f(); err != nil {
			t.Fatalf("time %d: %v", i+1, err)
		}
	}
}

// leaks reports files below dir that hold the text.
func leaks(t *testing.T, dir, text string) []string {
	t.Helper()
	var found []string
	must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(text)) {
			found = append(found, strings.TrimPrefix(path, dir))
		}
		return err
	}))
	return found
}

// status is one column of SHOW REPLICA STATUS.
func (n *node) status(column string) string {
	n.t.Helper()
	rows, err := n.db.QueryContext(n.ctx(), "SHOW REPLICA STATUS")
	must(n.t, err)
	defer rows.Close()
	names, err := rows.Columns()
	must(n.t, err)
	for rows.Next() {
		values := make([]sql.NullString, len(names))
		into := make([]any, len(names))
		for i := range values {
			into[i] = &values[i]
		}
		must(n.t, rows.Scan(into...))
		for i, name := range names {
			if name == column {
				return values[i].String
			}
		}
	}
	must(n.t, rows.Err())
	n.t.Fatalf("no column %s", column)
	return ""
}

func removeAll(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		must(t, os.Remove(filepath.Join(dir, name)))
	}
}
