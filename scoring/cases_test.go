package scoring_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// parseView reads a view from lines:
//
//	# a comment
//	size 3
//	policy allow waited max_lag=30s
//	record epoch=1 ...
//	row 1 db1:aa 0-1-1 [start]
//	db2:bb replica frozen at=0-1-100 lag=2s drain=...
func parseView(t *testing.T, text string) scoring.View {
	t.Helper()
	v := scoring.View{ClusterSize: 3}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		switch f[0] {
		case "size":
			v.ClusterSize, _ = strconv.Atoi(f[1])
		case "ledgers":
			v.Ledgers, _ = strconv.Atoi(f[1])
		case "policy":
			parsePolicy(t, &v, f[1:])
		case "error":
			v.RecordError = strings.Join(f[1:], " ")
		case "record":
			r, err := scoring.ParseRecord(strings.Join(f[1:], " "))
			if err != nil {
				t.Fatal(err)
			}
			v.Record = &r
		case "row":
			v.Line = append(v.Line, parseRow(t, f[1:]))
		default:
			v.Candidates = append(v.Candidates, parseCandidate(t, f))
		}
	}
	return v
}

func parsePolicy(t *testing.T, v *scoring.View, words []string) {
	t.Helper()
	for _, w := range words {
		switch key, value, _ := strings.Cut(w, "="); key {
		case "allow":
			v.Policy.AllowDataLoss = true
		case "async":
			v.Policy.Async = true
		case "waited":
			v.Waited = true
		case "max_lag":
			v.Policy.MaxLag, _ = time.ParseDuration(value)
		default:
			t.Fatalf("policy %q", w)
		}
	}
}

func parseRow(t *testing.T, f []string) scoring.EpochStart {
	t.Helper()
	epoch, err := strconv.ParseUint(f[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	row := scoring.EpochStart{Epoch: epoch, Primary: mustNode(t, f[1])}
	if marker := mustSet(t, f[2]).Entries(); len(marker) == 1 {
		row.Marker = marker[0]
	}
	if len(f) > 3 {
		row.Start = mustSet(t, f[3])
	}
	return row
}

func mustNode(t *testing.T, s string) scoring.NodeID {
	t.Helper()
	var id scoring.NodeID
	if err := id.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return id
}

func parseCandidate(t *testing.T, f []string) scoring.Candidate {
	t.Helper()
	lag := time.Duration(0)
	c := scoring.Candidate{
		Node: mustNode(t, f[0]), Role: scoring.Role(f[1]), Observed: true, Electable: true,
		RelayIntact: true, Lag: &lag, Tables: "t",
	}
	for _, w := range f[2:] {
		key, value, _ := strings.Cut(w, "=")
		text := strings.ReplaceAll(value, "_", " ")
		switch key {
		case "at":
			c.Position = mustSet(t, value)
		case "was":
			c.Previous = mustSet(t, value)
		case "lag":
			if c.Lag = nil; value != "unknown" {
				d, _ := time.ParseDuration(value)
				c.Lag = &d
			}
		case "frozen":
			c.Frozen = true
		case "whole":
			c.WholeBinlog = true
		case "unseen":
			c.Observed = false
		case "led":
			c.Led = true
		case "spare":
			c.Electable = false
		case "norelay":
			c.RelayIntact = false
		case "tables":
			c.Tables = value
		case "unlinked":
			c.Unlinked = text
		case "version":
			c.Version = value
		case "broken":
			c.Broken = text
		case "drain":
			c.Drain = text
		case "refused":
			c.Refused = text
		case "foreign":
			c.Foreign = text
		case "quarantined":
			c.Quarantined = text
		default:
			t.Fatalf("candidate word %q", w)
		}
	}
	return c
}
