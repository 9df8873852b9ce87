package process

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
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
	for _, text := range []string{"", "7 (x)", "7 (x) Z 1 1", "7 (x) ZZ" + tail} {
		if got, err := parseStat([]byte(text)); err == nil {
			t.Errorf("parseStat(%q) = %+v", text, got)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("7 (x) Z 1 1 1 0 -1 4194560 2 3 4 5 6 7 8 9 20 0 1 0 77 24 25\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := parseStat(text); (err == nil) == (s.state == 0) {
			t.Errorf("parseStat = %+v, %v", s, err)
		}
	})
}

func TestParseOptions(t *testing.T) {
	const text = "mariadbd would have been started with the following arguments:\n" +
		"--log-bin=/var/log/mysql/bin.log --skip_name_resolve --init-connect=SET NAMES utf8mb4 --read_only=1 --read-only=0 \n"
	want := map[string]string{
		"log_bin": "/var/log/mysql/bin.log", "skip_name_resolve": "", "init_connect": "SET NAMES utf8mb4", "read_only": "0",
	}
	if diff := cmp.Diff(want, parseOptions(text)); diff != "" {
		t.Error(diff)
	}
	if got := parseOptions("would have been started with:\n"); len(got) != 0 {
		t.Error(got)
	}
}

func TestConfigured(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "mysqld")
	script := "#!/bin/sh\n[ \"$1\" = --defaults-file=/etc/my.cnf ] || { echo \"bad $1\" >&2; exit 1; }\necho would; echo --port=3307\n"
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := Options{}.Configured(t.Context(), binary, "/etc/my.cnf")
	if diff := cmp.Diff(map[string]string{"port": "3307"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if got, err := (Options{}).Configured(t.Context(), binary, "/other"); err == nil {
		t.Error(got)
	}
}
