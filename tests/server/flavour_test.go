package server_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// flavour is a server that the tests run against.
type flavour struct {
	name    string
	words   gtid.Flavour
	binary  string // mysqld or mariadbd
	install string // mariadb-install-db; MySQL's mysqld initialises by itself
	hint    string // where it comes from

	once     sync.Once
	admin    string   // logs in through the socket, without a password
	template string   // an initialised data directory, copied for each server
	first    []string // options of its first start
	missing  error    // why nothing can be tested with it
}

// agent is the account under test: it has what Grants gives, and nothing else.
var agent = replication.Admin{User: "mysql-ha", Password: "adm1n-" + secret}

// trees is where .ci/servers unpacks servers; see there.
const trees = "/var/cache/mysql-ha-lab/servers"

var flavours = []*flavour{
	{
		name: "mariadb-10.11", words: gtid.MariaDB, binary: "mariadbd", install: "mariadb-install-db",
		hint: "packages mariadb-server-core and mariadb-client-core of Debian 12",
	},
	{
		name: "mariadb-11.8", words: gtid.MariaDB, binary: trees + "/mariadb-trixie/usr/sbin/mariadbd",
		install: trees + "/mariadb-trixie/usr/bin/mariadb-install-db", hint: ".ci/servers",
	},
	{name: "mysql-9.7", words: gtid.MySQL, binary: trees + "/mysql-sid/usr/sbin/mysqld", hint: ".ci/servers"},
}

// each runs a test for every server.
func each(t *testing.T, test func(*testing.T, *flavour)) {
	t.Helper()
	only(t, gtid.None, test)
}

// only runs a test for the servers of one flavour, or of all (None); with -short
// for the host's own alone.
func only(t *testing.T, words gtid.Flavour, test func(*testing.T, *flavour)) {
	t.Helper()
	t.Parallel()
	for i, f := range flavours {
		if words != gtid.None && words != f.words || testing.Short() && i > 0 {
			continue
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f.once.Do(func() { f.missing = f.initialise() })
			if f.missing != nil && os.Getenv("CI") == "true" {
				t.Fatal(f.missing)
			} else if f.missing != nil {
				t.Skip(f.missing)
			}
			test(t, f)
		})
	}
}

func (f *flavour) mysql() bool { return f.words == gtid.MySQL }

func (f *flavour) initialise() error {
	if _, err := exec.LookPath(f.binary); err != nil {
		return fmt.Errorf("%s needs %s: %w", f.name, f.hint, err)
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	f.template = filepath.Join(templates, f.name)
	grants, err := replication.Grants(f.words, agent)
	if err != nil {
		return err
	}
	first := f.template + ".sql"
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, f.install, "--no-defaults", "--user="+me.Username, "--datadir="+f.template,
		"--auth-root-authentication-method=socket", "--auth-root-socket-user="+me.Username, "--skip-test-db",
		"--innodb-log-file-size=8M")
	f.admin = me.Username
	if f.mysql() {
		f.admin = "root"
		grants = append(grants, "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';",
			"ALTER USER root@localhost IDENTIFIED WITH auth_socket AS '"+me.Username+"';")
		command = exec.CommandContext(ctx, f.binary, append([]string{
			"--no-defaults", "--initialize-insecure", "--user=" + me.Username,
			"--datadir=" + f.template, "--init-file=" + first, "--skip-log-bin",
		}, small...)...)
	}
	if !f.mysql() {
		f.first = []string{"--init-file=" + first}
	}
	if err := os.WriteFile(first, []byte(strings.Join(grants, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	// A starting MariaDB sweeps its temporary folder: others' tables, too.
	temporary, err := os.MkdirTemp(templates, "tmp")
	if err != nil {
		return err
	}
	command.Env = append(os.Environ(), "TMPDIR="+temporary)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: initialise: %w: %s", f.name, err, out)
	}
	if f.mysql() { // else all would be one server
		return os.Remove(filepath.Join(f.template, "auto.cnf"))
	}
	return nil
}

// small keeps MySQL's data directory small.
var small = []string{"--innodb-data-file-path=ibdata1:5M:autoextend", "--innodb-redo-log-capacity=16M"}

// options bring up a server as the agent would: read-only, replication stopped.
func (f *flavour) options(n *node) []string {
	all := []string{
		"--no-defaults", "--datadir=" + n.datadir(), "--socket=" + n.socket(), "--tmpdir=" + n.dir,
		"--pid-file=" + filepath.Join(n.dir, "pid"), "--log-error=" + filepath.Join(n.dir, "err.log"),
		"--bind-address=127.0.0.1", "--port=" + strconv.Itoa(n.port), "--server-id=" + strconv.Itoa(int(n.id)),
		"--log-bin=binlog", "--relay-log=relay", "--read-only=1", "--sync-binlog=1", "--sync-relay-log=1",
		"--skip-name-resolve", "--innodb-buffer-pool-size=16M", "--key-buffer-size=1M",
	}
	if me, err := user.Current(); err == nil {
		all = append(all, "--user="+me.Username)
	}
	if f.mysql() {
		return append(append(all, "--super-read-only=1", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--mysqlx=0",
			"--skip-replica-start", "--relay-log-recovery=OFF", "--event-scheduler=OFF"), small...)
	}
	return append(all, "--log-slave-updates=1", "--binlog-format=ROW", "--gtid-strict-mode=1", "--skip-slave-start",
		"--performance-schema=off", "--aria-pagecache-buffer-size=8M")
}

// threads starts or stops replication threads, as somebody beside us would.
func (n *node) threads(verb, which string) {
	n.t.Helper()
	word := " SLAVE "
	if n.f.mysql() {
		word = " REPLICA "
	}
	n.exec(verb + word + which)
}

// errant writes although the server is read-only, into its binary log or past it.
func (n *node) errant(logged bool, statement string) {
	n.t.Helper()
	conn, err := n.db.Conn(n.ctx())
	must(n.t, err)
	defer conn.Close()
	all := []string{fmt.Sprintf("SET SESSION sql_log_bin = %t", logged), statement, "SET SESSION sql_log_bin = 1"}
	if n.f.mysql() {
		all = append(append([]string{"SET GLOBAL super_read_only = 0"}, all...), "SET GLOBAL super_read_only = 1")
	}
	for _, text := range all {
		if _, err := conn.ExecContext(n.ctx(), text); err != nil {
			n.t.Fatalf("%s: %v", text, err)
		}
	}
}
