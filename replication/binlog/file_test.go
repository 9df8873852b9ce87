package binlog

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// captured returns the log files of real servers, by name.
func captured(t testing.TB) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("testdata/*-*")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string][]byte)
	for _, name := range names {
		if ext := filepath.Ext(name); ext == ".golden" || ext == ".index" {
			continue
		}
		if files[filepath.Base(name)], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	if len(files) == 0 {
		t.Fatal("no captured files")
	}
	return files
}

// describe is the text of the golden files.
func describe(f File, err error) string {
	var b strings.Builder
	fmt.Fprintf(&b, "server %s, mariadb %t, checksum %t\n", f.Format.Server, f.Format.MariaDB, f.Format.Checksum)
	fmt.Fprintf(&b, "relay %t, in use %t, resumes %t, truncated %t\n", f.Relay, f.InUse, f.Resumes, f.Truncated)
	fmt.Fprintf(&b, "start %q, rotate %q, servers %d, end %d\n", f.Start, f.Rotate, f.ServerIDs, f.End)
	for _, t := range f.Transactions {
		fmt.Fprintf(&b, "%6d..%-6d %s%s%s\n", t.Offset, t.End, t.GTID, flagText(t.DDL, " ddl"), flagText(!t.Complete, " incomplete"))
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

func flagText(set bool, text string) string {
	if set {
		return text
	}
	return ""
}

func TestScanCaptured(t *testing.T) {
	for name, log := range captured(t) {
		t.Run(name, func(t *testing.T) {
			got := describe(Scan(bytes.NewReader(log)))
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A file cut at any byte yields the transactions that were complete before the cut.
func TestScanCutAnywhere(t *testing.T) {
	for name, log := range captured(t) {
		if strings.Contains(name, "encrypted") {
			continue
		}
		whole, err := Scan(bytes.NewReader(log))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		step := 1
		if len(log) > 3000 {
			step = 7 // no event is that short
		}
		for n := 0; n < len(log); n += step {
			f, err := Scan(bytes.NewReader(log[:n]))
			if err != nil {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
			var want []Transaction
			inside := false
			for _, tr := range whole.Transactions {
				if tr.Complete && tr.End <= int64(n) {
					want = append(want, tr)
				}
				inside = inside || f.End > tr.Offset && (f.End < tr.End || !tr.Complete)
			}
			var got []Transaction
			for i, tr := range f.Transactions {
				if tr.Complete {
					got = append(got, tr)
				} else if i != len(f.Transactions)-1 {
					t.Errorf("%s cut at %d: incomplete %s is not the last", name, n, tr.GTID)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s cut at %d: -want +got:\n%s", name, n, diff)
			}
			if want := inside || f.End != int64(n) || n < len(magicPlain); f.Truncated != want {
				t.Fatalf("%s cut at %d: truncated %t, want %t", name, n, f.Truncated, want)
			}
		}
	}
}

// With checksums no single changed byte changes the answer unseen.
func TestScanDamaged(t *testing.T) {
	log := captured(t)["mariadb-relay-mixed"]
	whole, err := Scan(bytes.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		damaged := bytes.Clone(log)
		damaged[i] ^= 0x55
		f, err := Scan(bytes.NewReader(damaged))
		if err == nil && !f.Truncated {
			t.Errorf("byte %d changed, and nothing was said", i)
		}
		complete := 0
		for _, tr := range f.Transactions {
			if tr.Complete {
				complete++
			}
		}
		if want, got := whole.Transactions[:complete], f.Transactions[:complete]; !slices.Equal(want, got) {
			t.Errorf("byte %d changed: want %v, got %v", i, want, got)
		}
	}
}

func TestScanErrors(t *testing.T) {
	relay := captured(t)["mariadb-relay-mixed"]
	zeros := append(bytes.Clone(relay), make([]byte, 512)...) // what a power loss leaves
	flipped := bytes.Clone(relay)
	flipped[len(flipped)-60] ^= 1
	for name, tt := range map[string]struct {
		log  []byte
		want error
		n    int
	}{
		"text":          {[]byte("hello, world"), ErrFormat, 0},
		"no format":     {append([]byte("\xfebin"), relay[256:]...), ErrFormat, 0},
		"mysql cipher":  {[]byte("\xfdbin\x01\x02"), ErrEncrypted, 0},
		"zeros behind":  {zeros, ErrFormat, 16},
		"flipped bit":   {flipped, ErrChecksum, 16},
		"second header": {append(bytes.Clone(relay), relay...), ErrFormat, 16},
	} {
		f, err := Scan(bytes.NewReader(tt.log))
		if !errors.Is(err, tt.want) || len(f.Transactions) != tt.n {
			t.Errorf("%s: %d transactions, error %v; want %d, %v", name, len(f.Transactions), err, tt.n, tt.want)
		}
	}
	broken := errors.New("broken pipe")
	if _, err := Scan(failing{broken}); !errors.Is(err, broken) {
		t.Errorf("a reader's error came back as %v", err)
	}
}

type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

func TestScanShort(t *testing.T) {
	for _, log := range []string{"", "\xfe", "\xfebin", "\xfebin\x00"} {
		if f, err := Scan(strings.NewReader(log)); err != nil || f.Truncated != (log != "\xfebin") {
			t.Errorf("%q: %+v, %v", log, f, err)
		}
	}
}

// The caller's error comes back as it is, and nothing is called after it.
func TestWalkStopped(t *testing.T) {
	log := captured(t)["mariadb-bin-mixed"]
	stop := errors.New("enough")
	calls := 0
	_, err := Walk(bytes.NewReader(log), func(Transaction) error {
		if calls++; calls == 3 {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) || calls != 3 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	_, err = Walk(bytes.NewReader(log[:1000]), func(tr Transaction) error {
		if !tr.Complete {
			return stop
		}
		return nil
	})
	if !errors.Is(err, stop) {
		t.Errorf("error of the last, incomplete transaction: %v", err)
	}
}

// A size of four gigabytes in a small file costs no memory.
func TestHugeSizes(t *testing.T) {
	head := captured(t)["mariadb-bin-nocrc"][:4+252]
	for _, kind := range []byte{typeQuery, typeFormat, typeRotate, typeMariaGTID, typeMariaGTIDList, typePreviousGTIDs, typeXID, 200} {
		ev := append(bytes.Clone(head), 0, 0, 0, 0, kind, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0)
		ev = append(ev, make([]byte, 100)...)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f, err := Scan(bytes.NewReader(ev))
		runtime.ReadMemStats(&after)
		if err != nil || !f.Truncated {
			t.Errorf("event type %d: %+v, %v", kind, f, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 256<<10 {
			t.Errorf("event type %d: %d bytes allocated", kind, got)
		}
	}
}
