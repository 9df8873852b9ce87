package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf/report"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// A report from a file, as somebody sends it, has its answers, and what is printed of
// it has the same ones.
func FuzzReport(f *testing.F) {
	files, err := filepath.Glob("../../ocf/report/testdata/*.json")
	if err != nil || len(files) < 20 {
		f.Fatal(files, err)
	}
	for _, file := range append(files, "../../scoring/testdata/cluster.json") {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if v, err := parseView(bytes.NewReader(text)); err == nil {
			checkView(t, v)
		}
		r, err := parseReport(text)
		if err != nil {
			return
		}
		said := told(t, r)
		var printed bytes.Buffer
		if err := printJSON(&printed, statusReport{int(r.Health()), r.Findings(), r}); err != nil {
			t.Fatal(err)
		}
		again, err := parseReport(printed.Bytes())
		if err != nil {
			t.Fatalf("%s: %v", printed.String(), err)
		}
		if diff := cmp.Diff(said, told(t, again)); diff != "" {
			t.Errorf("%s is read with other answers: %s", printed.String(), diff)
		}
	})
}

// told is all that is answered.
func told(t *testing.T, r report.Report) string {
	t.Helper()
	var b strings.Builder
	b.WriteString(r.Status())
	for _, c := range r.View.Candidates {
		e, err := r.Explain(c.Node.Name)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(e.String())
	}
	return b.String()
}

// checkView: everybody has a place, whatever the order.
func checkView(t *testing.T, v scoring.View) {
	t.Helper()
	ranking := scoring.Rank(v)
	names := map[string]bool{}
	for _, c := range v.Candidates {
		names[c.Node.Name] = true
		if _, ok := ranking.Of(c.Node.Name); !ok {
			t.Errorf("%s has no place", c.Node.Name)
		}
	}
	if len(names) < len(v.Candidates) {
		return // no cluster has two nodes of a name
	}
	v.Candidates = slices.Clone(v.Candidates)
	slices.Reverse(v.Candidates)
	if diff := cmp.Diff(ranking.Describe(), scoring.Rank(v).Describe()); diff != "" {
		t.Errorf("in another order: %s", diff)
	}
}
