//go:build lab

package lab

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mysql-ha/mysql-ha/tests/bench"
	"github.com/mysql-ha/mysql-ha/tests/story"
)

var (
	keep   = flag.Bool("keep", false, "leave the cluster running, and use the one that runs")
	third  = flag.Int("third", -1, "run that third of the fault suite: consecutive numbers run all of it")
	system = DefaultSystem
	root   context.Context // ends at SIGINT or SIGTERM
	theLab *Lab
)

func TestMain(m *testing.M) {
	flag.StringVar(&system.Suite, "suite", system.Suite, "Debian's suite on the nodes: bookworm or trixie")
	flag.StringVar(&system.Flavour, "flavour", system.Flavour, "the database server: mariadb or mysql")
	flag.Parse()
	signal.Ignore(syscall.SIGPIPE) // `go test` may be gone before we have cleaned up
	var stop context.CancelFunc
	root, stop = signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := session(m)
	stop()
	os.Exit(code)
}

func session(m *testing.M) int {
	if err := system.Check(); err != nil {
		say("%v", err)
		return 1
	}
	lockCtx, cancel := context.WithTimeout(root, 10*time.Minute) // another run may be at work
	defer cancel()
	unlock, err := Lock(lockCtx)
	if err != nil {
		say("%v", err)
		return 1
	}
	defer unlock()
	if !*keep {
		defer func() {
			if err := Down(root, say); err != nil {
				say("cleaning up: %v", err)
			}
		}()
	}
	if *keep {
		theLab, err = Open()
	}
	if !*keep || err != nil || theLab.System != system {
		theLab, err = Up(root, 3, system, say)
	}
	if err != nil {
		say("%v", err)
		if theLab != nil {
			collect(theLab, "boot")
		}
		return 1
	}
	theLab.Logf = say
	code := m.Run()
	say("%s", system)
	for _, line := range summary {
		say("%s", line)
	}
	return code
}

var began = time.Now()

// say reports at once: testscript prints a story only when it is over.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%7.1fs %s  %s\n", time.Since(began).Seconds(), time.Now().UTC().Format("15:04:05.000"),
		fmt.Sprintf(format, args...))
}

// summary is what is printed when all is over.
var summary []string

func note(t testing.TB, s *Story, took time.Duration) {
	verdict := "passed"
	switch {
	case t.Failed():
		verdict = "FAILED"
	case t.Skipped():
		verdict = "skipped"
	}
	line := fmt.Sprintf("%-24s %-7s %5.1f s", filepath.Base(t.Name()), verdict, took.Seconds())
	if r := s.Report(); len(r.Acks) > 0 {
		line += fmt.Sprintf("   %6d rows, longest outage %.2f s", len(r.Acks),
			bench.Longest(r.Gaps(300*time.Millisecond)).Length.Seconds())
	}
	if len(s.reseeded) > 0 {
		line += fmt.Sprintf("   (seeded anew: %s)", strings.Join(s.reseeded, " "))
	}
	summary = append(summary, line)
}

func collect(l *Lab, name string) {
	src, err := moduleRoot()
	if err != nil {
		say("%v", err)
		return
	}
	dir := filepath.Join(src, "build", "lab-logs", time.Now().UTC().Format("20060102-150405-")+name)
	err = l.Collect(root, dir)
	say("every node's logs are in %s", dir)
	if err != nil {
		say("collecting: %v", err)
	}
}

func TestScenarios(t *testing.T) { tell(t, stories(t, "../scenarios")) }

// TestFaults runs the fault suite, or a third of it.
func TestFaults(t *testing.T) {
	files := stories(t, "../scenarios/faults")
	if *third >= 0 {
		files = rotating(files, *third)
		say("a third of the faults, by -third %d: %d stories", *third, len(files))
	}
	tell(t, files)
}

func stories(t *testing.T, dir string) []string {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in %s: %v", dir, err)
	}
	return files
}

// TestOpen runs the stories that fail today. Each says why in its head.
func TestOpen(t *testing.T) {
	const dir = "../scenarios/open"
	if files, err := filepath.Glob(filepath.Join(dir, "*")); err == nil && len(files) == 0 {
		t.Log("there is none")
		return
	}
	tell(t, stories(t, dir))
}

// tell runs stories one after the other.
func tell(t *testing.T, files []string) {
	testscript.RunT(&sequential{t}, testscript.Params{
		Files: files,
		Cmds: story.Bind(root, func(ts *testscript.TestScript) story.Stage {
			return ts.Value(storyKey{}).(*Story)
		}),
		RequireExplicitExec: true,
		Condition: func(word string) (bool, error) {
			switch word {
			case MariaDB, MySQL:
				return system.Flavour == word, nil
			case "bookworm", "trixie":
				return system.Suite == word, nil
			case "ipv6":
				return HasIPv6(), nil
			}
			return false, fmt.Errorf("unknown condition %q", word)
		},
		Setup: func(env *testscript.Env) error {
			told := &Story{Lab: theLab, Params: map[string]string{}}
			env.Values[storyKey{}] = told
			story.Setup(env)
			env.Setenv("UNIT", system.facts().unit)
			st := env.T().(*sequential)
			start := time.Now()
			env.Defer(func() {
				told.StopWriters()
				told.Abandon()
				note(st.T, told, time.Since(start))
				if !st.Failed() {
					return
				}
				told.Forget()
				if root.Err() == nil {
					collect(theLab, filepath.Base(st.Name()))
				}
			})
			return root.Err()
		},
	})
}

type storyKey struct{}

// sequential keeps testscript from running stories side by side: there is one cluster.
type sequential struct{ *testing.T }

func (s *sequential) Parallel() {}

// Verbose is off: every line was said at once.
func (s *sequential) Verbose() bool { return false }

func (s *sequential) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(&sequential{t}) })
}

// Do carries out a word within its deadline.
func (s *Story) Do(ctx context.Context, w *story.Call) error {
	if w.Word == "remember" {
		return w.Remember(ctx)
	}
	c, ok := commands[w.Word]
	if !ok {
		if c, ok = faults[w.Word]; !ok {
			return fmt.Errorf("the lab cannot do it")
		}
	}
	d := c.deadline
	if d == 0 {
		d = time.Minute
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return c.run(&call{Story: s, ts: w.Script, args: w.Args}, ctx)
}

// Say tells at once what happens.
func (s *Story) Say(format string, args ...any) { say(format, args...) }
