package process

import (
	"strings"
	"testing"
)

func TestParseNotification(t *testing.T) {
	tests := map[string]said{
		"READY=1":                            {ready: true},
		"READY=1\nSTATUS=ok\nMAINPID=7\n":    {ready: true, status: "ok"},
		"STOPPING=1\nSTATUS=a=b":             {stopping: true, status: "a=b"},
		"EXTEND_TIMEOUT_USEC=1\nSTATUS=I: x": {status: "I: x"},
		"READY=0":                            {},
		"":                                   {},
		"READY":                              {},
	}
	for text, want := range tests {
		if got := parseNotification(text); got != want {
			t.Errorf("parseNotification(%q) = %+v", text, got)
		}
	}
}

func TestParseStat(t *testing.T) {
	const tail = " 1 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 77 24 25\n"
	for _, name := range []string{"(x)", "(a b)", "(a) S 1 (b)"} {
		if got, err := parseStat([]byte("7 " + name + " Z" + tail)); got != (stat{'Z', 1, 77}) || err != nil {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	for _, text := range []string{"", "7 (x)", "7 (x) Z 1 1", "7 (x) ZZ" + tail, "7 (x) \x00" + tail} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("parseStat(%q) = %+v", text, got)
		}
	}
}

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		argv, args string
		want       bool
	}{
		{"mysqld --a --b", "--a --b", true},
		{"ld.so --argv0 mysqld /usr/sbin/mysqld --a --b --more", "--a --b", true},
		{"mysqld --a --c --b", "--a --b", false},
		{"mysqld --a", "--a --b", false},
		{"mysqld --a", "", false},
		{"", "--a", false},
	} {
		if got := holds(strings.Fields(c.argv), strings.Fields(c.args)); got != c.want {
			t.Errorf("%q in %q: %t", c.args, c.argv, got)
		}
	}
}
