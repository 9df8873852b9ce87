package ocf

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// What binaries know, as far as it matters here. MariaDB 10.11 and MySQL 9.7 were
// asked; the others are as their manuals tell.
var binaries = map[string]string{
	"mariadb-10.11": "gtid_strict_mode=FALSE init_rpl_role=MASTER skip_slave_start=FALSE",
	"mariadb-none":  "gtid_strict_mode=FALSE skip_slave_start=FALSE",
	"mysql-8.0.20": "enforce_gtid_consistency=FALSE binlog_format=ROW log_slave_updates=TRUE skip_slave_start=FALSE mysqlx=ON" +
		" slave_parallel_type=DATABASE slave_preserve_commit_order=FALSE rpl_semi_sync_master_enabled=FALSE rpl_semi_sync_slave_enabled=FALSE",
	"mysql-8.4": "enforce_gtid_consistency=FALSE binlog_format=ROW log_slave_updates=TRUE log_replica_updates=TRUE skip_slave_start=FALSE" +
		" skip_replica_start=FALSE mysqlx=ON replica_parallel_type=LOGICAL_CLOCK slave_parallel_type=LOGICAL_CLOCK" +
		" replica_preserve_commit_order=TRUE slave_preserve_commit_order=TRUE rpl_semi_sync_master_enabled=FALSE" +
		" rpl_semi_sync_slave_enabled=FALSE rpl_semi_sync_source_enabled=FALSE rpl_semi_sync_replica_enabled=FALSE",
	"mysql-9.7": "enforce_gtid_consistency=ON binlog_format=ROW log_slave_updates=TRUE log_replica_updates=TRUE skip_slave_start=FALSE" +
		" skip_replica_start=FALSE mysqlx=ON replica_preserve_commit_order=TRUE slave_preserve_commit_order=TRUE" +
		" rpl_semi_sync_source_enabled=FALSE rpl_semi_sync_replica_enabled=FALSE",
	"mysql-later": "enforce_gtid_consistency=FALSE log_replica_updates=TRUE skip_replica_start=FALSE",
}

func values(text string) map[string]string {
	m := map[string]string{}
	for word := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(word, "=")
		m[name] = value
	}
	return m
}

// Each case's command line is kept whole: testdata/command, one argument a line.
func TestArguments(t *testing.T) {
	for _, c := range []struct {
		name, binary, set, persisted, more string
		tail                               tail
		overruled                          string
	}{
		{name: "mariadb", binary: "mariadb-10.11"},
		{name: "mariadb-drop", binary: "mariadb-10.11", tail: dropTail},
		{name: "mariadb-without-role", binary: "mariadb-none", tail: dropTail},
		{name: "mariadb-configured", binary: "mariadb-10.11", set: "relay_log=/logs/relay bind_address=10.0.0.7", more: " --read-only=0  --server-id=1 --innodb-buffer-pool-size=1G "},
		{name: "mysql-8.0.20", binary: "mysql-8.0.20"},
		{name: "mysql-8.4", binary: "mysql-8.4"},
		{name: "mysql-9.7", binary: "mysql-9.7"},
		{name: "mysql-later", binary: "mysql-later"},
		{name: "mysql-drop", binary: "mysql-9.7", tail: dropTail, set: "log_error_verbosity=1"},
		{
			name: "mysql-configured", binary: "mysql-9.7", more: "--read-only=0",
			set: "log_bin=/logs/bin bind_address=127.0.0.1,::1 mysqlx_port=33061 log_error_verbosity=2 replica_preserve_commit_order=OFF plugin_load_add=semisync_master.so",
		},
		{name: "mysql-persisted-harmless", binary: "mysql-9.7", persisted: "max_connections=77 gtid_mode=ON super_read_only=on"},
		{
			name: "mysql-persisted", binary: "mysql-8.4", overruled: "event_scheduler read_only skip_slave_start",
			persisted: "max_connections=77 time_zone=+01:00 read_only=OFF event_scheduler=ON skip_slave_start=OFF sync_binlog=1 log_error_verbosity=1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			params, err := ParseParams(from(map[string]string{"additional_parameters": c.more}))
			if err != nil {
				t.Fatal(err)
			}
			known := values(binaries[c.binary])
			p := program{flavour: flavourOf(known), set: values(c.set + " " + c.persisted), known: known, persisted: values(c.persisted)}
			args, overruled := arguments(params, p, 4711, c.tail)
			if got := strings.Join(overruled, " "); got != c.overruled {
				t.Errorf("overruled are %q", got)
			}
			for own, theirs := range map[string]string{"--read-only=1": "--read-only=0", "--server-id=4711": "--server-id=1"} {
				if i := slices.Index(args, own); i < 0 || slices.Index(args, theirs) > i {
					t.Errorf("a parameter wins over %s", own)
				}
			}
			got, path := strings.Join(args, "\n")+"\n", filepath.Join("testdata", "command", c.name+".txt")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestFlavourOf(t *testing.T) {
	for binary, known := range binaries {
		want := gtid.MySQL
		if strings.HasPrefix(binary, "mariadb") {
			want = gtid.MariaDB
		}
		if got := flavourOf(values(known)); got != want {
			t.Errorf("%s is %s", binary, got)
		}
	}
	if got := flavourOf(values("port=3306")); got != gtid.None {
		t.Error(got)
	}
}

func TestLoopbackOnly(t *testing.T) {
	for bind, want := range map[string]bool{
		"": true, "127.0.0.1": true, "localhost": true, "::1": true, "127.0.0.1, ::1": true,
		"*": false, "0.0.0.0": false, "10.0.0.7": false, "127.0.0.1,10.0.0.7": false, "::": false,
	} {
		if got := loopbackOnly(bind); got != want {
			t.Errorf("%q: %t", bind, got)
		}
	}
}

// What comes by additional_parameters counts like what the files say, and wins.
func TestConfigured(t *testing.T) {
	story(t, "both", func(t *testing.T, w *world) {
		w.options.set = map[string]string{"relay_log": "/logs/relay", "port": "3307"}
		w.request.Params["additional_parameters"] = "--relay-log=/other/relay --loose-mysqlx=ON --skip-name-resolve rest"
		got, err := Configured(t.Context(), w.options, w.request.Params)
		want := map[string]string{"relay_log": "/other/relay", "port": "3307", "mysqlx": "ON", "skip_name_resolve": ""}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if w.options.set["relay_log"] != "/logs/relay" {
			t.Error("the answer of the files was changed")
		}
	})
}

func TestCommand(t *testing.T) {
	story(t, "what goes with the arguments", func(t *testing.T, w *world) {
		a := w.agent(Start)
		w.options.known, w.options.persisted = values(binaries["mysql-9.7"]), map[string]string{"read_only": "OFF"}
		p, err := a.program(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.command(p, keepTail)
		if err != nil {
			t.Fatal(err)
		}
		if c.Args[0] != "--defaults-file=/etc/mysql/my.cnf" {
			t.Errorf("mysqld wants it first: %q", c.Args[0])
		}
		if !slices.Contains(c.Args, "--persisted-globals-load=OFF") || !strings.Contains(w.log.String(), "variables=read_only") {
			t.Errorf("a persisted read_only=OFF would win:\n%s", w.log.String())
		}
		if diff := cmp.Diff([]string{"/usr/sbin/mysql-ha", "hook", "--resource", "db", "--node", "db2"}, c.ExitHook); diff != "" {
			t.Error(diff)
		}
	})
}
