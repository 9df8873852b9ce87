package sim

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/tests/story"
)

var (
	scenario = flag.String("scenario", "", "tell only this story, with all that happens; -from is its seed")
	rewrite  = flag.Bool("rewrite", false, "write testdata/stories anew")
)

// scenarios are the stories, and why a flavour's cannot be told here.
func scenarios(t *testing.T) (files []string, why map[string]map[gtid.Flavour]string) {
	for _, dir := range []string{"", "faults"} {
		found, err := filepath.Glob(filepath.Join("../scenarios", dir, "*.txtar"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	why = map[string]map[gtid.Flavour]string{}
	for _, file := range files {
		why[file] = map[gtid.Flavour]string{}
		for _, flavour := range []gtid.Flavour{gtid.MariaDB, gtid.MySQL} {
			lines, err := story.Read(file, func(c string) (bool, error) { return holds(Options{Flavour: flavour}, c) })
			if err != nil {
				t.Fatal(err)
			}
			begun := false
			for _, l := range lines {
				if why[file][flavour] = meaningless(l, begun); why[file][flavour] != "" {
					break
				}
				begun = begun || l.Word == "cluster"
			}
		}
	}
	return files, why
}

func name(file string) string {
	rel, _ := filepath.Rel("../scenarios", file) // it is below
	return strings.TrimSuffix(rel, ".txtar")
}

// TestToldStories: which stories are told here, and why the others are not, is on
// record in testdata/stories, so that none falls out unseen.
func TestToldStories(t *testing.T) {
	files, why := scenarios(t)
	var b strings.Builder
	for _, file := range files {
		maria, my := why[file][gtid.MariaDB], why[file][gtid.MySQL]
		told := map[bool]string{true: "told", false: "not told: " + maria}[maria == ""]
		if my != maria {
			told = "MariaDB " + told + "; MySQL " + map[bool]string{true: "told", false: "not told: " + my}[my == ""]
		}
		b.WriteString(name(file) + ": " + told + "\n")
	}
	t.Log("\n" + b.String())
	if *rewrite {
		write(t, "testdata/stories", b.String())
	}
	want, err := os.ReadFile("testdata/stories")
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("testdata/stories is another list (go test -run TestToldStories -rewrite):\n%s", want)
	}
}

// TestStories tells the lab's stories, for both flavours, with several seeds each.
func TestStories(t *testing.T) {
	files, why := scenarios(t)
	n := uint64(5)
	if testing.Short() {
		n = 1
	}
	if *seeds > 0 {
		n = *seeds
	}
	type job struct {
		file string
		opt  Options
		seed uint64
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for j := range jobs {
				var told Told
				inBubble(t)(func() { told = Tell(j.file, j.seed, j.opt) })
				if told.Failure == "" && *scenario == "" {
					continue
				}
				if !j.opt.Trace {
					j.opt.Trace = true
					inBubble(t)(func() { told = Tell(j.file, j.seed, j.opt) })
				}
				text := told.Failure + "\n" + strings.Join(told.Trace, "\n")
				if told.Failure == "" {
					t.Logf("%s, %s, seed %d\n%s", name(j.file), j.opt.Flavour, j.seed, text)
				} else {
					t.Errorf("%s, %s, seed %d\n%s", name(j.file), j.opt.Flavour, j.seed, text)
				}
			}
		})
	}
	for _, file := range files {
		if *scenario != "" && !slices.Contains([]string{name(file), filepath.Base(name(file))}, *scenario) {
			continue
		}
		for _, flavour := range []gtid.Flavour{gtid.MariaDB, gtid.MySQL} {
			for seed := *from; seed < *from+n && why[file][flavour] == ""; seed++ {
				jobs <- job{file, Options{Nodes: 3, Flavour: flavour, Trace: *scenario != ""}, seed}
			}
		}
	}
	close(jobs)
	wg.Wait()
}
