package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

var update = flag.Bool("update", false, "write the golden files again")

// readReport takes only what a report has.
func readReport(t *testing.T, path string) Report {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var r Report
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return r
}

// answers is all that an operator can ask of a report.
func answers(t *testing.T, r Report) string {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "$ mysql-ha status; echo $?\n%s%d\n", r.Status(), int(r.Health()))
	for _, node := range r.names() {
		e, err := r.Explain(node)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n$ mysql-ha explain %s\n%s", node, e)
		if len(e.Ways) == 0 {
			t.Errorf("%s: no way is told", node)
		}
		if e.Verdict == NotPromotable && e.Reason == "" {
			t.Errorf("%s is not promotable, without a reason", node)
		}
	}
	return b.String()
}

// Each situation is a report in testdata, and beside it what the operator reads.
func TestReports(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	if len(files) < 20 {
		t.Fatalf("only %d situations", len(files))
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			r := readReport(t, file)
			got := answers(t, r)
			golden := strings.TrimSuffix(file, ".json") + ".txt"
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
				t.Errorf("as written with -update, reviewed: %s", diff)
			}
			for _, r := range got {
				if r != '\n' && (r < ' ' || r > '~') {
					t.Fatalf("%q is not for every terminal", r)
				}
			}
			for line := range strings.Lines(r.Status()) {
				if n := len(line); n > 200 {
					t.Errorf("a line of %d characters: %s", n, line)
				}
			}
			// What was saved says the same again.
			text, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			var again Report
			if err := json.Unmarshal(text, &again); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, answers(t, again)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExplainAnUnknownNode(t *testing.T) {
	if e, err := readReport(t, "testdata/healthy.json").Explain("db9"); err == nil {
		t.Errorf("%+v", e)
	}
}

func TestHealthOfNoQuorumWins(t *testing.T) {
	r := readReport(t, "testdata/two-primaries.json")
	if r.Health() != Critical {
		t.Error(r.Health())
	}
	r.Cluster.Quorate = new(false)
	if r.Health() != Untold {
		t.Error(r.Health())
	}
	r = readReport(t, "testdata/healthy.json")
	r.View.Candidates[1].Role = scoring.RoleUnknown
	r.View.Candidates[1].Observed = false
	if r.Health() != Attention {
		t.Error(r.Health())
	}
}

// Whatever a report lacks, something is said, and it is never taken for health.
func TestReportsThatLackSomething(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.json")
	for _, file := range files {
		for name, damage := range map[string]func(*Report){
			"nothing was said":    func(r *Report) { r.Said = nil },
			"no candidates":       func(r *Report) { r.View.Candidates = nil },
			"no record":           func(r *Report) { r.View.Record = nil },
			"an unreadable one":   func(r *Report) { r.View.Record, r.View.RecordError = nil, "epoch record: oh" },
			"no word of the cib":  func(r *Report) { r.Cluster = ocf.Overview{} },
			"quorum is not known": func(r *Report) { r.Cluster.Quorate = nil },
			"lags are not known": func(r *Report) {
				for i := range r.View.Candidates {
					r.View.Candidates[i].Lag = nil
				}
			},
			"only the table of epochs knows": func(r *Report) {
				if rec := r.View.Record; rec != nil {
					r.View.Line = scoring.Line{{Epoch: rec.Epoch + 1, Primary: rec.Primary, Marker: rec.Marker, Start: rec.Start}}
				}
				r.View.Record = nil
			},
		} {
			r := readReport(t, file)
			damage(&r)
			healthy := r.Health() == Healthy
			if text := answers(t, r); text == "" {
				t.Errorf("%s, %s: nothing is said", file, name)
			}
			if healthy && name != "lags are not known" {
				t.Errorf("%s, %s: healthy\n%s", file, name, r.Status())
			}
		}
	}
}

// What kept a server from being started says more than that nothing is published.
func TestAStartThatWasRefused(t *testing.T) {
	r := readReport(t, "testdata/waiting-for-proof.json")
	for i := range r.Cluster.Nodes {
		if r.Cluster.Nodes[i].Name == "db3" {
			r.Cluster.Nodes[i].Reason = "start: mariadb.socket starts a writable server for whoever connects"
		}
	}
	e, err := r.Explain("db3")
	if err != nil {
		t.Fatal(err)
	}
	const want = "its server was not started: mariadb.socket starts a writable server for whoever connects"
	if e.Reason != want || !strings.Contains(r.Status(), want) {
		t.Errorf("%q\n%s", e.Reason, r.Status())
	}
}
