package surface_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// places are both kinds of machine.
var places = map[string]func(*testing.T) *place{"bare": bare, "systemd": booted}

// everywhere runs a test in both kinds of place.
func everywhere(t *testing.T, f func(t *testing.T, p *place)) {
	t.Helper()
	for name, enter := range places {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, enter(t))
		})
	}
}

// tester runs ocf-tester against the installed agent. Unless it is verbose it reads
// each action's output to the end: it hangs where a server keeps the pipe.
func (r *resource) tester(flags ...string) outcome {
	args := append([]string{"ocf-tester", "-n", r.name}, flags...)
	for _, name := range slices.Sorted(maps.Keys(r.params)) {
		args = append(args, "-o", name+"="+r.params[name])
	}
	return r.run(append(args, agentPath)...)
}

func TestTester(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) { passes(t, p.resource("db", "3306")) })
}

func TestTesterMySQL(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) { passes(t, p.mysql("db", "3306")) })
}

func passes(t *testing.T, r *resource) {
	t.Helper()
	o := r.tester()
	if o.code != 0 || !strings.Contains(o.stdout, "passed all tests") {
		t.Fatalf("%s\nin its own words: %s", o, r.tester("-v"))
	}
	for _, unwanted := range []string{"* rc=", "partially", "support the demote", "support the promote", "support the notify"} {
		if strings.Contains(o.stdout, unwanted) {
			t.Errorf("%q:\n%s", unwanted, o)
		}
	}
	if left := r.servers(); len(left) > 0 {
		t.Errorf("servers are left: %v", left)
	}
}
