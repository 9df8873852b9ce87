package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// broken panics as a bug would.
type broken struct{}

func (broken) Write([]byte) (int, error) { panic("out of\nreach") }

// The Go runtime ends a panic with 2, which Pacemaker reads as "invalid here", and
// a probe's as "stopped".
func TestPanicIsAPlainError(t *testing.T) {
	for _, args := range [][]string{{"mysql", "meta-data"}, {"mysql", "usage"}, {"mysql-ha", "version"}} {
		var stderr bytes.Buffer
		if code := run(context.Background(), args, nil, broken{}, &stderr); code != 1 {
			t.Errorf("%q: code %d, want 1", args, code)
		}
		if !strings.HasSuffix(stderr.String(), "\nocf-exit-reason:internal error: out of reach\n") {
			t.Errorf("%q: %s", args, stderr.String())
		}
	}
}

func TestIsAgent(t *testing.T) {
	for _, c := range []struct {
		args, environ string
		want          bool
	}{
		{"/usr/lib/ocf/resource.d/mysql-ha/mysql monitor", "", true},
		{"mysql", "", true},
		{"mysql promote", "", true},
		{"mysql-ha promote", "OCF_ROOT=/usr/lib/ocf", true},
		{"mysql-ha start", "OCF_RESOURCE_INSTANCE=db", true},
		{"mysql-ha promote --node db2", "", false},
		{"mysql-ha", "", false},
		{"mysql-ha --help", "", false},
		{"/usr/sbin/mysql-ha hook --resource db", "OCF_ROOT=/usr/lib/ocf", false},
		{"mysql help", "", true},
		{"mysql status", "", true},
		{"mysql-ha status", "OCF_ROOT=/usr/lib/ocf", false},
		{"mysql-ha explain db2", "", false},
	} {
		if got := isAgent(strings.Fields(c.args), strings.Fields(c.environ)); got != c.want {
			t.Errorf("%s with %q: %t, want %t", c.args, c.environ, got, c.want)
		}
	}
}
