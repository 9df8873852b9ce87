package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mysql-ha/mysql-ha/ocf"
)

func TestSaveAndLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mysql-ha", "db.json")
	l := Open(path)
	if m, err := l.Load(); err != nil || !cmp.Equal(m, ocf.Memory{}) {
		t.Errorf("Load without a file = %+v, %v", m, err)
	}
	want := ocf.Memory{
		Record:  "epoch=3.1 primary=db1:aa",
		Freeze:  &ocf.Freeze{Epoch: 4, Counter: 2, Target: "db2", Boot: "b:1", Expires: 90 * time.Second},
		Refusal: &ocf.Refusal{Reason: "waiting for db2", Record: "r", Lacked: "0-1-7"},
		Primary: &ocf.Position{Node: "db1", At: "2026-01-02T03:04:05Z", Position: "0-1-7"},
		Boot:    "b:1",
	}
	for range 2 {
		if err := l.Save(want); err != nil {
			t.Fatal(err)
		}
		got, err := Open(path).Load()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestFailedSaveKeepsWhatWasThere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "db.json")
	if err := os.Mkdir(path, 0o700); err != nil { // nothing can be renamed onto it
		t.Fatal(err)
	}
	if err := Open(path).Save(ocf.Memory{}); err == nil {
		t.Error("saved over a directory")
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestLoadRefusesWhatItDoesNotUnderstand(t *testing.T) {
	tests := map[string]struct{ text, err string }{
		"empty":      {"", "the file is damaged"},
		"zeros":      {"\x00\x00\x00\x00", "the file is damaged"},
		"cut off":    {`{"version":1,"record":"epo`, "the file is damaged"},
		"twice":      {`{"version":1}{"version":1}`, "the file is damaged"},
		"no version": {`{"record":"x"}`, "it has no version"},
		"null":       {`null`, "it has no version"},
		"a type":     {`{"version":1,"freeze":3}`, "the file is damaged"},
		"newer":      {`{"version":2,"freeze":[1]}`, "written by a newer mysql-ha"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "db.json")
			if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if m, err := Open(path).Load(); err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("Load = %+v, %v", m, err)
			}
		})
	}
}

// An older agent between two newer ones keeps what it does not know.
func TestUnknownFieldsAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.json")
	if err := os.WriteFile(path, []byte(`{"version":1,"later":{"a":1},"BOOT":"b","waiting":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		m, err := Open(path).Load()
		if err != nil || m.Boot != "b" {
			t.Fatalf("Load = %+v, %v", m, err)
		}
		m.Waiting, m.Record = "", "r"
		if err := Open(path).Save(m); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if want := `{"boot":"b","later":{"a":1},"record":"r","version":1}` + "\n"; err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// What every agent that was ever installed wrote is read as it was meant, and
// written again without a loss.
func TestGoldenLedgers(t *testing.T) {
	for name, want := range map[string]ocf.Memory{
		"v1-empty.json": {},
		"v1-full.json": {
			Record:  "epoch=3 rev=2 primary=db1:aa start=0-1-100 durability=lossless waited=1 ackers=db2:bb,db3:cc marker=0-1-101",
			Freeze:  &ocf.Freeze{Epoch: 3, Counter: 7, Target: "db2", Boot: "b:1", Expires: 90 * time.Second},
			Promise: &ocf.Freeze{Epoch: 2, Counter: 6, Target: "db3", Boot: "b:1", Expires: 30 * time.Second},
			Refusal: &ocf.Refusal{Reason: "waiting for db2", Record: "r", Lacked: "0-1-7"},
			Foreign: "0-2-5", Discarded: "0-1-99",
			Primary: &ocf.Position{Node: "db1", At: "2026-01-02T03:04:05Z", Position: "0-1-7"},
			Boot:    "b:1", Waiting: "2026-01-02T03:04:05Z", Absent: map[string]string{"db3": "2026-01-02T03:04:05Z"}, Stalled: "2026-01-02T03:04:06Z",
		},
	} {
		golden, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "db.json")
		if err := os.WriteFile(path, golden, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Open(path).Load()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if err := Open(path).Save(got); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(path); err != nil || string(text) != string(golden) {
			t.Errorf("%s written again: %v\n%s", name, err, text)
		}
	}
}

// A newer version is neither read nor written over.
func TestNewerLedgerIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db.json")
	const newer = `{"version":2,"freeze":[1]}`
	if err := os.WriteFile(path, []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Open(path).Save(ocf.Memory{}); err == nil || !strings.Contains(err.Error(), "install the newer one again") {
		t.Errorf("Save = %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != newer {
		t.Errorf("it holds %s, %v", text, err)
	}
}

func TestLockExcludes(t *testing.T) {
	l := Open(filepath.Join(t.TempDir(), "db.json"))
	release, err := l.Lock(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, wait := range []time.Duration{0, 60 * time.Millisecond} {
		begin := time.Now()
		if _, err := l.Lock(wait); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Lock(%v) = %v", wait, err)
		}
		if took := time.Since(begin); took > wait+time.Second {
			t.Errorf("Lock(%v) took %v", wait, took)
		}
	}
	time.AfterFunc(50*time.Millisecond, release)
	again, err := l.Lock(10 * time.Second)
	if err != nil {
		t.Fatal(err)
	}
	release() // of a lock that is another's now
	if _, err := l.Lock(0); err == nil {
		t.Error("releasing twice released somebody else's lock")
	}
	again()
}

// Readers without the lock see a whole version while others write.
func TestReadersSeeWholeVersions(t *testing.T) {
	l := Open(filepath.Join(t.TempDir(), "db.json"))
	save := func(n int) error {
		return l.Save(ocf.Memory{Waiting: strings.Repeat("y", n), Record: strings.Repeat("x", n)})
	}
	if err := save(1); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for range 2 {
		writers.Go(func() {
			for n := range 50 {
				if err := save(n * 100); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if m, err := l.Load(); err != nil || len(m.Record) != len(m.Waiting) {
			t.Fatalf("read %d of %d: %v", len(m.Record), len(m.Waiting), err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{`{"version":1}`, `{"version":1,"freeze":{"epoch":1}}`, `{"version":1,"absent":{},"Conceded":{}}`, `{"version":2}`, `[]`, ``} {
		f.Add([]byte(seed))
	}
	full, err := os.ReadFile("testdata/v1-full.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(full)
	path := filepath.Join(f.TempDir(), "db.json")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		l := Open(path)
		m, err := l.Load()
		if err != nil {
			return
		}
		if err := l.Save(m); err != nil {
			t.Fatal(err)
		}
		// "absent": {} says no more than nothing does.
		if again, err := l.Load(); err != nil || !cmp.Equal(m, again, cmpopts.EquateEmpty()) {
			t.Errorf("saved %+v, loaded %+v, %v", m, again, err)
		}
	})
}
