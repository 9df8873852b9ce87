package tests

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// read returns a file of the source tree.
func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// glob lists files of the source tree, by their paths in it.
func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: nothing, %v", pattern, err)
	}
	for i := range found {
		found[i] = strings.TrimPrefix(found[i], "../")
	}
	return found
}

// stories are all that the lab runs, the examples that it loads among it.
func stories(t *testing.T) string {
	var b strings.Builder
	for _, pattern := range []string{"tests/scenarios/*.txtar", "tests/scenarios/faults/*.txtar", "packaging/examples/*.pcs", "packaging/examples/*.crm"} {
		for _, path := range glob(t, pattern) {
			b.WriteString(read(t, path) + "\n")
		}
	}
	return b.String()
}

// program begins a line, or a piece of code in a sentence, that is a command.
var program = regexp.MustCompile(`(?m)^(pcs|crm|primitive|mysql-ha|systemctl|mariadb|mysql|cibadmin|journalctl|crm_[a-z]+|cp|pkill|find) `)

// Every command in a block of the documents is run by a story, or loaded by one, as it
// is written: with all its lines.
func TestDocumentedCommandsAreRun(t *testing.T) {
	run := strings.NewReplacer("10.77.0.100", "10.0.0.5").Replace(stories(t))
	seen := 0
	for _, path := range append(glob(t, "packaging/doc/*.md"), "README.md", "packaging/examples/README.md") {
		for i, block := range strings.Split(read(t, path), "```") {
			if i%2 == 0 || strings.HasPrefix(block, "text\n") || !program.MatchString(block) {
				continue
			}
			for line := range strings.Lines(block) {
				if line = strings.TrimSpace(line); line == "" {
					continue
				}
				seen++
				if !strings.Contains(run, line) {
					t.Errorf("%s: no story runs %q", path, line)
				}
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d commands were found", seen)
	}
}

// README shows the smallest of the examples, line by line.
func TestREADMEShowsAnExample(t *testing.T) {
	_, rest, _ := strings.Cut(read(t, "README.md"), "```\npcs property set")
	block, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("README has no block for pcs")
	}
	example := read(t, "packaging/examples/three-nodes.pcs")
	for line := range strings.Lines("pcs property set" + block) {
		if !strings.Contains(example, line) {
			t.Errorf("the example lacks README's line %q", line)
		}
	}
}

// Every example is loaded, whichever tool it is for.
func TestExamplesAreLoaded(t *testing.T) {
	run := stories(t)
	for _, path := range append(glob(t, "packaging/examples/*.pcs"), glob(t, "packaging/examples/*.crm")...) {
		if !strings.Contains(run, "example "+filepath.Base(path)+"\n") {
			t.Errorf("no story loads %s", path)
		}
		both := strings.NewReplacer(".pcs", ".crm", ".crm", ".pcs").Replace(path)
		if _, err := os.Stat(filepath.Join("..", both)); err != nil {
			t.Errorf("%s is for one tool only", path)
		}
	}
}

// The failure guide has a line for each story, and no line for one that is gone.
func TestFailureGuideIsWhole(t *testing.T) {
	guide := read(t, "packaging/doc/failures.md")
	told := map[string]bool{}
	for _, pattern := range []string{"tests/scenarios/*.txtar", "tests/scenarios/faults/*.txtar"} {
		for _, path := range glob(t, pattern) {
			name := strings.TrimSuffix(filepath.Base(path), ".txtar")
			told[name] = true
			if !strings.Contains(guide, "\n| "+name+" | ") {
				t.Errorf("%s is not in the failure guide", name)
			}
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([a-z0-9]+(?:-[a-z0-9]+)+) \|`).FindAllStringSubmatch(guide, -1) {
		if !told[row[1]] {
			t.Errorf("the failure guide tells of %s, which is no story", row[1])
		}
	}
}

// Operations has a way out of every rule of the score, and no rule that is gone.
func TestOperationsKnowsEveryRule(t *testing.T) {
	rules := regexp.MustCompile(`(?m)^\tRule\w+ +(?:Rule )?= "([^"]+)"`).FindAllStringSubmatch(read(t, "scoring/scoring.go"), -1)
	if len(rules) < 15 {
		t.Fatalf("%d rules", len(rules))
	}
	guide := read(t, "packaging/doc/operations.md")
	for _, r := range rules {
		if !strings.Contains(guide, "\n| `"+r[1]+"` | ") {
			t.Errorf("operations.md says nothing of the rule %q", r[1])
		}
	}
}

// The worked example is what the program said to the story that runs it.
func TestWorkedExample(t *testing.T) {
	_, said, found := strings.Cut(read(t, "tests/scenarios/44-documented.txtar"), "-- waiting.txt --\n")
	if !found || !strings.Contains(read(t, "packaging/doc/concepts.md"), "```text\n"+said+"```") {
		t.Error("concepts.md shows something else than story 44")
	}
	if read(t, "packaging/examples/waiting.json") != read(t, "ocf/report/testdata/waiting-for-proof.json") {
		t.Error("the example's report is not the tested one")
	}
}

// Documents name each other, and files that are there.
func TestDocumentsAreLinked(t *testing.T) {
	readme := read(t, "README.md")
	link := regexp.MustCompile(`\]\(([a-z][^):#]*)\)`)
	for _, path := range append(glob(t, "packaging/doc/*.md"), "README.md") {
		if path != "README.md" && !strings.Contains(readme, "("+path+")") {
			t.Errorf("README does not name %s", path)
		}
		for _, l := range link.FindAllStringSubmatch(read(t, path), -1) {
			if _, err := os.Stat(filepath.Join("..", filepath.Dir(path), l[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, l[1])
			}
		}
	}
}
