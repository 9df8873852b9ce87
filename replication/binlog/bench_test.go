package binlog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// repeated is a log of about 16 MiB: the transactions of a captured file over and over.
func repeated(b *testing.B) []byte {
	b.Helper()
	log := captured(b)["mariadb-bin-inuse"]
	f, err := Scan(bytes.NewReader(log))
	if err != nil {
		b.Fatal(err)
	}
	first := f.Transactions[0].Offset
	return append(bytes.Clone(log), bytes.Repeat(log[first:], 16<<20/len(log[first:]))...)
}

func BenchmarkWalk(b *testing.B) {
	log := repeated(b)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Walk(bytes.NewReader(log), func(Transaction) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleParseIndex() {
	names, err := ParseIndex(strings.NewReader("./relay.000001\n./relay.000002\n"))
	fmt.Println(names, err)
	// Output: [./relay.000001 ./relay.000002] <nil>
}
