package sim

import (
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
)

// plants are the mistakes, each with the invariants that it breaks and a seed shortly
// before one that finds it, to save time: none needs more than 2,000 from the first.
// Where it takes a coincidence, the cluster and its misfortunes are chosen for it.
var plants = []struct {
	mistake plant.Mistake
	breaks  string
	from    uint64
	often   []kind
	choose  func(*Options)
}{
	{plant.NoAckers, "1", 200, []kind{cutTraffic, crashNode, breakStart, killServer}, nil},
	{plant.DeadFloor, "4", 1, []kind{killServer, breakStart}, nil},
	{plant.UnsetScore, "4", 1, []kind{preferNode, killServer}, nil},
	{plant.ThawInMonitor, "1", 1, []kind{cutRing, crashNode}, nil},
	{plant.StopBeforeApply, "3", 1, nil, nil},
	{plant.DegradeFirst, "1", 1, []kind{cutAll, cutRing}, func(o *Options) { o.Durability, o.Nodes = "degrade", max(3, o.Nodes) }},
	{plant.ReissueGTID, "5", 1, []kind{killServer, preferNode, cutTraffic}, nil},
	{plant.TermWithWaiters, "1", 1, []kind{cutTraffic, callPort}, nil},
	{plant.DropOwnTail, "1", 1, []kind{crashNode, killServer}, nil},
	{plant.PurgeAtStart, "3", 1, nil, nil},
	{plant.HookReports, "4", 1, []kind{killServer}, nil},
	{plant.ErrorIsPrimary, "2", 1, nil, nil},
}

// focus are a seed's options for a mistake.
func focus(m plant.Mistake, seed uint64) Options {
	opt := Seeded(seed)
	for _, p := range plants {
		if p.mistake == m {
			opt.Often = p.often
			if p.choose != nil {
				p.choose(&opt)
			}
		}
	}
	return opt
}

var foundAt = regexp.MustCompile(`seed (\d+): (\d): .*`)

// TestPlants builds the agent with each mistake and looks for it.
func TestPlants(t *testing.T) {
	if testing.Short() {
		t.Skip("each mistake is a build of its own: make model")
	}
	for _, p := range plants {
		t.Run(string(p.mistake), func(t *testing.T) {
			out, err := exec.Command("go", "test", "-count=1", "-tags", "plant_"+string(p.mistake), "-run", "^TestPlanted$", "-v", ".",
				"-from", fmt.Sprint(p.from)).CombinedOutput()
			found := foundAt.FindSubmatch(out)
			if err != nil || found == nil {
				t.Fatalf("%v\n%s", err, out)
			}
			t.Logf("%s", found[0])
			if string(found[2]) != p.breaks {
				t.Errorf("found by invariant %s, should be by %s", found[2], p.breaks)
			}
			seed, err := strconv.ParseUint(string(found[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			inBubble(t)(func() {
				if r := Run(seed, focus(p.mistake, seed), nil); r.Violation != "" {
					t.Errorf("the same without the mistake: %s", r.Violation)
				}
			})
		})
	}
}
