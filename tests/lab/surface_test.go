//go:build lab

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

func (c *call) deep(context.Context) error {
	if c.configured {
		return fmt.Errorf("%w: deep comes before cluster", errUsage)
	}
	c.Deep = true
	return nil
}

func (c *call) awaitNeighbour(ctx context.Context) error {
	node, d, err := c.within(ctx)
	if err != nil {
		return err
	}
	return c.AwaitNeighbour(ctx, node, d)
}

// install upgrades, or downgrades, the package on one node.
func (c *call) install(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	version := ""
	if c.args[1] != "this" {
		version = c.args[1]
	}
	return c.InstallVersion(ctx, node, version)
}

// followAdvice runs the command that `mysql-ha explain` prints for a node, on that
// node: the one that matches. Where it would ask, it is told yes.
func (c *call) followAdvice(ctx context.Context) error {
	node, err := c.Resolve(ctx, c.args[0])
	if err != nil {
		return err
	}
	want, err := regexp.Compile(c.args[1])
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	by, err := c.anyone(ctx) // its own cluster may be what does not run
	if err != nil {
		return err
	}
	var command string
	// What is explained is what has been published: it may take a monitor to be there.
	err = poll(ctx, 30*time.Second, time.Second, func(ctx context.Context) error {
		out, _, err := c.Exec(ctx, by, "mysql-ha", "explain", node, "--json")
		if err != nil {
			return err
		}
		var e struct{ Ways []struct{ Command string } }
		if err := json.Unmarshal([]byte(out), &e); err != nil {
			return err
		}
		for _, way := range e.Ways {
			if way.Command != "" && want.MatchString(way.Command) {
				command = way.Command
				return nil
			}
		}
		return fmt.Errorf("no way matches %s: %s", want, out)
	})
	if err != nil {
		return err
	}
	c.tell("%s", command)
	if strings.HasPrefix(command, "mysql-ha ") && !strings.HasPrefix(command, "mysql-ha explain") {
		command += " --yes"
	}
	out, stderr, err := c.Exec(ctx, node, "sh", "-c", command)
	fmt.Fprint(c.ts.Stdout(), out)
	fmt.Fprint(c.ts.Stderr(), stderr)
	return err
}
