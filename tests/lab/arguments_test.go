//go:build lab

package lab

import (
	"context"
	"errors"
	"fmt"
	"time"
)

func (c *call) duration(i int) (time.Duration, error) {
	d, err := time.ParseDuration(c.args[i])
	if err != nil {
		return 0, fmt.Errorf("%w: %q is no duration such as 30s", errUsage, c.args[i])
	}
	return d, nil
}

// timeout is an argument that may be missing.
func (c *call) timeout(i int, otherwise time.Duration) (time.Duration, error) {
	if len(c.args) <= i {
		return otherwise, nil
	}
	return c.duration(i)
}

// onNodes runs f for each argument, at once where the story says "together".
// All parts are resolved first: killing the primary changes who it is.
func onNodes(together bool, f func(*Story, context.Context, string) error) func(*call, context.Context) error {
	return func(c *call, ctx context.Context) error {
		var names []string
		for _, word := range c.args {
			name, err := c.Resolve(ctx, word)
			if err != nil {
				return err
			}
			names = append(names, name)
		}
		if !together || len(names) == 1 {
			for _, name := range names {
				if err := f(c.Story, ctx, name); err != nil {
					return err
				}
			}
			return nil
		}
		errs := make(chan error)
		for _, name := range names {
			go func() { errs <- f(c.Story, ctx, name) }()
		}
		var all []error
		for range names {
			all = append(all, <-errs)
		}
		return errors.Join(all...)
	}
}

// withStatement runs f for a node and SQL.
func withStatement(f func(*Story, context.Context, string, string) error) func(*call, context.Context) error {
	return func(c *call, ctx context.Context) error {
		node, err := c.Resolve(ctx, c.args[0])
		if err != nil {
			return err
		}
		return f(c.Story, ctx, node, c.args[1])
	}
}
