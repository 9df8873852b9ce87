package datadir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// server is a data directory with a database in it.
func server(t testing.TB) *Dir {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if err := os.MkdirAll(filepath.Join(dir, "mysql"), 0o700); err != nil {
		t.Fatal(err)
	}
	return New(Layout{Dir: dir, BinaryLog: "bin", RelayLog: "relay-bin.log"})
}

// write puts files into the data directory; later ones follow in the index.
func (d *Dir) write(t testing.TB, name string, text []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(d.layout.Dir, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// captured is a file that a real server wrote.
func captured(t testing.TB, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../replication/binlog/testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestExists(t *testing.T) {
	d := server(t)
	if ok, err := d.Exists(); !ok || err != nil {
		t.Errorf("Exists = %v, %v", ok, err)
	}
	for _, dir := range []string{t.TempDir(), "/nowhere/at/all"} {
		if ok, err := New(Layout{Dir: dir}).Exists(); ok || err != nil {
			t.Errorf("Exists(%s) = %v, %v", dir, ok, err)
		}
	}
}

func TestID(t *testing.T) {
	d := server(t)
	if os.Getuid() == 0 {
		if err := os.Chown(d.layout.Dir, 1234, 1235); err != nil {
			t.Fatal(err)
		}
	}
	id, err := d.ID()
	if len(id) != 8 || err != nil {
		t.Fatalf("ID = %q, %v", id, err)
	}
	for range 2 {
		if again, err := d.ID(); again != id || err != nil {
			t.Errorf("then ID = %q, %v", again, err)
		}
	}
	info, err := os.Stat(filepath.Join(d.layout.Dir, idFile))
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); info.Mode().Perm() != 0o640 || os.Getuid() == 0 && (st.Uid != 1234 || st.Gid != 1235) {
		t.Errorf("%v of %d:%d", info.Mode(), st.Uid, st.Gid)
	}
	d.write(t, uuidFile, []byte("[auto]\nserver-uuid=cbe0b78b-e644-11f1-a81e-02fc00000001\n"))
	renewed, err := d.Renew()
	if err != nil || renewed == id {
		t.Errorf("Renew = %q, %v", renewed, err)
	}
	if again, err := d.ID(); again != renewed || err != nil {
		t.Errorf("then ID = %q, %v", again, err)
	}
	entries, err := os.ReadDir(d.layout.Dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

// What the server's name stays with keeps its id.
func TestRenewFails(t *testing.T) {
	d := server(t)
	id, err := d.ID()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(d.layout.Dir, uuidFile, "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	if renewed, err := d.Renew(); err == nil {
		t.Errorf("Renew = %q", renewed)
	}
	if again, err := d.ID(); again != id || err != nil {
		t.Errorf("then ID = %q, %v", again, err)
	}
}

func TestOfTwoAgentsOneNamesTheData(t *testing.T) {
	d := server(t)
	ids := make([]string, 8)
	var agents sync.WaitGroup
	for i := range ids {
		agents.Go(func() {
			var err error
			if ids[i], err = d.ID(); err != nil {
				t.Error(err)
			}
		})
	}
	agents.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("the data has several ids: %v", ids)
		}
	}
}

func TestNothingToName(t *testing.T) {
	d := New(Layout{Dir: t.TempDir()})
	if id, err := d.ID(); err == nil {
		t.Errorf("ID without a database = %q", id)
	}
	d = server(t)
	for _, damaged := range []string{"", "0102", "010203zz", "0102030405\n"} {
		d.write(t, idFile, []byte(damaged))
		if id, err := d.ID(); err == nil {
			t.Errorf("ID of %q = %q", damaged, id)
		}
	}
}

func TestSave(t *testing.T) {
	d := server(t)
	d.write(t, "bin.index", []byte("./bin.000001\n./bin.000002\n"))
	d.write(t, "bin.000001", []byte("one"))
	d.write(t, "bin.000002", []byte("two"))
	// An interrupted copy before it.
	if err := os.MkdirAll(d.layout.Dir+".quarantine/epoch-3.part/bin.000001", 0o700); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"bin.index": "./bin.000001\n./bin.000002\n", "bin.000001": "one", "bin.000002": "two"}
	for range 2 {
		dir, err := d.Save("epoch-3")
		if dir != d.layout.Dir+".quarantine/epoch-3" || err != nil {
			t.Fatalf("Save = %q, %v", dir, err)
		}
		got := map[string]string{}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			text, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			got[e.Name()] = string(text)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		d.write(t, "bin.000002", []byte("cut")) // the copy is of before
	}
	if entries, err := os.ReadDir(d.layout.Dir + ".quarantine"); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestSaveFails(t *testing.T) {
	tests := map[string]struct {
		prepare func(*Dir)
		name    string
		want    string
	}{
		"a name outside":    {name: "../x", want: "is not the name of a copy"},
		"no name":           {want: "is not the name of a copy"},
		"a log is gone":     {prepare: func(d *Dir) { d.write(t, "bin.index", []byte("bin.000001\n")) }, name: "x", want: "no such file"},
		"the index is gone": {prepare: func(d *Dir) { d.write(t, "bin.000001", nil) }, name: "x", want: "and no index"},
		"no room": {prepare: func(d *Dir) {
			d.write(t, "bin.index", []byte("bin.000001\n"))
			d.write(t, "bin.000001", nil)
			if err := os.Truncate(filepath.Join(d.layout.Dir, "bin.000001"), 1<<42); err != nil {
				t.Skip(err) // a file system without holes of that size
			}
		}, name: "x", want: "MiB free and needs 4194369: no space left"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := server(t)
			if tt.prepare != nil {
				tt.prepare(d)
			}
			if dir, err := d.Save(tt.name); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Save = %q, %v", dir, err)
			}
			if _, err := os.Stat(d.layout.Dir + ".quarantine/x"); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("there is a copy: %v", err)
			}
		})
	}
}
