package lab

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// What README shows is what the stories run, with the names and addresses of a second
// instance, which has some lines more.
func TestREADMEIsRun(t *testing.T) {
	src, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	read := func(path string) string {
		b, err := os.ReadFile(filepath.Join(src, path))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	run := read("tests/scenarios/24-pcs.txtar") + read("tests/scenarios/25-crmsh.txtar")
	run = strings.NewReplacer("shop", "db", "wiki", "db",
		"10.77.0.101", "10.0.0.5", "10.77.0.102", "10.0.0.6").Replace(run)
	have := strings.Split(run, "\n")
	shown := 0
	for i, block := range strings.Split(read("README.md"), "```") {
		if i%2 == 0 || !strings.Contains(block, "\npcs ") && !strings.Contains(block, "\nprimitive ") {
			continue
		}
		shown++
		for _, line := range lines(block) {
			if !slices.Contains(have, line) {
				t.Errorf("no story runs README's line %q", line)
			}
		}
	}
	if shown != 4 {
		t.Errorf("README has %d examples for pcs and crmsh, want 4", shown)
	}
}
