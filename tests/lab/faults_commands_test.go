//go:build lab

package lab

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// faults are the words for what the fault suite does to a cluster; doc.go explains them.
var faults = map[string]command{
	"split":         {0, (*call).split},
	"deafen":        {0, (*call).deafen},
	"lose":          {0, (*call).lose},
	"delay":         {0, (*call).delay},
	"token":         {0, (*call).patience},
	"freeze-server": {0, onNodes(true, (*Story).FreezeServer)},
	"thaw-server":   {0, onNodes(true, (*Story).ThawServer)},
	"freeze-node":   {0, onNodes(true, (*Story).FreezeNode)},
	"thaw-node":     {0, onNodes(true, (*Story).ThawNode)},
	"at":            {0, (*call).at},
	"settled":       {long, (*call).settled},
	"fencing":       {0, (*call).fencing},
	"await-fenced":  {long, (*call).awaitFenced},
	"volume":        {0, (*call).volume},
	"fill":          {0, onVolume((*Lab).Fill)},
	"unfill":        {0, onVolume((*Lab).Unfill)},
	"freeze-volume": {0, onVolume((*Lab).FreezeVolume)},
	"thaw-volume":   {0, onVolume((*Lab).ThawVolume)},
	"break-volume":  {0, onVolume((*Lab).BreakVolume)},
	"crowd":         {0, (*call).crowded},
	"switchover":    {time.Hour, (*call).switchover},
	"leftover":      {long, (*call).leftover},
}

// names are the nodes behind these words, at this moment.
func (c *call) names(ctx context.Context, words []string) ([]string, error) {
	var names []string
	for _, word := range words {
		name, err := c.Resolve(ctx, word)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

func (c *call) split(ctx context.Context) error {
	groups := [][]string{nil}
	for _, word := range c.args {
		if word == "/" {
			groups = append(groups, nil)
			continue
		}
		name, err := c.Resolve(ctx, word)
		if err != nil {
			return err
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], name)
	}
	if slices.ContainsFunc(groups, func(g []string) bool { return len(g) == 0 }) {
		return fmt.Errorf("%w: an empty group", errUsage)
	}
	return c.Split(ctx, groups...)
}

func (c *call) deafen(ctx context.Context) error {
	names, err := c.names(ctx, c.args)
	if err != nil {
		return err
	}
	return c.Deafen(ctx, names[0], names[1:]...)
}

func (c *call) lose(ctx context.Context) error {
	percent, err := strconv.Atoi(c.args[0])
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	names, err := c.names(ctx, c.args[1:])
	if err != nil {
		return err
	}
	return c.Lose(ctx, percent, names...)
}

func (c *call) delay(ctx context.Context) error {
	d, err := c.duration(0)
	if err != nil {
		return err
	}
	names, err := c.names(ctx, c.args[1:])
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := c.Delay(ctx, d, name); err != nil {
			return err
		}
	}
	return nil
}

func (c *call) patience(context.Context) error {
	var err error
	c.token, err = c.duration(0)
	return err
}

// at prepares what is done when the agent runs an action. Nodes are resolved now.
func (c *call) at(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	after := time.Duration(-1)
	if c.args[2] != "end" {
		if after, err = c.duration(2); err != nil {
			return err
		}
	}
	word := c.args[3]
	names, err := c.names(ctx, c.args[4:])
	if err != nil {
		return err
	}
	if word == "kill-agent" {
		c.Ambush(node, c.args[1], after, word, func(_ context.Context, pid int) error { return killProcess(pid) })
		return nil
	}
	act, ok := map[string]func(context.Context, string) error{
		"cut": c.Cut, "power-off": c.PowerOff, "kill-mysqld": c.KillStarting, "freeze-node": c.FreezeNode, "freeze-server": c.FreezeServer,
	}[word]
	if !ok || len(names) == 0 {
		return fmt.Errorf("%w: %q", errUsage, strings.Join(c.args[3:], " "))
	}
	c.Ambush(node, c.args[1], after, strings.Join(c.args[3:], " "), func(ctx context.Context, _ int) error {
		for _, name := range names {
			if err := act(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
	return nil
}

func (c *call) settled(ctx context.Context) error {
	d, err := c.duration(len(c.args) - 1)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	switch {
	case len(c.args) == 1:
		return c.Settled(ctx)
	case c.args[0] == "any":
		return c.SettledAny(ctx)
	}
	return fmt.Errorf("%w: %q", errUsage, c.args[0])
}

func (c *call) fencing(ctx context.Context) error {
	if c.args[0] != "on" && c.args[0] != "off" {
		return fmt.Errorf("%w: %q", errUsage, c.args[0])
	}
	return c.Fencing(ctx, c.args[0] == "on")
}

func (c *call) awaitFenced(ctx context.Context) error {
	node, d, err := c.within(ctx)
	if err != nil {
		return err
	}
	return c.AwaitFenced(ctx, node, d)
}

func (c *call) volume(context.Context) error {
	size, err := strconv.Atoi(c.args[1])
	if _, ok := volumePaths[c.args[0]]; !ok || err != nil {
		return fmt.Errorf("%w: %v", errUsage, c.args)
	}
	c.volumes = append(c.volumes, volume{Name: c.args[0], MiB: size})
	return nil
}

// onVolume runs f for a node's volume.
func onVolume(f func(*Lab, context.Context, string, string) error) func(*call, context.Context) error {
	return func(c *call, ctx context.Context) error {
		node, err := c.Resolve(ctx, c.args[0])
		if err != nil {
			return err
		}
		return f(c.Lab, ctx, node, c.args[1])
	}
}

func (c *call) crowded(ctx context.Context) error {
	n, err := strconv.Atoi(c.args[0])
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	least := n
	if len(c.args) > 1 {
		if least, err = strconv.Atoi(c.args[1]); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	have, err := c.Crowd(ctx, n)
	if err == nil && have < least {
		err = fmt.Errorf("%d connections, want %d", have, least)
	}
	c.tell("%d idle connections", have)
	return err
}

func (c *call) switchover(ctx context.Context) error {
	n, err := strconv.Atoi(c.args[0])
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	d, err := c.duration(1)
	if err != nil {
		return err
	}
	start := time.Now()
	if err := c.SwitchOver(ctx, n, d); err != nil {
		return err
	}
	c.tell("%d switchovers in %.0f s", n, time.Since(start).Seconds())
	return nil
}

func (c *call) leftover(ctx context.Context) error {
	args := c.args
	mayTimeOut := len(args) > 0 && args[0] == "timeouts"
	if mayTimeOut {
		args = args[1:]
	}
	d := 60 * time.Second
	if len(args) > 0 {
		var err error
		if d, err = time.ParseDuration(args[0]); err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
	}
	return c.LeftOver(ctx, d, mayTimeOut)
}
