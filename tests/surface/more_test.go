package surface_test

import (
	"maps"
	"os"
	"strings"
	"testing"
	"time"
)

const depth20 = "OCF_CHECK_LEVEL=20"

// A monitor of depth 20 writes on the primary, and looks at the volumes.
func TestDepth20(t *testing.T) {
	t.Parallel()
	p := bare(t)
	r := p.resource("db", "3306")
	r.configure("log-bin=/srv/logs/binlog\n")
	if o := r.run("sh", "-c", "mkdir /srv/logs && mount -t tmpfs -o size=64m,mode=0777 logs /srv/logs"); o.code != 0 {
		t.Fatal(o)
	}
	r.want(0, "start", "")
	r.want(190, "monitor", "MiB free at /srv/logs, min_free_space is 1024", recurring, depth20)
	r.want(0, "monitor", "", recurring)
	r.want(0, "monitor", "", recurring, depth20, set("min_free_space", "10"))
	r.want(0, "monitor", "", recurring, depth20, set("min_free_space", "0"))
	r.want(0, "promote", "")
	r.want(191, "monitor", "binary log: ", recurring, depth20)
	r.want(8, "monitor", "", recurring, depth20, set("min_free_space", "10"))
	if got := r.sql("SELECT COUNT(*) FROM mysql_ha.touch"); got != "1" {
		t.Errorf("rows: %s", got)
	}
	// A write that has to wait is bounded, and shown.
	r.run("sh", "-c", "mariadb --no-defaults --socket="+r.params["socket"]+
		" -uroot -e 'FLUSH TABLES WITH READ LOCK; SELECT SLEEP(60)' >/dev/null 2>&1 &")
	p.eventually("the lock is held", func() bool {
		return r.sql("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'") != "0"
	})
	r.want(191, "monitor", "test write: locks or commits stand in the way", recurring, depth20).within(r, 10*time.Second)
	r.want(8, "monitor", "", recurring)
	r.want(6, "validate-all", `min_free_space="-1": accepted is an integer from 0`, set("min_free_space", "-1"))
	r.want(0, "stop", "")
}

// Events run where the operator's configuration says so, on the primary alone.
func TestEventScheduler(t *testing.T) {
	t.Parallel()
	r := bare(t).resource("db", "3306")
	r.configure("event-scheduler=ON\n")
	r.want(0, "start", "")
	events := func(want string) {
		t.Helper()
		if got := r.sql("SELECT @@event_scheduler"); got != want {
			t.Errorf("events are %s, want %s", got, want)
		}
	}
	events("OFF")
	for range 2 {
		r.want(0, "promote", "")
		events("ON")
		r.want(0, "demote", "")
		events("OFF")
	}
	r.sql("SET GLOBAL event_scheduler = ON")
	r.want(0, "monitor", "", recurring)
	events("OFF")
	r.configure("")
	r.want(0, "promote", "")
	events("OFF")
	r.want(0, "stop", "")
}

// Parameters that are reloadable take effect without a restart; those that are not
// are Pacemaker's to restart for.
func TestReload(t *testing.T) {
	t.Parallel()
	r := bare(t).resource("db", "3306")
	r.want(0, "start", "")
	before := r.server()
	r.want(0, "promote", "")
	for _, changed := range []string{set("max_lag", "5s"), set("min_free_space", "1073741824"), set("demote_grace", "0")} {
		r.want(0, "reload-agent", "", changed)
	}
	r.want(6, "reload-agent", `max_lag="soon"`, set("max_lag", "soon"))
	r.want(191, "monitor", "min_free_space is 1073741824", recurring, depth20, set("min_free_space", "1073741824"))
	if r.server() != before {
		t.Error("it was restarted")
	}
	r.want(0, "stop", "")
}

// Two resources on one node share nothing.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		one, two := p.resource("one", "3306"), p.resource("two", "3307")
		both := []*resource{one, two}
		// What they may share: the folder of the agent's memory.
		for _, r := range both {
			r.params["state_dir"], r.params["quarantine_dir"] = "/var/lib/mysql-ha", "/var/lib/mysql-ha/quarantine"
		}
		for _, r := range both {
			r.want(0, "start", "")
		}
		two.want(0, "promote", "")
		for range 2 {
			one.want(0, "monitor", "", recurring)
			two.want(8, "monitor", "", recurring)
		}
		for _, r := range both {
			r.sql("SET sql_log_bin = 0; CREATE DATABASE of_" + r.name)
			if got := r.sql("SHOW DATABASES LIKE 'of\\_%'"); got != "of_"+r.name {
				t.Errorf("%s holds %s", r.name, got)
			}
		}
		if one.sql("SELECT @@server_id") == two.sql("SELECT @@server_id") {
			t.Error("they have the same number")
		}
		// The death of one is told of that one, and the other does not notice.
		p.fakeTools()
		kept := two.server()
		one.kill("KILL")
		p.eventually("the hook tells", func() bool {
			return strings.Contains(p.read("/var/log/crm.log"), "--promotion=one --node=place --lifetime=reboot --update=-INFINITY")
		})
		if text := p.read("/var/log/crm.log"); strings.Contains(text, "two") {
			t.Errorf("of the other, too:\n%s", text)
		}
		p.noTools()
		one.want(7, "monitor", "", recurring)
		two.want(8, "monitor", "", recurring)
		one.want(0, "start", "")
		// Told of the other's socket (Pacemaker stops with the parameters of the last start
		// that worked), it says nothing to that server.
		astray := &resource{p, "one", maps.Clone(one.params)}
		astray.params["socket"] = two.params["socket"]
		astray.want(1, "monitor", "another server (process ", recurring)
		astray.want(0, "stop", "")
		one.want(7, "monitor", "", recurring)
		two.want(8, "monitor", "", recurring)
		one.want(0, "start", "")
		two.want(0, "stop", "")
		one.want(0, "monitor", "", recurring)
		two.want(7, "monitor", "", probe)
		two.want(0, "start", "")
		if kept == two.server() {
			t.Error("it did not stop")
		}

		// A third one, of the first's data directory by mistake: it runs nothing, starts
		// nothing, and ends nothing of the other's.
		// Nor does it take the first's socket.
		three := &resource{p, "three", maps.Clone(one.params)}
		before := one.server()
		three.want(7, "monitor", "", probe)
		three.want(5, "start", `socket="/run/one/mysqld.sock": another server answers there`)
		three.params["socket"] = "/run/one/three.sock"
		three.want(1, "start", "/srv/one/data is in use by process")
		three.want(0, "stop", "")
		// Nor does it write to the second's logs, with data of its own.
		three = p.resource("three", "3308")
		three.configure("log-bin=" + two.sql("SELECT @@log_bin_basename") + "\n")
		three.want(1, "start", "is in use by process")
		three.want(0, "stop", "")
		if one.server() != before {
			t.Error("the other's server is gone")
		}
		for _, r := range both {
			r.want(0, "stop", "")
		}
		files, err := os.ReadDir(p.path("/var/lib/mysql-ha"))
		must(t, err)
		names := ""
		for _, f := range files {
			names += f.Name() + " "
		}
		if !strings.Contains(names, "one.json.lock ") || !strings.Contains(names, "two.json.lock ") {
			t.Errorf("memory: %s", names)
		}
	})
}

// The agent finds the logs where the server writes them, whatever names it.
func TestNamesOfLogs(t *testing.T) {
	t.Parallel()
	r := bare(t).resource("db", "3306")
	for config, want := range map[string]string{
		"": "/srv/db/data/binlog", "log-bin\n": "/srv/db/data/mysqld-bin", "log-bin=ours\n": "/srv/db/data/ours", "skip-log-bin\n": "/srv/db/data/binlog",
	} {
		r.configure(config)
		r.want(0, "start", "")
		if got := r.sql("SELECT @@log_bin_basename"); got != want {
			t.Errorf("%q: %s, want %s", config, got, want)
		}
		r.want(0, "stop", "")
	}
}
