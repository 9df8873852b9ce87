package sim

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/tests/story"
)

// teller is the simulator as a stage for stories: its clock goes on while a word is
// carried out, and at no other time.
type teller struct {
	w        *World // nil before the word "cluster"
	seed     uint64
	opt      Options
	params   map[string]string
	meter    meter
	ambushes []*ambush
	rows     []*tx // acknowledged
}

// Told is the end of a story.
type Told struct {
	Failure string // "" where it went well
	Skipped bool
	Trace   []string
}

// Tell runs a story in a bubble of testing/synctest.
func Tell(file string, seed uint64, opt Options) Told {
	s := &teller{seed: seed, opt: opt, params: map[string]string{}}
	v := &verdict{}
	testscript.RunT(v, testscript.Params{
		Files:               []string{file},
		Cmds:                story.Bind(context.Background(), func(*testscript.TestScript) story.Stage { return s }),
		RequireExplicitExec: true,
		Condition:           func(word string) (bool, error) { return holds(opt, word) },
		Setup:               func(env *testscript.Env) error { story.Setup(env); return nil },
	})
	told := Told{Skipped: v.skipped}
	if v.failed {
		told.Failure = strings.Join(v.log, "\n")
	}
	if s.w != nil {
		for _, n := range s.w.nodes {
			n.srv.pause(false)
			s.w.resume(n)
		}
		s.w.finish(s.w.kill)
		told.Trace = s.w.trace
		if s.w.truth.violation != "" {
			told.Failure = s.w.truth.violation + "\n" + s.w.truth.views + told.Failure
		}
	}
	return told
}

// holds: what is simulated is Debian 12 with either flavour.
func holds(opt Options, condition string) (bool, error) {
	switch condition {
	case "mariadb":
		return opt.Flavour == gtid.MariaDB, nil
	case "mysql":
		return opt.Flavour == gtid.MySQL, nil
	case "bookworm", "trixie":
		return condition == "bookworm", nil
	case "ipv6":
		return true, nil
	}
	return false, fmt.Errorf("unknown condition %q", condition)
}

// Do carries out a word.
func (s *teller) Do(ctx context.Context, c *story.Call) error {
	if s.w == nil && !slices.Contains([]string{"cluster", "param", "fencing"}, c.Word) {
		return errors.New("there is no cluster yet")
	}
	if s.w != nil && c.Word != "at" && c.Word != "settled" {
		s.pass(s.w.roll(50*time.Millisecond, 300*time.Millisecond)) // people and tools take their time
	}
	word, ok := words[c.Word]
	if !ok {
		return errors.New("the model has no meaning for it")
	}
	err := word(s, ctx, c)
	if s.w != nil && s.w.truth.violation != "" {
		return errors.New(s.w.truth.violation)
	}
	return err
}

// Resolve is the node behind a name or a part.
func (s *teller) Resolve(_ context.Context, word string) (string, error) {
	if s.w.byName(word) != nil {
		return word, nil
	}
	side := s.quorate()
	if side == nil {
		return "", errNoQuorum
	}
	return s.cast(side).Who(word)
}

// Say puts it into the run's trace.
func (s *teller) Say(format string, args ...any) {
	if s.w != nil {
		s.w.note("STORY "+format, args...)
	}
}

var errNoQuorum = errors.New("no node has quorum")

// quorate is the side that has quorum; of two the one with the first node.
func (s *teller) quorate() *side {
	for _, n := range s.w.nodes {
		if n.on && !n.frozen && n.side != nil && n.side.quorate {
			return n.side
		}
	}
	return nil
}

func (s *teller) cast(side *side) story.Cast {
	c := story.Cast{DC: side.members[0].name}
	for _, n := range side.members {
		c.Online = append(c.Online, n.name)
		switch n.status {
		case promoted:
			c.Promoted = append(c.Promoted, n.name)
		case unpromoted:
			c.Unpromoted = append(c.Unpromoted, n.name)
		}
	}
	return c
}

// raise makes the world, and waits until it is healthy.
func (s *teller) raise() error {
	if s.w != nil {
		return errors.New("there is a cluster already")
	}
	// Of all that the seeds' runs hurry, the lab hurries nothing.
	s.opt.Params = map[string]string{"virtual_ip": "10.77.0.100/24"}
	maps.Copy(s.opt.Params, s.params)
	s.w = newWorld(s.seed, s.opt)
	s.w.silent = true
	s.w.answered = func(on *server, t *tx) {
		s.rows = append(s.rows, t)
		if on.node.address && !on.node.unplugged {
			s.meter.acknowledged(s.w.now())
		}
	}
	if err := s.until(120*time.Second, s.healthy); err != nil {
		return err
	}
	return nil
}

// pass lets time pass.
func (s *teller) pass(d time.Duration) {
	end := s.w.now() + d
	s.w.run(end, s.broken)
	if idle := end - s.w.now(); idle > 0 && !s.broken() {
		time.Sleep(idle)
	}
}

func (s *teller) broken() bool { return s.w.truth.violation != "" }

// until lets time pass until f is content; its last word where that takes longer than d.
func (s *teller) until(d time.Duration, f func() error) error {
	return s.poll(d, 100*time.Millisecond, f)
}

func (s *teller) poll(d, pause time.Duration, f func() error) error {
	end := s.w.now() + d
	for {
		err := f()
		if err == nil || s.broken() || s.w.now() >= end {
			return err
		}
		s.pass(pause)
	}
}

// verdict is what testscript reports to. A bubble has no subtests.
type verdict struct {
	failed, skipped bool
	log             []string
}

type over struct{}

func (v *verdict) Skip(args ...any) { v.skipped = true; v.Log(args...); panic(over{}) }

func (v *verdict) Fatal(args ...any) { v.Log(args...); v.FailNow() }

func (v *verdict) Parallel() {}

func (v *verdict) Log(args ...any) { v.log = append(v.log, fmt.Sprint(args...)) }

func (v *verdict) FailNow() { v.failed = true; panic(over{}) }

func (v *verdict) Verbose() bool { return false }

func (v *verdict) Run(_ string, f func(testscript.T)) {
	defer func() {
		if x := recover(); x != nil {
			if _, ok := x.(over); !ok {
				panic(x)
			}
		}
	}()
	f(v)
}
