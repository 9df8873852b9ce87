package process

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// /proc tells of other people's processes: their names and arguments are any bytes.
func FuzzProc(f *testing.F) {
	f.Add([]byte("7 (x) Z 1 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 77 24 25\n"))
	f.Add([]byte("7 (a) b) (c) S 1 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 77 24 25\n"))
	f.Add([]byte("/usr/sbin/mariadbd\x00--datadir=/var/lib/mysql\x00\x00--socket=/run/s\x00"))
	f.Add([]byte("12:cpu:/x\n1:name=systemd:/system.slice/mariadb.service\n0::/system.slice/mysql-ha-db.service\n"))
	f.Add([]byte("0::/user.slice/../a:b.service\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseStat(text)
		if (err == nil) == (s.state == 0) {
			t.Errorf("parseStat = %+v, %v", s, err)
		}
		argv := parseArgv(text)
		whole := strings.Join(argv, "\x00")
		if text := strings.TrimSuffix(string(text), "\x00"); whole != text {
			t.Errorf("%q of %q", argv, text)
		}
		if len(argv) > 0 && (!holds(argv, argv) || holds(argv[1:], argv)) || holds(argv, nil) {
			t.Errorf("what holds %q", argv)
		}
		if name := parseCgroup(text); name != "" && (!strings.HasSuffix(name, ".service") || strings.Contains(name, "/") || !strings.Contains(string(text), name)) {
			t.Errorf("service %q", name)
		}
	})
}

// What a server says of its options: by --print-defaults, --help, in the file of
// SET PERSIST; and of itself, to NOTIFY_SOCKET.
func FuzzServerWords(f *testing.F) {
	for _, name := range []string{"help-mariadb-10.11.txt", "help-mysql-9.7.txt"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("mariadbd would have been started with the following arguments:\n--log-bin=/var/log/bin.log --skip_name_resolve --init-connect=SET NAMES utf8mb4 --loose-mysqlx=ON \n")
	f.Add(`{"Version": 1, "mysql_server": {"max_connections": {"Value": "77", "Metadata": {"User": "root"}}, "mysql_server_static_options": {"gtid_mode": {"Value": "OFF"}}}}`)
	f.Add(`{"Version": 2, "mysql_static_variables": {"gtid-mode": {"Value": "OFF"}}, "mysql_sensitive_dynamic_variables": {"some_password": {"Value": "geheim"}}}`)
	f.Add("READY=1\nSTATUS=Server is operational\nMAIN_PID=7\n")
	f.Add("READY=1\nREADY=0\nSTOPPING=1\nSTATUS=Server shutdown in progress\nSTATUS")
	f.Fuzz(func(t *testing.T, text string) {
		options := parseOptions(text)
		for name, value := range options {
			if strings.ContainsAny(name, "-= \t\n") || len(value) > len(text) {
				t.Errorf("option %q = %q", name, value)
			}
		}
		for name, value := range parseHelp(text) {
			if strings.ContainsAny(name, "- \n") || strings.Contains(value, "\n") || value != strings.TrimSpace(value) {
				t.Errorf("known is %q = %q", name, value)
			}
		}
		if s := parseNotification(text); strings.Contains(s.status, "\n") || (s.ready || s.stopping) && !strings.Contains(text, "=1") {
			t.Errorf("%+v", s)
		}
		persisted(t, text)
	})
}

// persisted: what the server calls sensitive is not told, wherever it stands.
func persisted(t *testing.T, text string) {
	t.Helper()
	set, err := parsePersisted([]byte(text))
	if err != nil || strings.Count(text, "{")+strings.Count(text, "[") > 5000 {
		return // encoding/json goes 10 000 deep
	}
	var tree map[string]any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(tree, func(name string, _ any) bool { return strings.Contains(name, "sensitive") })
	plain, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := parsePersisted(plain); err != nil || !cmp.Equal(set, again) {
		t.Errorf("without what is sensitive: %v, not %v, %v", again, set, err)
	}
	secretly, err := json.Marshal(map[string]any{"mysql_sensitive_variables": tree})
	if err != nil {
		t.Fatal(err)
	}
	if set, err := parsePersisted(secretly); err != nil || len(set) > 0 {
		t.Errorf("what is sensitive is told: %v, %v", set, err)
	}
}

// The files of a unit and of an adopted server come back as they were written, and
// one that is damaged is nobody's identity.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"Command":{"Binary":"/usr/sbin/mysqld","Args":["--datadir=/d"],"Datadir":"/d"},"Supervisor":{"PID":7,"Start":9},` +
		`"Server":{"PID":8,"Start":9},"Since":"2026-11-26T03:12:45Z","Ready":true,"Status":"words","Result":""}`))
	f.Add([]byte(`{"Server":{"PID":8,"Start":18446744073709551615},"Watcher":{"PID":-1,"Start":0}}`))
	f.Add([]byte(`{"Server":{"PID":8}`))
	f.Add([]byte(``))
	dir := f.TempDir()
	unit, adopter := files{filepath.Join(dir, "db")}, Adopter{base: filepath.Join(dir, "db")}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, path := range []string{unit.state(), adopter.file()} {
			if err := os.WriteFile(path, text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r, err := unit.load()
		if err != nil && !cmp.Equal(r, record{}) {
			t.Errorf("%+v, %v", r, err)
		} else if err == nil {
			if err := unit.save(r); err != nil {
				t.Fatal(err)
			}
			if again, err := unit.load(); err != nil || !cmp.Equal(r, again) {
				t.Errorf("%+v, then %+v, %v", r, again, err)
			}
		}
		kept, err := adopter.load()
		if err != nil && kept != (adoption{}) {
			t.Errorf("%+v, %v", kept, err)
		} else if err == nil {
			if err := adopter.save(kept); err != nil {
				t.Fatal(err)
			}
			if again, err := adopter.load(); err != nil || again != kept {
				t.Errorf("%+v, then %+v, %v", kept, again, err)
			}
		}
		for _, who := range []identity{r.Server, r.Supervisor, kept.Server, kept.Watcher} {
			if alive, err := who.alive(); alive && (who.PID <= 0 || err != nil) {
				t.Errorf("%+v is alive, %v", who, err)
			}
		}
	})
}
