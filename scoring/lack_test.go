package scoring_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// What a node is said to lack agrees with its place, in every case there is.
func TestLackAgreesWithRank(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	compared := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for c := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n\n") {
			in, _, _ := strings.Cut(c, "\n--\n")
			v := parseView(t, in)
			for _, p := range scoring.Rank(v).Places {
				if p.Rule == "" {
					t.Errorf("%s: %s has a place by no rule", in, p.Node.Name)
				}
				l := scoring.LackOf(v, p.Node.Name)
				switch p.Rule {
				case scoring.RuleInSync:
					if !l.Known || l.Count != 0 {
						t.Errorf("%s: %s is in sync, and lacks %+v", in, p.Node.Name, l)
					}
					compared++
				case scoring.RuleBehind, scoring.RuleHolder, scoring.RuleLagUnknown:
					if !l.Known || l.Count == 0 || l.Missing.Empty() || len(l.Holders) == 0 && p.Rule == scoring.RuleBehind {
						t.Errorf("%s: %s is behind, and lacks %+v", in, p.Node.Name, l)
					}
					compared++
				case scoring.RuleUnseen, scoring.RuleDiverged, scoring.RuleQuarantined:
					if l.Known {
						t.Errorf("%s: %s does not count, and is measured", in, p.Node.Name)
					}
				}
			}
		}
	}
	if compared < 8 {
		t.Errorf("only %d places were compared", compared)
	}
}

func TestLack(t *testing.T) {
	const living = `record epoch=2 rev=3 primary=db1:aa start=0-1-10 durability=lossless waited=1 ackers=db2:bb,db3:cc marker=0-1-11
db1:aa primary at=0-1-130 was=0-1-120
db2:bb replica at=0-1-117
db3:cc replica at=0-1-121`
	v := parseView(t, living)
	for node, want := range map[string]scoring.Lack{
		// Measured by what the primary had a monitor ago: load is not a lack.
		"db2": {Known: true, Missing: mustSet(t, "0-1-120"), Count: 3, Holders: []string{"db1", "db3"}},
		"db3": {Known: true},
		"db9": {},
	} {
		got := scoring.LackOf(v, node)
		if got.Known != want.Known || got.Count != want.Count || !got.Missing.Equal(want.Missing) || !cmp.Equal(got.Holders, want.Holders) {
			t.Errorf("%s: %+v, want %+v", node, got, want)
		}
	}
	if c, ok := v.Living(); !ok || c.Node.Name != "db1" {
		t.Errorf("living: %v %t", c.Node, ok)
	}
	v.RecordError = "oh"
	if l := scoring.LackOf(v, "db2"); l.Known {
		t.Errorf("measured by an unreadable record: %+v", l)
	}
}
