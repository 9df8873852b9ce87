package surface_test

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// member is the configuration of a server that could be a member of a cluster.
const (
	member      = "log-bin=binlog\nrelay-log=relay\nlog-slave-updates\nserver-id=7\nbind-address=0.0.0.0\n"
	mysqlMember = "log-bin=binlog\nrelay-log=relay\ngtid-mode=ON\nenforce-gtid-consistency=ON\nserver-id=7\nrelay-log-recovery=ON\n"
)

// commandLine is how others start the resource's server.
func (r *resource) commandLine() string {
	return fmt.Sprintf("%s --defaults-file=%s --datadir=%s --socket=%s --pid-file=%s --log-error=%s --port=%s --user=mysql",
		cmp.Or(r.params["binary"], "/usr/sbin/mariadbd"), r.params["config"], r.params["datadir"], r.params["socket"], r.params["pid"],
		r.params["log"], r.params["replication_port"])
}

// byOthers are the ways in which a server runs that no unit of ours has started.
var byOthers = map[string]func(r *resource){
	"by hand": func(r *resource) { r.detached(r.commandLine()) },
	// It starts the server again whenever it dies, until it ended well.
	"mysqld_safe": func(r *resource) {
		r.write("/usr/bin/mysqld_safe", "#!/bin/sh\nwhile :; do \"$@\"; [ -e "+r.params["pid"]+" ] || exit 0; done\n", 0o755)
		r.detached("/usr/bin/mysqld_safe " + r.commandLine())
	},
	"a service": func(r *resource) {
		r.service(r.commandLine(), "notify")
	},
	"a service's mysqld_safe": func(r *resource) {
		r.write("/usr/bin/mysqld_safe", "#!/bin/sh\nwhile :; do \"$@\"; [ -e "+r.params["pid"]+" ] || exit 0; done\n", 0o755)
		r.service("/bin/sh /usr/bin/mysqld_safe "+r.commandLine(), "simple")
	},
}

func (r *resource) detached(command string) {
	r.t.Helper()
	if o := r.run("sh", "-c", "setsid "+command+" </dev/null >/dev/null 2>&1 &"); o.code != 0 {
		r.t.Fatal(o)
	}
}

// service is the distribution's, not enabled.
func (r *resource) service(command, kind string) {
	r.t.Helper()
	r.write("/etc/systemd/system/mariadb.service", "[Unit]\nDefaultDependencies=no\n[Service]\nType="+kind+"\nUser=mysql\nExecStart="+command+
		"\nRestart=on-failure\nRestartSec=100ms\n[Install]\nWantedBy=multi-user.target\n", 0o644)
	if o := r.run("sh", "-c", "systemctl daemon-reload && systemctl start mariadb.service"); o.code != 0 {
		r.t.Fatal(o)
	}
}

// others has somebody else run the resource's server.
func (r *resource) others(how string) {
	r.t.Helper()
	dir := strings.TrimSuffix(r.params["socket"], "/mysqld.sock")
	must(r.t, os.MkdirAll(r.path(dir), 0o755))
	if o := r.run("chown", "mysql:mysql", dir); o.code != 0 {
		r.t.Fatal(o)
	}
	byOthers[how](r)
	r.eventually("the server of others answers", func() bool {
		return r.run("mariadb", "--no-defaults", "--socket="+r.params["socket"], "-uroot", "-e", "DO 0").code == 0
	})
}

// eachWay runs a test for each way that exists in the kind of place, with a MariaDB.
func eachWay(t *testing.T, f func(t *testing.T, r *resource, how string)) {
	t.Helper()
	eachWayOf(t, (*place).resource, f)
}

func eachWayOf(t *testing.T, server func(p *place, name, port string) *resource, f func(t *testing.T, r *resource, how string)) {
	t.Helper()
	for how := range byOthers {
		for kind, enter := range places {
			if kind == "bare" && strings.Contains(how, "service") {
				continue
			}
			t.Run(strings.ReplaceAll(how, " ", "-")+"-"+kind, func(t *testing.T) {
				t.Parallel()
				f(t, server(enter(t), "db", "3306"), how)
			})
		}
	}
}

// A server that can be a member of the cluster goes on running. Its death is seen,
// and nobody but the agent starts it again.
func TestAdoption(t *testing.T) {
	t.Parallel()
	t.Run("mariadb", func(t *testing.T) { testAdoption(t, (*place).resource, member) })
	t.Run("mysql", func(t *testing.T) { testAdoption(t, (*place).mysql, mysqlMember) })
}

func testAdoption(t *testing.T, server func(p *place, name, port string) *resource, member string) {
	eachWayOf(t, server, func(t *testing.T, r *resource, how string) {
		r.configure(member)
		r.others(how)
		before := r.server()
		r.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)")
		r.want(8, "monitor", "", probe) // by hand, without a cluster: it is writable
		if r.sql("SELECT @@read_only") != "0" || r.server() != before {
			t.Error("a monitor by hand has changed the server")
		}
		for range 2 {
			r.want(0, "start", "")
			r.want(0, "monitor", "", recurring)
		}
		adopted := how != "a service's mysqld_safe" // it would end with its keeper
		if same := r.server() == before; same != adopted {
			t.Errorf("the same process: %t", same)
		}
		if got := r.sql("SELECT @@read_only; SELECT COUNT(*) FROM d.t"); got != "1\n1" {
			t.Errorf("after the adoption: %s", got)
		}
		if keepers := r.run("pgrep", "-f", "mysqld_safe").stdout; keepers != "" {
			t.Errorf("still kept by %s", keepers)
		}
		r.want(0, "promote", "")
		r.want(8, "monitor", "", recurring)
		r.fakeTools()
		r.kill("KILL")
		r.eventually("its death is told", func() bool { return strings.Contains(r.read("/var/log/crm.log"), "--update=-INFINITY") })
		r.noTools()
		time.Sleep(500 * time.Millisecond) // whoever would restart it
		r.want(7, "monitor", "", recurring)
		r.want(0, "demote", "")
		r.want(0, "start", "")
		if got := r.sql("SELECT @@read_only; SELECT COUNT(*) FROM d.t"); got != "1\n1" {
			t.Errorf("after the crash: %s", got)
		}
		r.want(0, "stop", "")
		r.want(7, "monitor", "", probe)
		r.eventually("nothing is left", func() bool { return r.run("pgrep", "-f", "mysql-ha (watch|supervise)").stdout == "" })
	})
}

// A server without a binary log can only be started anew: it is ended well before.
func TestReplacement(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, r *resource, how string) {
		r.others(how)
		before := r.server()
		r.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)")
		r.want(0, "start", "")
		r.want(0, "monitor", "", recurring)
		if r.server() == before {
			t.Error("it was not replaced")
		}
		if got := r.sql("SELECT @@read_only; SELECT @@log_bin; SELECT COUNT(*) FROM d.t"); got != "1\n1\n1" {
			t.Errorf("after the start: %s", got)
		}
		if text := r.read(r.params["log"]); !strings.Contains(text, "Shutdown complete") || strings.Contains(text, "crash recovery") {
			t.Error("it was not ended well")
		}
		r.want(0, "stop", "")
	})
}

// A stop ends what runs on the data directory, a frozen server too, and whoever
// would start it again.
func TestStopOfAStray(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, r *resource, how string) {
		for _, state := range []string{"CONT", "STOP"} {
			r.others(how)
			r.kill(state)
			r.want(0, "stop", "", "OCF_RESKEY_CRM_meta_timeout=10000")
			time.Sleep(500 * time.Millisecond)
			if left := r.servers(); len(left) > 0 {
				t.Fatalf("servers are left: %v", left)
			}
			r.want(7, "monitor", "", probe)
		}
	})
}

// The distribution's unit, enabled: refused with the command that mends it.
func TestEnabledUnit(t *testing.T) {
	t.Parallel()
	r := booted(t).resource("db", "3306")
	r.configure(member)
	r.others("a service")
	if o := r.run("systemctl", "enable", "mariadb.service"); o.code != 0 {
		t.Fatal(o)
	}
	const mend = "mariadb.service starts a writable server at boot: systemctl disable --now mariadb.service"
	before := r.server()
	r.want(5, "start", mend)
	r.want(5, "validate-all", mend, level10)
	if r.server() != before {
		t.Error("the refused server is gone")
	}
	r.want(0, "stop", "")
	if left := r.servers(); len(left) > 0 {
		t.Errorf("servers are left: %v", left)
	}
	r.want(5, "start", mend)
	if o := r.run("systemctl", "disable", "mariadb.service"); o.code != 0 {
		t.Fatal(o)
	}
	r.want(0, "start", "")
	r.want(0, "stop", "")
}

// A stop that was told nothing, as the last one of a node that lost the cluster,
// does not end the server that happens to be at the default place.
func TestStopThatWasToldNothing(t *testing.T) {
	t.Parallel()
	r := bare(t).resource("db", "3306")
	r.params["datadir"] = "/var/lib/mysql"
	if o := r.run("mv", "/srv/db/data", "/var/lib/mysql"); o.code != 0 {
		t.Fatal(o)
	}
	r.configure(member)
	r.others("by hand")
	before := r.server()
	bare := []string{"OCF_ROOT=/usr/lib/ocf", "OCF_RESOURCE_INSTANCE=other", "OCF_RESKEY_crm_feature_set=3.16.1", agentPath, "stop"}
	if o := r.run(bare...); o.code != 0 || r.server() != before {
		t.Fatal(o)
	}
	// One that it has adopted is its own, whatever it is told.
	r.want(0, "start", "")
	bare[1] = "OCF_RESOURCE_INSTANCE=db"
	if o := r.run(bare...); o.code != 0 || len(r.servers()) > 0 {
		t.Fatal(o)
	}
}
