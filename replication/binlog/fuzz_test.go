package binlog

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
)

// Whatever the bytes: no panic, offsets grow, what is complete lies in the file,
// and a shorter file never holds more.
func FuzzScan(f *testing.F) {
	for _, log := range captured(f) {
		f.Add(log, uint16(len(log)/2))
	}
	f.Fuzz(func(t *testing.T, log []byte, cut uint16) {
		whole, err := Scan(bytes.NewReader(log))
		at := int64(len(magicPlain))
		for _, tr := range whole.Transactions {
			if tr.Offset < at || tr.End <= tr.Offset || tr.End > int64(len(log)) || tr.Earlier != 0 {
				t.Fatalf("%+v after %d in %d bytes", tr, at, len(log))
			}
			at = tr.End
		}
		if whole.End > int64(len(log)) && err == nil {
			t.Fatalf("end %d of %d bytes", whole.End, len(log))
		}
		if !slices.IsSorted(whole.ServerIDs) {
			t.Fatalf("servers %d", whole.ServerIDs)
		}

		part, _ := Scan(bytes.NewReader(log[:min(int(cut), len(log))]))
		for i, tr := range part.Transactions {
			if tr.Complete && (i >= len(whole.Transactions) || whole.Transactions[i] != tr) {
				t.Fatalf("%+v in a part, not in the whole", tr)
			}
		}

		// Twice the same file as a series: what the first left open is never complete
		// by what begins with a GTID.
		var s Series
		for range 2 {
			_, _ = s.Walk(bytes.NewReader(log), func(tr Transaction) error {
				if tr.Earlier < 0 || tr.Earlier > 1 || tr.Earlier == 0 && tr.End <= tr.Offset {
					t.Fatalf("%+v", tr)
				}
				return nil
			})
		}
	})
}

func FuzzParseIndex(f *testing.F) {
	f.Add([]byte("./bin.000001\n./bin.000002\n"))
	f.Add([]byte("/var/log/mysql/relay-bin.000001\r\n\n\x00"))
	f.Add(bytes.Repeat([]byte("x"), maxName+1))
	f.Fuzz(func(t *testing.T, text []byte) {
		names, err := ParseIndex(bytes.NewReader(text))
		if err != nil && !errors.Is(err, ErrIndex) {
			t.Fatal(err)
		}
		for _, name := range names {
			if name == "" || len(name) > maxName || strings.ContainsAny(name, "\x00\n") {
				t.Fatalf("%q", name)
			}
		}
		again, err := ParseIndex(strings.NewReader(strings.Join(names, "\r\n")))
		if err != nil || !slices.Equal(again, names) {
			t.Fatalf("%q is read again as %q, %v", names, again, err)
		}
	})
}
