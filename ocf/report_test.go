package ocf

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/scoring"
)

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
	files, _ := filepath.Glob("testdata/reports/*.json")
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
	if e, err := readReport(t, "testdata/reports/healthy.json").Explain("db9"); err == nil {
		t.Errorf("%+v", e)
	}
}

// fakeSurroundings is what the CIB says.
type fakeSurroundings struct {
	*journal
	says Overview
}

func (s fakeSurroundings) Overview(context.Context) (Overview, error) {
	return s.says, s.step("overview")
}

func TestReport(t *testing.T) {
	says := Overview{Resource: "db", Clone: "db-clone", Quorate: new(true), Fencing: true, Managed: new(true), Nodes: []NodeOverview{
		{Name: "db1", Online: true, Score: "1000"}, {Name: "db2", Online: true, Score: "0"}, {Name: "db3", Online: true, Score: "0"},
	}}
	ask := func(w *world) *Agent {
		a := w.agent("operator")
		a.Surroundings = fakeSurroundings{w.journal, says}
		return a
	}
	report := func(t *testing.T, w *world) Report {
		t.Helper()
		r, err := ask(w).Report(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	story(t, "of what was published", func(t *testing.T, w *world) {
		w.address = &fakeAddress{journal: w.journal}
		w.ledger.mem.Turn = &Turn{What: "demoted", At: time.Now().Format(time.RFC3339), Why: "x"}
		w.request.Interval = 6 * time.Second
		if err := w.do(Monitor); err != nil {
			t.Fatal(err)
		}
		w.clear()
		r := report(t, w)
		if h := r.Health(); h != Healthy {
			t.Errorf("%s", r.Status())
		}
		s := r.Said["db2"]
		if s.Epoch != 3 || !s.Acks || !s.Connected || s.Address == nil || *s.Address || s.Turn == nil || s.Turn.What != "demoted" {
			t.Errorf("said: %+v", s)
		}
		if r.Shown != "" || r.View.Record == nil || r.Asked != "db2" {
			t.Errorf("%+v", r)
		}
		w.never("server.observe", "unit.look", "ledger.save")
	})
	story(t, "of a node whose server is down: its own ledger knows", func(t *testing.T, w *world) {
		w.ledger.mem.Turn = &Turn{What: "promoted", At: "2026-11-26T03:12:45Z", Why: "x"}
		r := report(t, w)
		if s := r.Said["db2"]; s.Turn == nil || s.Turn.What != "promoted" || s.Epoch != 0 {
			t.Errorf("said: %+v", s)
		}
		if r.Health() == Healthy {
			t.Error("healthy")
		}
	})
	story(t, "with a cib that went back in time", func(t *testing.T, w *world) {
		w.cluster.record = ""
		if r := report(t, w); r.Shown != "none" || r.View.Record == nil {
			t.Errorf("%q", r.Shown)
		}
	})
	for _, step := range []string{"collect db-position", "ledger.load", "members", "overview"} {
		story(t, "no answer, no report: "+step, func(t *testing.T, w *world) {
			w.fails(step, errInjected)
			if r, err := ask(w).Report(t.Context()); err == nil {
				t.Errorf("%+v", r)
			}
		})
	}
	story(t, "an unreadable record is told", func(t *testing.T, w *world) {
		w.fails("record.read", errInjected)
		if r := report(t, w); r.Health() != Untold {
			t.Errorf("%s", r.Status())
		}
	})
}

// When and why a node's role changed is kept where it happens, and published.
func TestTurns(t *testing.T) {
	turn := func(t *testing.T, w *world, what, why string) {
		t.Helper()
		got := w.ledger.mem.Turn
		if got == nil || got.What != what || !strings.Contains(got.Why, why) {
			t.Fatalf("turn is %+v, want %s: %s", got, what, why)
		}
		if _, err := time.Parse(time.RFC3339, got.At); err != nil {
			t.Error(err)
		}
	}
	promoted := &Turn{What: "promoted", At: "2026-11-26T01:00:00Z", Why: "x"}
	story(t, "demoted as asked, once", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "asked")
		first := *w.ledger.mem.Turn
		time.Sleep(time.Hour)
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, *w.ledger.mem.Turn); diff != "" {
			t.Error(diff)
		}
		if p, ok := w.said(attrPosition); !ok || p.Turn == nil || p.Turn.What != "demoted" {
			t.Errorf("published: %+v", p)
		}
	})
	story(t, "its server had ended", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.unit.process = Process{}
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "had ended")
	})
	story(t, "killed", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.server.state.SemiSync.Waiting = 2
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		turn(t, w, "demoted", "killed")
	})
	story(t, "a replica's demote is none", func(t *testing.T, w *world) {
		if err := w.do(Demote); err != nil {
			t.Fatal(err)
		}
		if w.ledger.mem.Turn != nil {
			t.Errorf("%+v", w.ledger.mem.Turn)
		}
	})
	story(t, "a ledger that cannot keep it does not hold up a demote", func(t *testing.T, w *world) {
		w.reign()
		w.ledger.mem.Turn = promoted
		w.cluster.quorate = false // nothing else is to be saved
		w.fails("ledger.save", errInjected)
		if err := w.do(Demote); err != nil {
			t.Error(err)
		}
	})
}

func TestHealthOfNoQuorumWins(t *testing.T) {
	r := readReport(t, "testdata/reports/two-primaries.json")
	if r.Health() != Critical {
		t.Error(r.Health())
	}
	r.Cluster.Quorate = new(false)
	if r.Health() != Untold {
		t.Error(r.Health())
	}
	r = readReport(t, "testdata/reports/healthy.json")
	r.View.Candidates[1].Role = scoring.RoleUnknown
	r.View.Candidates[1].Observed = false
	if r.Health() != Attention {
		t.Error(r.Health())
	}
}

// Whatever a report lacks, something is said, and it is never taken for health.
func TestReportsThatLackSomething(t *testing.T) {
	files, _ := filepath.Glob("testdata/reports/*.json")
	for _, file := range files {
		for name, damage := range map[string]func(*Report){
			"nothing was said":    func(r *Report) { r.Said = nil },
			"no candidates":       func(r *Report) { r.View.Candidates = nil },
			"no record":           func(r *Report) { r.View.Record = nil },
			"an unreadable one":   func(r *Report) { r.View.Record, r.View.RecordError = nil, "epoch record: oh" },
			"no word of the cib":  func(r *Report) { r.Cluster = Overview{} },
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
