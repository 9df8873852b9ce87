package bench

import (
	"strings"
	"testing"
	"time"
)

func at(ms int) time.Time { return time.UnixMilli(int64(ms)) }

func TestOverlaps(t *testing.T) {
	ack := func(node string, ms int) Event { return Event{Node: node, At: at(ms), Ack: true} }
	no := func(node string, ms int) Event { return Event{Node: node, At: at(ms)} }
	for _, tc := range []struct {
		name   string
		events []Event
		want   int
	}{
		{"one writer", []Event{ack("a", 1), no("b", 2), ack("a", 3)}, 0},
		{"failover", []Event{ack("a", 1), no("a", 2), ack("b", 3), ack("b", 4)}, 0},
		{"silent death", []Event{ack("a", 1), ack("b", 3), ack("b", 4)}, 0},
		{"there and back", []Event{ack("a", 1), no("a", 2), ack("b", 3), no("b", 4), ack("a", 5), ack("a", 6)}, 0},
		{"came back without a refusal", []Event{ack("a", 1), ack("b", 2), ack("a", 3)}, 1},
		{"two at once", []Event{ack("a", 1), ack("b", 2), ack("a", 3), ack("b", 4)}, 2},
		{"out of order", []Event{ack("a", 3), ack("a", 1), ack("b", 2)}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := (&Report{Events: tc.events}).Overlaps()
			if len(got) != tc.want {
				t.Errorf("got %d: %v, want %d", len(got), got, tc.want)
			}
		})
	}
}

func TestGaps(t *testing.T) {
	r := &Report{Acks: []Ack{
		{Table: WriterRows, Node: "b", At: at(3000)},
		{Table: WriterRows, Node: "a", At: at(1000)},
		{Table: ProbeRows, Node: "a", At: at(2000)},
		{Table: WriterRows, Node: "b", At: at(3100)},
	}}
	gaps := r.Gaps(300 * time.Millisecond)
	if len(gaps) != 1 || gaps[0].Length != 2*time.Second || gaps[0].From != "a" || gaps[0].To != "b" {
		t.Errorf("got %v", gaps)
	}
}

func TestCheck(t *testing.T) {
	r := &Report{Acks: []Ack{{Table: "w", Writer: 1, Seq: 1, Node: "a"}, {Table: "w", Writer: 1, Seq: 2, Node: "a"}}}
	rows := func(seqs ...int64) (rs []Row) {
		for _, s := range seqs {
			rs = append(rs, Row{1, s})
		}
		return rs
	}
	for _, tc := range []struct {
		name string
		a, b []Row
		want string
	}{
		{"all there", rows(1, 2), rows(1, 2), ""},
		{"unknown rows may be there", rows(1, 2, 3), rows(1, 2, 3), ""},
		{"lost", rows(1, 2), rows(1), "b lacks 1 acknowledged rows"},
		{"twice", rows(1, 2, 2), rows(1, 2), "a holds 1 rows of w more than once"},
		{"different", rows(1, 2), rows(1, 2, 9), "1 rows are on b but not on a"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := r.Check("w", map[string][]Row{"a": tc.a, "b": tc.b})
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

func TestGapsOfSeveralMeters(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	first := &Report{Acks: []Ack{{Table: WriterRows, At: at(0)}, {Table: WriterRows, At: at(3)}}}
	second := &Report{Acks: []Ack{{Table: WriterRows, At: at(60)}, {Table: WriterRows, At: at(62)}}}
	gaps := Merge(first, second).Gaps(time.Second)
	if len(gaps) != 2 || Longest(gaps).Length != 3*time.Second {
		t.Errorf("gaps = %v, want 3 s and 2 s: nobody wrote between the meters", gaps)
	}
}
