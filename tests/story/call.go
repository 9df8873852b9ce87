package story

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// ErrUsage is a word whose arguments mean nothing.
var ErrUsage = errors.New("wrong argument")

// Call is one use of a word in a story.
type Call struct {
	Word string
	Args []string
	// Script is nil where a text is only looked at.
	Script *testscript.TestScript
	stage  Stage
	found  map[string][]string // arguments by their names in the usage
}

// Parse reads a word with its arguments by its usage. An error wraps ErrUsage.
func Parse(word string, args []string) (*Call, error) {
	usage, ok := Words[word]
	if !ok {
		return nil, fmt.Errorf("%w: no word %q", ErrUsage, word)
	}
	found, ok := fit(slots(usage), args)
	if !ok {
		return nil, fmt.Errorf("%w: %q; usage: %s %s", ErrUsage, args, word, usage)
	}
	return &Call{Word: word, Args: args, found: found}, nil
}

// Text is the argument of that name, or "" where it is missing.
func (c *Call) Text(name string) string {
	if got := c.found[name]; len(got) > 0 {
		return got[0]
	}
	return ""
}

// Texts are all arguments of that name.
func (c *Call) Texts(name string) []string { return c.found[name] }

// Has says whether the argument of that name is there.
func (c *Call) Has(name string) bool { return len(c.found[name]) > 0 }

// Duration is the argument of that name, or otherwise.
func (c *Call) Duration(name string, otherwise time.Duration) time.Duration {
	if d, err := time.ParseDuration(c.Text(name)); err == nil {
		return d
	}
	return otherwise
}

// Number is the argument of that name, or 0.
func (c *Call) Number(name string) int {
	n, _ := strconv.Atoi(c.Text(name)) // it has been looked at
	return n
}

// Node is the node behind the argument of that name, at this moment.
func (c *Call) Node(ctx context.Context, name string) (string, error) {
	return c.stage.Resolve(ctx, c.Text(name))
}

// Nodes are the nodes behind all arguments of that name, at this moment: what is then
// done to one may change who the others are.
func (c *Call) Nodes(ctx context.Context, name string) ([]string, error) {
	return resolve(ctx, c.stage, c.found[name])
}

// Groups are the sides of a split.
func (c *Call) Groups(ctx context.Context) ([][]string, error) {
	var groups [][]string
	for rest := c.Args; rest != nil; {
		words := rest
		if i := slices.Index(rest, "/"); i >= 0 {
			words, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		group, err := resolve(ctx, c.stage, words)
		if err != nil {
			return nil, err
		}
		if len(group) == 0 {
			return nil, fmt.Errorf("%w: a side without nodes", ErrUsage)
		}
		groups = append(groups, group)
	}
	return groups, nil
}

// Remember keeps nodes' names in the story's variables.
func (c *Call) Remember(ctx context.Context) error {
	if len(c.Args)%2 != 0 {
		return fmt.Errorf("%w: pairs of a variable and a part", ErrUsage)
	}
	for i := 0; i < len(c.Args); i += 2 {
		name, err := c.stage.Resolve(ctx, c.Args[i+1])
		if err != nil {
			return err
		}
		c.Script.Setenv(c.Args[i], name)
		c.stage.Say("%s:   %s is %s", c.Script.Name(), c.Args[i], name)
	}
	return nil
}

func resolve(ctx context.Context, s Stage, words []string) ([]string, error) {
	var names []string
	for _, word := range words {
		name, err := s.Resolve(ctx, word)
		if err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}
