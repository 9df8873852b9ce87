//go:build lab

package lab

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/mysql-ha/mysql-ha/tests/story"
)

// call is one use of a command in a story.
type call struct {
	*Story
	ts   *testscript.TestScript
	args []string
}

// command is how the lab carries out a word of tests/story.
type command struct {
	deadline time.Duration
	run      func(*call, context.Context) error // a method expression: the receiver comes first
}

var errUsage = story.ErrUsage

// long is more than any TIMEOUT of a story.
const long = 5 * time.Minute

// commands are the words of a story; doc.go explains them.
var commands = map[string]command{
	"cluster":         {long, (*call).cluster},
	"others":          {3 * time.Minute, (*call).others},
	"configure":       {0, (*call).configure},
	"certificates":    {0, func(c *call, ctx context.Context) error { return c.Certificates(ctx) }},
	"param":           {0, (*call).param},
	"deep":            {0, (*call).deep},
	"await-neighbour": {long, (*call).awaitNeighbour},
	"install":         {5 * time.Minute, (*call).install},
	"follow-advice":   {0, (*call).followAdvice},
	"writers":         {0, (*call).writers},
	"await-writes":    {long, (*call).awaitWrites},
	"kill-mysqld":     {0, onNodes(false, (*Story).KillMysqld)},
	"server-pid":      {0, (*call).serverPID},
	"stop-applier":    {0, onNodes(false, (*Story).StopApplier)},
	"client":          {0, withStatement((*Story).Client)},
	"alone":           {0, withStatement((*Story).Alone)},
	"reseed":          {2 * time.Minute, onNodes(false, (*Story).Reseed)},
	"power-off":       {0, onNodes(true, (*Story).PowerOff)},
	"power-on":        {2 * time.Minute, onNodes(false, (*Story).PowerOn)},
	"cut":             {0, onNodes(true, (*Story).Cut)},
	"heal":            {0, func(c *call, ctx context.Context) error { return c.Heal(ctx) }},
	"standby":         {0, onNodes(false, (*Story).Standby)},
	"unstandby":       {0, onNodes(false, (*Story).Unstandby)},
	"ban":             {0, onNodes(false, (*Story).Ban)},
	"move":            {0, onNodes(false, (*Story).Move)},
	"clear":           {0, func(c *call, ctx context.Context) error { return c.Clear(ctx) }},
	"await-primary":   {long, (*call).awaitPrimary},
	"await-healthy":   {long, (*call).awaitHealthy},
	"await-rejoined":  {long, (*call).awaitRejoined},
	"writable":        {long, (*call).writable},
	"await-stopped":   {long, (*call).awaitStopped},
	"await-equal":     {long, (*call).awaitEqual},
	"no-primary":      {long, (*call).noPrimary},
	"sql":             {0, (*call).sql},
	"expect-sql":      {long, (*call).expectSQL},
	"attr":            {long, (*call).attr},
	"score":           {long, (*call).score},
	"exec-on":         {0, (*call).execOn},
	"crm":             {0, (*call).execOn},
	"run-on":          {2 * time.Minute, (*call).runOn},
	"await-on":        {long, (*call).awaitOn},
	"new-datadir":     {2 * time.Minute, (*call).newDatadir},
	"sleep":           {long, (*call).sleep},
	"verify":          {long, (*call).verify},
	"outage":          {0, (*call).outage},
	"report":          {0, (*call).report},
}

func (c *call) cluster(ctx context.Context) error {
	switch c.args[0] {
	case "fresh":
		return c.Fresh(ctx)
	case "healthy":
		return c.Healthy(ctx)
	case "booted":
		return c.Booted(ctx)
	}
	return fmt.Errorf("%w: %q", errUsage, c.args[0])
}

func (c *call) others(ctx context.Context) error {
	if len(c.args) > 0 && c.args[0] != "safe" {
		return fmt.Errorf("%w: %q", errUsage, c.args[0])
	}
	return c.Others(ctx, len(c.args) > 0)
}

func (c *call) configure(ctx context.Context) error { return c.Load(ctx) }

// param before `cluster` or `configure` is part of the configuration; after
// that it changes the running resource.
func (c *call) param(ctx context.Context) error {
	c.Params[c.args[0]] = c.args[1]
	if !c.configured {
		return nil
	}
	c.Forget()
	if c.args[0] == "virtual_ip" {
		c.Moved = c.args[1]
	}
	by, err := c.anyone(ctx)
	if err != nil {
		return err
	}
	_, _, err = c.Exec(ctx, by, "crm_resource", "--resource", resourceID,
		"--set-parameter", c.args[0], "--parameter-value", c.args[1])
	return err
}

func (c *call) writers(ctx context.Context) error {
	switch c.args[0] {
	case "start":
		return c.StartWriters(ctx)
	case "stop":
		c.StopWriters()
		return c.report(ctx)
	}
	return fmt.Errorf("%w: %q", errUsage, c.args[0])
}

func (c *call) awaitWrites(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	return c.AwaitWrites(ctx, d)
}

func (c *call) awaitPrimary(ctx context.Context) error {
	d, err := c.duration(1)
	if err != nil {
		return err
	}
	word, not := strings.CutPrefix(c.args[0], "not:")
	want := ""
	if word != "any" {
		if want, err = c.Resolve(ctx, word); err != nil {
			return err
		}
	}
	start := time.Now()
	name, err := c.AwaitPrimary(ctx, d, func(node string) error {
		if want != "" && (node == want) == not {
			return fmt.Errorf("the primary is %s, want %s", node, c.args[0])
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.tell("the primary is %s after %.2f s", name, time.Since(start).Seconds())
	return nil
}

func (c *call) awaitHealthy(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	start := time.Now()
	err = c.AwaitHealthy(ctx, d)
	if err == nil {
		c.tell("healthy after %.1f s", time.Since(start).Seconds())
	}
	return err
}

func (c *call) awaitRejoined(ctx context.Context) error {
	last := len(c.args) - 1
	d, err := c.duration(last)
	if err != nil {
		return err
	}
	words, seeding := c.args[:last], c.args[0] == "seeding"
	if seeding {
		words = words[1:]
	}
	var nodes []string
	for _, word := range words {
		node, err := c.Resolve(ctx, word)
		if err != nil {
			return err
		}
		nodes = append(nodes, node)
	}
	start := time.Now()
	reseeded, err := c.AwaitRejoined(ctx, nodes, seeding, d)
	if len(reseeded) > 0 {
		c.reseeded = append(c.reseeded, reseeded...)
		c.tell("came back with what it must not keep, seeded anew: %v", reseeded)
	}
	if err == nil {
		c.tell("healthy after %.1f s", time.Since(start).Seconds())
	}
	return err
}

func (c *call) awaitEqual(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	return c.AwaitEqual(ctx, d)
}

// noPrimary watches for a while that nobody is promoted.
func (c *call) noPrimary(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		for _, node := range c.On() {
			s, err := c.Status(ctx, node)
			if err != nil {
				return err
			}
			if len(s.Promoted) > 0 {
				return fmt.Errorf("%s sees %v promoted", node, s.Promoted)
			}
		}
	}
	return nil
}

func (c *call) writable(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	if c.args[1] != "yes" && c.args[1] != "no" {
		return fmt.Errorf("%w: %q", errUsage, c.args[1])
	}
	d, err := c.timeout(2, 15*time.Second)
	if err != nil {
		return err
	}
	return c.Writable(ctx, node, c.args[1] == "yes", d)
}

func (c *call) awaitStopped(ctx context.Context) error {
	node, d, err := c.within(ctx)
	if err != nil {
		return err
	}
	return c.AwaitStopped(ctx, node, d)
}

func (c *call) serverPID(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	pid, err := c.ServerPID(ctx, node)
	fmt.Fprintln(c.ts.Stdout(), pid)
	return err
}

func (c *call) sql(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	out, err := c.SQL(ctx, node, c.args[1])
	fmt.Fprintln(c.ts.Stdout(), out)
	return err
}

func (c *call) expectSQL(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	d, err := c.timeout(3, 15*time.Second)
	if err != nil {
		return err
	}
	return c.AwaitSQL(ctx, node, c.args[1], c.args[2], d)
}

func (c *call) attr(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	want, err := regexp.Compile(c.args[2])
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	d, err := c.duration(3)
	if err != nil {
		return err
	}
	return c.AwaitAttribute(ctx, node, c.args[1], want, d)
}

func (c *call) score(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	d, err := c.timeout(2, 15*time.Second)
	if err != nil {
		return err
	}
	want := regexp.MustCompile("^" + regexp.QuoteMeta(c.args[1]) + "$")
	return c.AwaitAttribute(ctx, node, "master-"+resourceID, want, d)
}

func (c *call) execOn(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.shown(c.Exec(ctx, node, c.args[1:]...))
}

// shown is what a command said, to be matched by the story.
func (c *call) shown(stdout, stderr string, err error) error {
	fmt.Fprint(c.ts.Stdout(), stdout)
	fmt.Fprint(c.ts.Stderr(), stderr)
	return err
}

// runOn runs a script of the story.
func (c *call) runOn(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	return c.shown(c.Exec(ctx, node, "sh", "-ec", c.ts.ReadFile(c.args[1])))
}

// within is a node and a time, the first two arguments of what is waited for there.
func (c *call) within(ctx context.Context) (node string, d time.Duration, err error) {
	if node, err = c.Resolve(ctx, c.args[0]); err != nil {
		return "", 0, err
	}
	d, err = c.duration(1)
	return node, d, err
}

// awaitOn runs a command again and again until it succeeds.
func (c *call) awaitOn(ctx context.Context) error {
	node, d, err := c.within(ctx)
	if err != nil {
		return err
	}
	var stdout, stderr string
	err = poll(ctx, d, 500*time.Millisecond, func(ctx context.Context) (err error) {
		stdout, stderr, err = c.Exec(ctx, node, c.args[2:]...)
		return err
	})
	return c.shown(stdout, stderr, err)
}

// newDatadir makes an empty database on all nodes, as the packages do at installation,
// with the agent's account.
func (c *call) newDatadir(ctx context.Context) error {
	return c.each(ctx, func(ctx context.Context, nd Node) error {
		if _, _, err := c.Exec(ctx, nd.Name, "sh", "-ec", c.System.facts().initialise, "initialise", c.args[0]); err != nil {
			return err
		}
		return c.MakeAccount(ctx, nd.Name, c.args[0])
	})
}

func (c *call) sleep(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err()
}

func (c *call) verify(ctx context.Context) error {
	d, err := c.timeout(0, 30*time.Second)
	if err != nil {
		return err
	}
	return c.Verify(ctx, d)
}

func (c *call) outage(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	text, err := c.Outage(d)
	c.tell("%s", text)
	return err
}

func (c *call) report(context.Context) error {
	c.tell("%s", strings.TrimSpace(c.Report().String()))
	return nil
}

// tell prints at once and in the story's log.
func (c *call) tell(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	c.ts.Logf("%s", text)
	for line := range strings.Lines(text) {
		say("%s:   %s", c.ts.Name(), strings.TrimSpace(line))
	}
}
