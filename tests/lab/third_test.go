package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestRotating(t *testing.T) {
	files := strings.Fields("a b c d e f g")
	for _, n := range []int{0, 3, 300} {
		all := slices.Concat(rotating(files, n), rotating(files, n+1), rotating(files, n+2))
		slices.Sort(all)
		if !slices.Equal(all, files) {
			t.Errorf("thirds from %d: %v", n, all)
		}
		if !slices.Equal(rotating(files, n), rotating(files, n)) {
			t.Errorf("third %d is not the same twice", n)
		}
	}
}

// TestFaultsEnd: each story of a fault ends with the rows compared and nothing left over;
// files that belong to it may follow.
func TestFaultsEnd(t *testing.T) {
	files, err := filepath.Glob("../scenarios/faults/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		story, _, _ := strings.Cut(string(b), "\n-- ")
		said := strings.Split(strings.TrimSpace(story), "\n")
		for len(said) > 1 && (said[len(said)-1] == "" || strings.HasPrefix(said[len(said)-1], "#")) {
			said = said[:len(said)-1] // about the file that follows
		}
		last := said[len(said)-1]
		verified := slices.ContainsFunc(said, func(l string) bool { return l == "verify" || strings.HasPrefix(l, "verify ") })
		if last != "leftover" && !strings.HasPrefix(last, "leftover ") || !verified {
			t.Errorf("%s ends with %q, not with verify and leftover", filepath.Base(file), last)
		}
		if !strings.HasPrefix(said[0], "# ") {
			t.Errorf("%s does not say what it is about", filepath.Base(file))
		}
	}
}
