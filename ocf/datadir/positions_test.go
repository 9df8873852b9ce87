package datadir

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// A relay log that was rotated in the middle of 0-3-2; the last transaction is not whole.
func split(t *testing.T) *Dir {
	t.Helper()
	d := server(t)
	d.write(t, "relay-bin.index", []byte("./relay.000002\n./relay.000003\n./relay.000004\n"))
	for _, n := range []string{"2", "3", "4"} {
		d.write(t, "relay.00000"+n, captured(t, "mariadb-split-"+n))
	}
	return d
}

func TestRelay(t *testing.T) {
	const mysql = "cbe0b78b-e644-11f1-a81e-02fc00000001"
	mixed := server(t)
	mixed.write(t, "relay-bin.index", []byte("./relay.000002\n"))
	mixed.write(t, "relay.000002", captured(t, "mysql-relay-mixed"))
	tests := map[string]struct {
		dir      *Dir
		executed string
		want     ocf.Relay
	}{
		"never a replica":     {dir: server(t)},
		"nothing executed":    {dir: split(t), want: ocf.Relay{Received: "0-3-3", File: "relay.000002", Offset: 615}},
		"in two files":        {dir: split(t), executed: "0-3-1", want: ocf.Relay{Received: "0-3-3", File: "relay.000002", Offset: 821}},
		"in the last":         {dir: split(t), executed: "0-3-2", want: ocf.Relay{Received: "0-3-3", File: "relay.000004", Offset: 1636}},
		"all, of another one": {dir: split(t), executed: "0-7-3", want: ocf.Relay{Received: "0-3-3"}},
		"of another domain":   {dir: split(t), executed: "1-3-9", want: ocf.Relay{Received: "0-3-3", File: "relay.000002", Offset: 615}},
		"MySQL": {
			dir: mixed, executed: mysql + ":1-13:blue:1",
			want: ocf.Relay{
				Received: "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300," + mysql + ":1-13:blue:1:red_2:1",
				File:     "relay.000002", Offset: 4232,
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				got, err := tt.dir.Relay(tt.executed)
				if diff := cmp.Diff(tt.want, got); diff != "" || err != nil {
					t.Errorf("%v %s", err, diff)
				}
			}
		})
	}
	damaged := split(t)
	text := captured(t, "mariadb-split-4")
	text[300] ^= 0xff
	damaged.write(t, "relay.000004", text)
	if r, err := damaged.Relay(""); err != nil || r.Damaged == "" || r.Received != "0-3-1" || r.File != "relay.000002" || r.Offset != 615 {
		t.Errorf("damaged: %+v, %v", r, err)
	}
	if r, err := split(t).Relay("rubbish"); err == nil {
		t.Errorf("Relay(rubbish) = %+v", r)
	}
}

func TestBinlogs(t *testing.T) {
	tests := map[string]struct {
		files []string
		want  string
	}{
		"none":            {},
		"as it died":      {[]string{"mariadb-bin-inuse"}, "0-3-19,7-9-1"},
		"one after other": {[]string{"mariadb-bin-mixed", "mariadb-bin-next"}, "0-3-16,7-9-1"},
		"MySQL":           {[]string{"mysql-bin-mixed"}, "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300,cbe0b78b-e644-11f1-a81e-02fc00000001:1-13:blue:1:red_2:1"},
		// Its number is used, though the transaction was never whole.
		"cut off": {[]string{"mariadb-split-4"}, "0-3-4"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := server(t)
			for _, f := range tt.files {
				d.write(t, f, captured(t, f))
			}
			if len(tt.files) > 0 {
				d.write(t, "bin.index", []byte(strings.Join(tt.files, "\n")+"\n"))
			}
			if got, err := d.Binlogs(); got != tt.want || err != nil {
				t.Errorf("Binlogs = %q, %v", got, err)
			}
		})
	}
}

// What a power loss leaves is passed over; damage in front of more is not.
func TestDamagedLogs(t *testing.T) {
	whole := captured(t, "mariadb-bin-inuse") // 0-3-17 to 389..596, 0-3-18 to 3281, 0-3-19 to 3488
	const all, two = "0-3-19,7-9-1", "0-3-18,7-9-1"
	damage := func(at int) []byte {
		text := bytes.Clone(whole)
		text[at] ^= 0xff
		return text
	}
	zeros := make([]byte, 100<<10)
	tests := map[string]struct {
		text []byte
		want string // "" is an error
	}{
		"zeros behind it":            {append(bytes.Clone(whole), zeros...), all},
		"cut in an event":            {whole[:3300], two},
		"last event, then zeros":     {append(damage(3480), zeros...), all}, // 0-3-19 has begun: its number is used
		"GTID event, then zeros":     {append(damage(3300)[:3319], zeros...), two},
		"in the middle":              {damage(500), ""},
		"zeros in the middle":        {append(append(bytes.Clone(whole[:596]), make([]byte, 100)...), whole[696:]...), ""},
		"one event of rubbish":       {append(bytes.Clone(whole), bytes.Repeat([]byte{7}, 30)...), all},
		"a short bit of it":          {append(bytes.Clone(whole), 7), all},
		"not a log":                  {[]byte("what is this that was written here"), ""},
		"a file that never was used": {zeros, "nothing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := server(t)
			d.write(t, "bin.index", []byte("bin.000001\n"))
			d.write(t, "bin.000001", tt.text)
			got, err := d.Binlogs()
			want := strings.TrimPrefix(tt.want, "nothing")
			if got != want || (err != nil) != (tt.want == "") {
				t.Errorf("Binlogs = %q, %v", got, err)
			}
		})
	}
}

func TestLogsThatCannotBeRead(t *testing.T) {
	encrypted := server(t)
	encrypted.write(t, "relay-bin.index", []byte("relay.000001\n"))
	encrypted.write(t, "relay.000001", captured(t, "mariadb-relay-encrypted"))
	gone := server(t)
	gone.write(t, "relay-bin.index", []byte("relay.000001\n"))
	unlisted := server(t)
	unlisted.write(t, "relay-bin.000001", captured(t, "mariadb-split-2"))
	for name, d := range map[string]*Dir{
		"encrypted": encrypted, "gone": gone, "without an index": unlisted,
		"no directory": New(Layout{Dir: "/nowhere", RelayLog: "relay-bin"}),
	} {
		if r, err := d.Relay(""); err == nil || r != (ocf.Relay{}) {
			t.Errorf("%s: Relay = %+v, %v", name, r, err)
		}
	}
}

func TestIndexOfDottedNames(t *testing.T) {
	d := server(t)
	for _, base := range []string{"db1.example-bin", "db1.example-bin.log", filepath.Join(d.layout.Dir, "db1.x.y")} {
		for _, index := range []string{"db1", "db1.example-bin", "db1.x"} {
			if !strings.HasPrefix(filepath.Base(base), index) {
				continue
			}
			path := filepath.Join(d.layout.Dir, index+".index")
			if err := os.WriteFile(path, []byte("./x.1\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			l, err := d.open(base)
			ambiguous := base == "db1.example-bin" && index == "db1.example-bin" // of a base without an extension
			if !ambiguous && (l.index != path || err != nil) {
				t.Errorf("open(%s) = %+v, %v", base, l, err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}
