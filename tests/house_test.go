package tests

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mysql-ha/mysql-ha/"

// pkg is what `go list -json` tells of a package, tests apart.
type pkg struct {
	ImportPath, Dir, Name string
	GoFiles, Imports      []string
}

// room is the package's path in the module.
func (p pkg) room() string { return strings.TrimPrefix(p.ImportPath, module) }

// rule says what a room may import. Everything of ours and of third parties has to
// be named; of the standard library everything is allowed but what is barred, or
// nothing but only, where that is given.
type rule struct {
	ours   []string
	third  []string
	only   []string
	barred []string
}

// pure is the standard library for leaves: text, numbers, io's interfaces.
var pure = []string{
	"bufio", "bytes", "cmp", "encoding/binary", "encoding/hex", "errors", "fmt", "hash/crc32",
	"io", "iter", "maps", "math", "math/bits", "slices", "strconv", "strings", "unicode", "unicode/utf8",
}

// withoutIO is pure, and durations: that nobody asks the clock is checked apart.
var withoutIO = append(slices.Clone(pure), "time")

const (
	unix    = "golang.org/x/sys/unix"
	netlink = "github.com/vishvananda/netlink"
)

// rules is the table "who may import whom". An adapter wraps one thing; a package
// that is not in the table is a decision, which goes here.
var rules = map[string]rule{
	"replication/gtid":   {only: pure},
	"replication/binlog": {only: pure},
	"scoring":            {ours: []string{"replication/gtid"}, only: withoutIO},
	"replication":        {ours: []string{"replication/gtid"}, third: []string{"github.com/go-sql-driver/mysql"}, barred: []string{"os/exec"}},
	"vip":                {third: []string{netlink, netlink + "/nl", unix}, barred: []string{"os/exec"}},
	"ocf": {
		ours:   []string{"scoring", "replication", "replication/gtid", "vip", "ocf/plant"},
		barred: []string{"os", "os/exec", "os/signal", "os/user", "io/ioutil", "net", "net/http", "database/sql", "syscall"},
	},
	"ocf/plant":     {only: []string{}},
	"ocf/pacemaker": {ours: []string{"ocf"}},
	"ocf/process":   {ours: []string{"ocf"}, third: []string{unix}},
	"ocf/systemd": {
		ours:   []string{"ocf"},
		third:  []string{"github.com/coreos/go-systemd/v22/dbus", "github.com/godbus/dbus/v5"},
		barred: []string{"os/exec"},
	},
	// It reads the server's logs, so it speaks of positions.
	"ocf/datadir": {ours: []string{"ocf", "replication/binlog", "replication/gtid"}, third: []string{unix}, barred: []string{"os/exec"}},
	"ocf/ledger":  {ours: []string{"ocf"}, third: []string{unix}, barred: []string{"os/exec"}},
	// No adapter: it reads what the hall has seen.
	"ocf/report": {ours: []string{"ocf", "scoring", "replication/gtid"}, only: append(slices.Clone(withoutIO), "text/tabwriter")},
}

func TestWhoMayImportWhom(t *testing.T) {
	for _, p := range packages(t) {
		room := p.room()
		r, ok := rules[room]
		free := strings.HasPrefix(room, "cmd/") || room == "tests" || strings.HasPrefix(room, "tests/")
		if !ok && !free {
			t.Errorf("%s: no rule says what it may import", room)
			continue
		}
		for _, i := range p.Imports {
			if why := r.judge(room, i, free); why != "" {
				t.Errorf("%s imports %s: %s", room, i, why)
			}
		}
	}
}

// judge returns why the import is wrong, or "".
func (r rule) judge(room, imported string, free bool) string {
	inner, ours := strings.CutPrefix(imported, module)
	switch {
	case ours && strings.HasPrefix(inner, "cmd/"):
		return "nobody imports cmd"
	case ours && (inner == "tests" || strings.HasPrefix(inner, "tests/")) && !strings.HasPrefix(room, "tests/"):
		return "nobody imports the tests"
	case free:
		return ""
	case ours && !slices.Contains(r.ours, inner):
		return "not among the rooms it may know"
	case ours:
		return ""
	}
	first, _, _ := strings.Cut(imported, "/")
	switch third := strings.Contains(first, "."); {
	case third && !slices.Contains(r.third, imported):
		return "not among the libraries it may use"
	case third:
		return ""
	case r.only != nil && !slices.Contains(r.only, imported):
		return "of the standard library it may use text, numbers and the interfaces of io"
	case slices.Contains(r.barred, imported):
		return "that is another room's work"
	}
	return ""
}

// TestJudge: a rule that lets everything pass would not be noticed otherwise.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		room, imported string
		wrong          bool
	}{
		{"scoring", module + "replication/gtid", false},
		{"scoring", module + "replication", true},
		{"scoring", "time", false},
		{"scoring", "log/slog", true},
		{"scoring", "os", true},
		{"replication/gtid", "time", true},
		{"replication/binlog", module + "replication/gtid", true},
		{"replication", "github.com/go-sql-driver/mysql", false},
		{"replication", module + "ocf", true},
		{"replication", "os/exec", true},
		{"vip", module + "scoring", true},
		{"ocf", module + "ocf/ledger", true},
		{"ocf", "github.com/godbus/dbus/v5", true},
		{"ocf", "os", true},
		{"ocf", module + "ocf/report", true},
		{"ocf/ledger", module + "ocf/datadir", true},
		{"ocf/ledger", module + "scoring", true},
		{"ocf/pacemaker", "os/exec", false},
		{"ocf/report", module + "scoring", false},
		{"ocf/report", module + "replication", true},
		{"ocf/report", module + "ocf/pacemaker", true},
		{"ocf/report", "os", true},
		{"ocf/systemd", "os/exec", true},
		{"ocf/systemd", module + "cmd/mysql-ha", true},
		{"ocf/systemd", module + "tests/lab", true},
	} {
		if why := rules[c.room].judge(c.room, c.imported, false); (why != "") != c.wrong {
			t.Errorf("%s imports %s: wrong is %t, judged %q", c.room, c.imported, c.wrong, why)
		}
	}
}

// packages lists the module's packages with their direct imports.
func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports", "./...")
	cmd.Dir = ".."
	out, err := cmd.Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("go list: %v: %s", err, e.Stderr)
		}
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < len(rules) {
		t.Fatalf("go list tells of %d packages only", len(all))
	}
	return all
}
