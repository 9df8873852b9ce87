package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// script is a binary that answers by a shell script.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mysqld")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestParseOptions(t *testing.T) {
	const text = "mariadbd would have been started with the following arguments:\n" +
		"--log-bin=/var/log/mysql/bin.log --skip_name_resolve --init-connect=SET NAMES utf8mb4 --read_only=1 --read-only=0 --loose-mysqlx=ON \n"
	want := map[string]string{
		"log_bin": "/var/log/mysql/bin.log", "skip_name_resolve": "", "init_connect": "SET NAMES utf8mb4", "read_only": "0", "mysqlx": "ON",
	}
	if diff := cmp.Diff(want, parseOptions(text)); diff != "" {
		t.Error(diff)
	}
	if got := parseOptions("would have been started with:\n"); len(got) != 0 {
		t.Error(got)
	}
}

func TestConfigured(t *testing.T) {
	binary := script(t, "[ \"$1\" = --defaults-file=/etc/my.cnf ] || { echo warning >&2; echo \"bad $1\" >&2; exit 1; }\necho would; echo --port=3307\n")
	got, err := Options{}.Configured(t.Context(), binary, "/etc/my.cnf")
	if diff := cmp.Diff(map[string]string{"port": "3307"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, err := (Options{}).Configured(t.Context(), binary, "/other"); err == nil || !strings.HasSuffix(err.Error(), ": bad --defaults-file=/other") {
		t.Error(got, err)
	}
}

// Parts of what real binaries answered.
func TestParseHelp(t *testing.T) {
	for file, want := range map[string]map[string]string{
		"help-mariadb-10.11.txt": {
			"gtid_strict_mode": "FALSE", "init_rpl_role": "MASTER", "skip_slave_start": "FALSE", "init_slave": "",
			"plugin_dir":                   "/usr/lib/mysql/plugin/",
			"rpl_semi_sync_master_enabled": "FALSE", "rpl_semi_sync_slave_enabled": "FALSE",
			"sql_mode": "STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION",
		},
		"help-mysql-9.7.txt": {
			"enforce_gtid_consistency": "ON", "gtid_mode": "ON", "binlog_format": "ROW", "init_replica": "", "mysqlx": "ON",
			"log_replica_updates": "TRUE", "log_slave_updates": "TRUE", "skip_replica_start": "FALSE", "skip_slave_start": "FALSE",
			"plugin_dir":                   "/usr/lib/mysql/plugin/",
			"rpl_semi_sync_source_enabled": "FALSE", "rpl_semi_sync_replica_enabled": "FALSE",
			"sql_mode": "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
		},
	} {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, parseHelp(string(text))); diff != "" {
			t.Errorf("%s: %s", file, diff)
		}
	}
}

func TestKnown(t *testing.T) {
	binary := script(t, "case \"$*\" in *' --verbose --help') ;; *) exit 3;; esac\n"+
		"for a in \"$@\"; do case $a in --no-defaults|--datadir=/nonexistent|--basedir=/opt|--plugin-dir=/opt/p|--plugin-load-add=semisync_*.so|--verbose|--help) ;; *) exit 4;; esac; done\n"+
		"echo '------ ----'; echo \"plugin-dir $3$4\"; echo; echo 'later words'\n")
	got, err := Options{}.Known(t.Context(), binary, map[string]string{"basedir": "/opt", "plugin_dir": "/opt/p", "port": "1"})
	if err != nil || len(got) != 1 || !strings.Contains(got["plugin_dir"], "--plugin-dir=/opt/p") || !strings.Contains(got["plugin_dir"], "--basedir=/opt") {
		t.Errorf("%q, %v", got, err)
	}
	// No table is no answer, and neither is a failure.
	for _, text := range []string{"echo nothing", "echo '---- --'; echo; exit 0", "echo 'no such thing' >&2; exit 1"} {
		if got, err := (Options{}).Known(t.Context(), script(t, text), nil); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// A binary that is killed, or too slow, has not said that it is broken.
func TestKnownInterrupted(t *testing.T) {
	for text, interrupted := range map[string]bool{"kill -KILL $$": true, "exit 1": false} {
		_, err := Options{}.Known(t.Context(), script(t, text), nil)
		if err == nil || errors.Is(err, ocf.ErrInterrupted) != interrupted {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestPersisted(t *testing.T) {
	for text, want := range map[string]map[string]string{
		// As 8.0.x before 29 wrote it, and as later ones do.
		`{"Version": 1, "mysql_server": {"max_connections": {"Value": "77", "Metadata": {"Timestamp": 1, "User": "root", "Host": "localhost"}},
		  "mysql_server_static_options": {"gtid_mode": {"Value": "OFF", "Metadata": {"Timestamp": 1, "User": "root", "Host": "localhost"}}}}}`: {
			"max_connections": "77", "gtid_mode": "OFF",
		},
		`{"Version": 2, "mysql_static_variables": {"gtid_mode": {"Value": "OFF", "Metadata": {"Host": "localhost", "User": "root", "Timestamp": 2}}},
		  "mysql_dynamic_variables": {"read_only": {"Value": "OFF", "Metadata": {"Host": "localhost", "User": "root", "Timestamp": 2}}},
		  "mysql_dynamic_parse_early_variables": {"max_connections": {"Value": "77", "Metadata": {"Host": "localhost", "User": "root", "Timestamp": 2}}},
		  "mysql_sensitive_dynamic_variables": {"some_password": {"Value": "geheim", "Metadata": {"Host": "localhost", "User": "root", "Timestamp": 2}}},
		  "mysql_sensitive_variables": "00ff"}`: {
			"gtid_mode": "OFF", "read_only": "OFF", "max_connections": "77",
		},
		// Of two spellings the same one always counts.
		`{"a": {"gtid_mode": {"Value": "OFF"}, "gtid-mode": {"Value": "ON"}}}`: {"gtid_mode": "OFF"},
		`{"Version": 2}`: {},
		``:               nil,
		`{"Version": `:   nil,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, persistedFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Options{}.Persisted(dir)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) {
			t.Errorf("%s: %v %s", text, err, diff)
		}
	}
	if got, err := (Options{}).Persisted(t.TempDir()); len(got) != 0 || err != nil {
		t.Errorf("nothing persisted: %v, %v", got, err)
	}
}
