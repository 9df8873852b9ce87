package main

import (
	"encoding/json"
	"os/exec"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

func document(t *testing.T, what string, environ ...string) string {
	t.Helper()
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"mysql-ha", "document", what}, environ, &out, &errs); code != 0 {
		t.Fatalf("document %s: code %d: %s", what, code, errs.String())
	}
	return out.String()
}

// Every parameter is on the agent's page and in the list, with its default.
func TestParametersAreDocumented(t *testing.T) {
	manual, list := document(t, "agent"), document(t, "parameters")
	for _, p := range ocf.Table {
		if !strings.Contains(manual, ".TP\n\\fB"+p.Name+"\\fR\n") {
			t.Errorf("%s is not on the page", p.Name)
		}
		_, section, found := strings.Cut(list, "\n## "+p.Name+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !found || !strings.Contains(section, "default "+p.Default) && p.Default != "" {
			t.Errorf("%s, default %q, is not in the list: %q", p.Name, p.Default, section)
		}
	}
	for _, a := range ocf.Actions {
		if !strings.Contains(manual, roff(string(a))) {
			t.Errorf("action %s is not on the page", a)
		}
	}
}

// Every command that is not hidden is on the command's page, and completed.
func TestCommandsAreDocumented(t *testing.T) {
	manual, words := document(t, "command"), document(t, "completion")
	all, err := commands()
	if err != nil || len(all) < 8 {
		t.Fatalf("%d commands, %v", len(all), err)
	}
	for _, n := range all {
		if !strings.Contains(manual, ".SS "+roff(n.Name)+"\n") || !strings.Contains(words, "  "+n.Name+") words=") {
			t.Errorf("%s is not documented", n.Name)
		}
		for _, f := range n.Flags {
			if f.Name != "help" && !strings.Contains(manual, roff("--"+f.Name)) {
				t.Errorf("%s --%s is not on the page", n.Name, f.Name)
			}
		}
	}
	for _, hidden := range []string{"supervise", "announce", "document"} {
		if strings.Contains(manual, ".SS "+hidden) {
			t.Errorf("%s is hidden, and on the page", hidden)
		}
	}
}

// Pages are the same whenever they are made, and bear the sources' date.
func TestPagesHaveTheSourcesDate(t *testing.T) {
	for _, what := range []string{"agent", "command"} {
		manual := document(t, what, "SOURCE_DATE_EPOCH=1700000000")
		if !strings.Contains(manual, `"2023-11-14"`) {
			t.Errorf("%s: %.80s", what, manual)
		}
		for line := range strings.Lines(manual) {
			if strings.HasPrefix(line, "'") {
				t.Errorf("%s: a line begins as a request: %s", what, line)
			}
		}
	}
	var out, errs strings.Builder
	if code := run(t.Context(), []string{"mysql-ha", "document", "agent"}, []string{"SOURCE_DATE_EPOCH=today"}, &out, &errs); code != 1 {
		t.Errorf("a date that is none: code %d", code)
	}
}

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{
		".so x":        `\&.so x`,
		"'br":          `\(aqbr`,
		`C:\x --yes ~`: `C:\ex \-\-yes \(ti`,
	} {
		if got := roff(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestCompletionIsBash(t *testing.T) {
	cmd := exec.Command("bash", "-n")
	cmd.Stdin = strings.NewReader(document(t, "completion"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestParts(t *testing.T) {
	text, err := partsOf(&debug.BuildInfo{GoVersion: "go1.26.8", Deps: []*debug.Module{
		{Path: "example.org/a", Version: "v1.0.0", Sum: "h1:AAEC"},
		{Path: "example.org/b", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/c", Version: "v3.0.0"}},
	}}, time.Unix(1_700_000_000, 0))
	if err != nil {
		t.Fatal(err)
	}
	var doc spdxDocument
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Creation.Created != "2023-11-14T22:13:20Z" || len(doc.Packages) != 4 || len(doc.Relationships) != 4 {
		t.Fatalf("%s", text)
	}
	seen := map[string]bool{}
	for _, p := range doc.Packages {
		if seen[p.ID] {
			t.Errorf("%s is there twice", p.ID)
		}
		seen[p.ID] = true
	}
	if p := doc.Packages[2]; p.Name != "example.org/a" || p.Comment != "h1 of go.sum, in hexadecimal: 000102" {
		t.Errorf("%+v", p)
	}
	if p := doc.Packages[3]; p.Refs[0].Locator != "pkg:golang/example.org/c@v3.0.0" {
		t.Errorf("%+v", p)
	}
	if !strings.Contains(document(t, "parts"), `"stdlib"`) {
		t.Error("this program has no standard library")
	}
}
