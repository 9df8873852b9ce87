package binlog

import (
	"bytes"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// walkSeries reads the files in order and returns what was reported, and after
// which files a transaction was open.
func walkSeries(t *testing.T, s *Series, files ...[]byte) (got []Transaction, open []bool) {
	t.Helper()
	for i, file := range files {
		_, err := s.Walk(bytes.NewReader(file), func(tr Transaction) error {
			got = append(got, tr)
			return nil
		})
		if err != nil {
			t.Fatalf("file %d: %v", i, err)
		}
		_, isOpen := s.Open()
		open = append(open, isOpen)
	}
	return got, open
}

// A transaction that the receiver spread over three relay logs: the first was
// flushed in the middle of it, the second ended with a lost connection.
func TestSeriesJoins(t *testing.T) {
	files := captured(t)
	var s Series
	got, open := walkSeries(t, &s, files["mariadb-split-2"], files["mariadb-split-3"], files["mariadb-split-4"])
	want := []Transaction{
		{GTID: "0-3-1", Offset: 615, End: 821, Complete: true},
		{GTID: "0-3-2", Offset: 821, Earlier: 2, End: 1636, Complete: true},
		{GTID: "0-3-3", Offset: 1636, End: 1842, Complete: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Equal(open, []bool{true, true, true}) {
		t.Errorf("open after each file: %v", open)
	}
	tr, _ := s.Open()
	if diff := cmp.Diff(Transaction{GTID: "0-3-4", Offset: 1842, End: 2488}, tr); diff != "" {
		t.Errorf("still open: -want +got:\n%s", diff)
	}
}

// If the next file begins another transaction, the open one was given up: its
// events are in the log, but appliers roll them back.
func TestSeriesGivenUp(t *testing.T) {
	files := captured(t)
	var s Series
	got, open := walkSeries(t, &s, files["mariadb-split-2"], files["mariadb-bin-next"])
	want := []Transaction{
		{GTID: "0-3-1", Offset: 615, End: 821, Complete: true},
		{GTID: "0-3-2", Offset: 821, Earlier: 1, End: 1467},
		{GTID: "0-3-16", Offset: 389, End: 597, Complete: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if !slices.Equal(open, []bool{true, false}) {
		t.Errorf("open after each file: %v", open)
	}
}

// The zero value and a series of whole files say the same as Scan.
func TestSeriesOfWholeFiles(t *testing.T) {
	files := captured(t)
	var s Series
	if _, open := s.Open(); open {
		t.Error("a transaction is open before any file")
	}
	got, _ := walkSeries(t, &s, files["mariadb-bin-mixed"], files["mariadb-bin-next"])
	first, _ := Scan(bytes.NewReader(files["mariadb-bin-mixed"]))
	second, _ := Scan(bytes.NewReader(files["mariadb-bin-next"]))
	if diff := cmp.Diff(slices.Concat(first.Transactions, second.Transactions), got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
