package story

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		line string
		want map[string][]string // nil: wrong
	}{
		{"await-rejoined db1 db2 30s", map[string][]string{"seeding": nil, "NODE": {"db1", "db2"}, "TIMEOUT": {"30s"}}},
		{"await-rejoined seeding db1 30s", map[string][]string{"seeding": {"seeding"}, "NODE": {"db1"}, "TIMEOUT": {"30s"}}},
		{"await-rejoined 30s", nil},
		{"await-rejoined db1 soon", nil},
		{"leftover", map[string][]string{"timeouts": nil, "TIMEOUT": nil}},
		{"leftover timeouts 9s", map[string][]string{"timeouts": {"timeouts"}, "TIMEOUT": {"9s"}}},
		{"leftover never", nil},
		{"split db1 / db2 db3", map[string][]string{"NODE": {"db1", "db2", "db3"}, "/": {"/"}, "MORE": nil}},
		{"split db1 db2", nil},
		{"split db1 /", nil},
		{"split db1 / db2 / db3", map[string][]string{"NODE": {"db1", "db2"}, "/": {"/"}, "MORE": {"/", "db3"}}},
		{"at db1 demote end cut db1", map[string][]string{"NODE": {"db1"}, "ACTION": {"demote"}, "DELAY|end": {"end"}, "WORD": {"cut"}, "TARGET": {"db1"}}},
		{"at db1 demote 20ms kill-agent", map[string][]string{"NODE": {"db1"}, "ACTION": {"demote"}, "DELAY|end": {"20ms"}, "WORD": {"kill-agent"}, "TARGET": nil}},
		{"at db1 demote soon kill-agent", nil},
		{"await-primary not:db1 5s", map[string][]string{"NODE|not:NODE|any": {"not:db1"}, "TIMEOUT": {"5s"}}},
		{"writable db1 perhaps", nil},
		{"crowd many", nil},
		{"crowd 5 3", map[string][]string{"COUNT": {"5"}, "LEAST": {"3"}}},
		{"attr db1 db-reason ( 5s", nil},
		{"heal db1", nil},
		{"dance", nil},
	} {
		words := strings.Fields(c.line)
		call, err := Parse(words[0], words[1:])
		if c.want == nil {
			if !errors.Is(err, ErrUsage) {
				t.Errorf("%s: %v, want a wrong argument", c.line, err)
			}
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		if diff := cmp.Diff(c.want, call.found, cmp.Transformer("empty", func(s []string) string { return strings.Join(s, " ") })); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.line, diff)
		}
	}
}

// fixed is a stage on which every part is played by a node of its name.
type fixed struct{}

func (fixed) Do(context.Context, *Call) error                        { return nil }
func (fixed) Resolve(_ context.Context, word string) (string, error) { return "node-" + word, nil }
func (fixed) Say(string, ...any)                                     {}

func TestArguments(t *testing.T) {
	read := func(line string) *Call {
		words := strings.Fields(line)
		c, err := Parse(words[0], words[1:])
		if err != nil {
			t.Fatal(err)
		}
		c.stage = fixed{}
		return c
	}
	groups, err := read("split a b / c / d").Groups(t.Context())
	if diff := cmp.Diff([][]string{{"node-a", "node-b"}, {"node-c"}, {"node-d"}}, groups); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if _, err := read("split a / b / c /").Groups(t.Context()); !errors.Is(err, ErrUsage) {
		t.Errorf("an empty side: %v", err)
	}
	nodes, err := read("await-rejoined a b 5s").Nodes(t.Context(), "NODE")
	if diff := cmp.Diff([]string{"node-a", "node-b"}, nodes); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if d := read("writable a yes 7s").Duration("TIMEOUT", time.Hour); d != 7*time.Second {
		t.Error(d)
	}
	if d := read("writable a yes").Duration("TIMEOUT", time.Hour); d != time.Hour {
		t.Error(d)
	}
	if n := read("crowd 12").Number("COUNT"); n != 12 {
		t.Error(n)
	}
}

func TestWho(t *testing.T) {
	c := Cast{
		DC: "db2", Online: []string{"db1", "db2", "db3"}, Promoted: []string{"db3"}, Unpromoted: []string{"db1", "db2"},
		Others: map[string]Cast{"shop": {Promoted: []string{"db1"}}},
	}
	for word, want := range map[string]string{
		"primary": "db3", "replica": "db1", "replica1": "db1", "replica2": "db2", "dc": "db2", "not-dc": "db1", "primary:shop": "db1",
		"replica:shop": "", "primary:wiki": "", "witness": "",
	} {
		if got, err := c.Who(word); got != want || (want == "") != (err != nil) {
			t.Errorf("%s: %q, %v, want %q", word, got, err, want)
		}
	}
	if got, err := (Cast{Promoted: []string{"db1", "db2"}}).Who("primary"); err == nil {
		t.Errorf("of two primaries %s", got)
	}
}

func TestRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.txtar")
	text := "# Told.\ncluster healthy\n\n[mysql] sql db1 'SELECT ''x'' # y'  # z\n[!mysql] heal\n! writable db1'x'y no\n[mysql] stop 'enough'\nheal\n-- file --\nnot a line\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Read(file, func(string) (bool, error) { return true, nil })
	if all, err := Read(file, nil); err != nil || len(all) != 6 {
		t.Errorf("%d lines in all, want 6: %v", len(all), err)
	}
	want := []Line{
		{2, "cluster", []string{"healthy"}},
		{4, "sql", []string{"db1", "SELECT 'x' # y"}},
		{6, "writable", []string{"db1xy", "no"}},
		{7, "stop", []string{"enough"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
}

// TestScenarios: every line of every story is a word with arguments that fit it, or a
// command of testscript.
func TestScenarios(t *testing.T) {
	builtin := strings.Fields("cd chmod cmp cmpenv cp env exec exists grep kill mkdir mv rm skip stderr stdin stdout stop symlink unquote wait")
	for _, dir := range []string{"", "faults", "open"} {
		files, err := filepath.Glob(filepath.Join("../scenarios", dir, "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			lines, err := Read(file, nil)
			if err != nil {
				t.Error(err)
			}
			for _, l := range lines {
				if _, err := Parse(l.Word, l.Args); err != nil && !slices.Contains(builtin, l.Word) {
					t.Errorf("%s:%d: %v", file, l.Number, err)
				}
			}
		}
	}
}
