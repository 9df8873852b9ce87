package scoring_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

var update = flag.Bool("update", false, "rewrite the golden parts of testdata")

// Each case is a view as words, "--", and what the operator reads about it.
func TestCases(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for c := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n\n") {
			in, want, _ := strings.Cut(c, "\n--\n")
			got := answer(t, in)
			out = append(out, strings.TrimSpace(in)+"\n--\n"+got)
			title, _, _ := strings.Cut(strings.TrimSpace(in), "\n")
			t.Run(filepath.Base(file)+"/"+strings.TrimPrefix(title, "# "), func(t *testing.T) {
				if d := cmp.Diff(strings.TrimSpace(want), got); d != "" && !*update {
					t.Error(d)
				}
				shuffled := shuffle(parseView(t, in), 1)
				if d := cmp.Diff(got, describe(shuffled)); d != "" {
					t.Errorf("order matters: %s", d)
				}
			})
		}
		if *update {
			if err := os.WriteFile(file, []byte(strings.Join(out, "\n\n\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func answer(t *testing.T, in string) string { t.Helper(); return describe(parseView(t, in)) }

// describe is the ranking, and what each node's election would say.
func describe(v scoring.View) string {
	r := scoring.Rank(v)
	var b strings.Builder
	b.WriteString(r.Describe())
	if len(r.Proof.Missing) > 0 {
		fmt.Fprintf(&b, "missing: %s\n", strings.Join(r.Proof.Missing, " "))
	}
	for _, p := range sortedPlaces(r) {
		e := scoring.Elect(v, p.Node.Name)
		fmt.Fprintf(&b, "elect %s: %s: %s\n", p.Node.Name, e.Verdict, e.Reason)
		if e.From != "" {
			fmt.Fprintf(&b, "  from %s up to %s\n", e.From, e.Target)
		}
		if e.Verdict == scoring.Win {
			fmt.Fprintf(&b, "  next %s\n", e.Next)
		}
		if e.Loss != "" {
			fmt.Fprintf(&b, "  loss %s\n", e.Loss)
		}
	}
	return strings.TrimSpace(b.String())
}

func sortedPlaces(r scoring.Ranking) []scoring.Place {
	ps := append([]scoring.Place(nil), r.Places...)
	for i := range ps {
		for j := i; j > 0 && ps[j].Node.Name < ps[j-1].Node.Name; j-- {
			ps[j], ps[j-1] = ps[j-1], ps[j]
		}
	}
	return ps
}

// TestExample keeps the documented input of `mysql-ha score --file` readable, and
// its round trip exact.
func TestExample(t *testing.T) {
	data, err := os.ReadFile("testdata/cluster.json")
	if err != nil {
		t.Fatal(err)
	}
	var v, again scoring.View
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	back, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(back, &again); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, again); d != "" {
		t.Error(d)
	}
	const want = `db2          0  complete: 2 of 2 ackers are here
db3         -8  lacks 5 of what is held
db1  -INFINITY  could not be observed
proof: complete: 2 of 2 ackers are here
`
	if d := cmp.Diff(want, scoring.Rank(v).Describe()); d != "" {
		t.Error(d)
	}
}

func shuffle(v scoring.View, seed uint64) scoring.View {
	rng := rand.New(rand.NewPCG(seed, 7))
	v.Candidates = append([]scoring.Candidate(nil), v.Candidates...)
	rng.Shuffle(len(v.Candidates), func(i, j int) {
		v.Candidates[i], v.Candidates[j] = v.Candidates[j], v.Candidates[i]
	})
	return v
}

func mustSet(t *testing.T, s string) gtid.Set {
	t.Helper()
	set, err := gtid.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
