package sim

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/scoring"
	"github.com/mysql-ha/mysql-ha/tests/story"
)

// words are those of tests/story that have a meaning in the model.
var words map[string]func(*teller, context.Context, *story.Call) error

func init() { // its functions speak of the table
	words = map[string]func(*teller, context.Context, *story.Call) error{
		"cluster":      func(s *teller, _ context.Context, _ *story.Call) error { return s.raise() },
		"param":        (*teller).param,
		"fencing":      (*teller).fencing,
		"writers":      func(s *teller, _ context.Context, c *story.Call) error { return s.writers(c.Args[0] == "start") },
		"await-writes": (*teller).awaitWrites,
		"outage":       (*teller).outage,
		"verify": func(s *teller, _ context.Context, c *story.Call) error {
			return s.verify(c.Duration("TIMEOUT", 30*time.Second))
		},
		"report":        func(*teller, context.Context, *story.Call) error { return nil },
		"kill-mysqld":   onNodes((*teller).killServer),
		"stop-applier":  onNodes((*teller).stopApplier),
		"freeze-server": onNodes(func(s *teller, n *node) error { n.srv.pause(true); return nil }),
		"thaw-server":   onNodes(func(s *teller, n *node) error { n.srv.pause(false); return nil }),
		"power-off":     onNodes((*teller).powerOff),
		"power-on":      onNodes(func(s *teller, n *node) error { s.w.powerOn(n); return nil }),
		"freeze-node":   onNodes((*teller).freezeNode),
		"thaw-node":     onNodes(func(s *teller, n *node) error { s.w.thaw(n); return nil }),
		"cut":           onNodes((*teller).cut),
		"split":         (*teller).split,
		"deafen":        (*teller).deafen,
		"heal":          func(s *teller, _ context.Context, _ *story.Call) error { s.heal(); return nil },
		"at":            (*teller).at,
		"settled":       (*teller).settled,
		"standby":       onNodes(func(s *teller, n *node) error { n.standby = true; s.w.rethink(); return nil }),
		"unstandby":     onNodes(func(s *teller, n *node) error { n.standby = false; s.w.rethink(); return nil }),
		"ban":           onNodes(func(s *teller, n *node) error { n.barred = true; s.w.rethink(); return nil }),
		"move":          onNodes(func(s *teller, n *node) error { s.move(n); return nil }),
		"clear":         func(s *teller, _ context.Context, _ *story.Call) error { s.clear(); return nil },
		"switchover":    (*teller).switchover,
		"reseed":        onNodes((*teller).reseed),
		"exec-on":       (*teller).execOn,
		"sql":           (*teller).sql,

		"await-primary": (*teller).expectPrimary,
		"await-healthy": func(s *teller, _ context.Context, c *story.Call) error {
			return s.until(c.Duration("TIMEOUT", 0), s.healthy)
		},
		"await-rejoined": (*teller).rejoined,
		"await-stopped":  (*teller).awaitStopped,
		"await-equal":    (*teller).awaitEqual,
		"await-fenced":   (*teller).awaitFenced,
		"no-primary":     (*teller).noPrimary,
		"writable":       (*teller).writable,
		"attr":           (*teller).attr,
		"score":          (*teller).score,
		"server-pid":     (*teller).serverPID,
		"leftover": func(s *teller, _ context.Context, c *story.Call) error {
			return s.leftOver(c.Duration("TIMEOUT", time.Minute), c.Has("timeouts"))
		},

		"remember": func(_ *teller, ctx context.Context, c *story.Call) error { return c.Remember(ctx) },
		"sleep":    func(s *teller, _ context.Context, c *story.Call) error { s.pass(c.Duration("DURATION", 0)); return nil },
	}
}

// onNodes has f meet all nodes that are named, at once.
func onNodes(f func(*teller, *node) error) func(*teller, context.Context, *story.Call) error {
	return func(s *teller, ctx context.Context, c *story.Call) error {
		names, err := c.Nodes(ctx, "NODE")
		for _, name := range names {
			err = errors.Join(err, f(s, s.w.byName(name)))
		}
		return err
	}
}

// node is the one behind an argument.
func (s *teller) node(ctx context.Context, c *story.Call) (*node, error) {
	name, err := c.Node(ctx, "NODE")
	if err != nil {
		return nil, err
	}
	return s.w.byName(name), nil
}

// meaningless says why a line cannot be told here, or "".
func meaningless(l story.Line, begun bool) string {
	switch {
	case slices.Contains(strings.Fields("cmp cp env grep stderr stdout stop"), l.Word):
		return ""
	case l.Word == "skip":
		return "skips this flavour itself"
	case words[l.Word] == nil:
		return l.Word
	case l.Word == "cluster" && l.Args[0] == "booted":
		return "a cluster without a resource"
	case l.Word == "param" && begun:
		return "a parameter changes"
	case l.Word == "param" && !slices.Contains(parameters, l.Args[0]):
		return "param " + l.Args[0]
	case l.Word == "exec-on" && command(l.Args[1:]) == nil:
		return "exec-on: " + brief(l.Args[1:])
	case l.Word == "sql" && statements[l.Args[1]] == nil:
		return "sql: " + brief(l.Args[1:])
	}
	return ""
}

func brief(words []string) string {
	text := strings.Join(words, " ")
	if len(text) > 40 {
		text = text[:40] + "…"
	}
	return text
}

// parameters are those that mean something to what is behind the ports.
var parameters = []string{"data_loss", "degrade_after", "durability", "max_lag"}

func (s *teller) param(_ context.Context, c *story.Call) error {
	if s.w != nil {
		return errors.New("the resource's parameters do not change here")
	}
	s.params[c.Text("NAME")] = c.Text("VALUE")
	return nil
}

func (s *teller) expectPrimary(ctx context.Context, c *story.Call) error {
	want := c.Args[0]
	word, not := strings.CutPrefix(want, "not:")
	name := ""
	if word != "any" {
		var err error
		if name, err = s.Resolve(ctx, word); err != nil {
			return err
		}
	}
	return s.awaitPrimary(c.Duration("TIMEOUT", 0), func(n *node) bool {
		return name == "" || (n.name == name) != not
	}, want)
}

func (s *teller) rejoined(ctx context.Context, c *story.Call) error {
	nodes, err := c.Nodes(ctx, "NODE")
	if err != nil {
		return err
	}
	return s.awaitRejoined(nodes, c.Has("seeding"), c.Duration("TIMEOUT", 0))
}

func (s *teller) awaitStopped(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	return s.until(c.Duration("TIMEOUT", 0), func() error {
		if n.srv.running {
			return errors.New("the server still runs")
		}
		return nil
	})
}

func (s *teller) awaitEqual(_ context.Context, c *story.Call) error {
	return s.until(c.Duration("TIMEOUT", 0), func() error {
		var first *node
		for _, n := range s.w.nodes {
			switch {
			case !n.on:
			case !n.srv.up():
				return fmt.Errorf("%s does not run", n.name)
			case first == nil:
				first = n
			case !n.srv.executed().Equal(first.srv.executed()):
				return fmt.Errorf("positions differ: %s | %s", first.srv.executed(), n.srv.executed())
			}
		}
		return nil
	})
}

// noPrimary watches for a while that nobody is promoted, in anybody's view.
func (s *teller) noPrimary(_ context.Context, c *story.Call) error {
	for end := s.w.now() + c.Duration("DURATION", 0); s.w.now() < end && !s.broken(); s.pass(200 * time.Millisecond) {
		for _, n := range s.w.nodes {
			if n.on && n.status == promoted {
				return fmt.Errorf("%s is promoted", n.name)
			}
		}
	}
	return nil
}

func (s *teller) writable(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	want := c.Text("yes|no") == "yes"
	return s.until(c.Duration("TIMEOUT", 15*time.Second), func() error {
		switch {
		case !n.srv.up():
			return fmt.Errorf("%s does not run", n.name)
		case n.srv.writable != want:
			return fmt.Errorf("%s is writable: %t", n.name, n.srv.writable)
		}
		return nil
	})
}

func (s *teller) attr(ctx context.Context, c *story.Call) error {
	want := regexp.MustCompile(c.Text("REGEXP")) // it has been looked at
	return s.attribute(ctx, c, c.Text("NAME"), want, c.Duration("TIMEOUT", 0))
}

func (s *teller) score(ctx context.Context, c *story.Call) error {
	value := c.Text("VALUE")
	if value == "-INFINITY" {
		value = scoring.FormatScore(scoring.NegInf)
	}
	want := regexp.MustCompile("^" + regexp.QuoteMeta(value) + "$")
	return s.attribute(ctx, c, scoreName, want, c.Duration("TIMEOUT", 15*time.Second))
}

func (s *teller) attribute(ctx context.Context, c *story.Call, name string, want *regexp.Regexp, d time.Duration) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	return s.until(d, func() error {
		if got := n.attributes[name]; !want.MatchString(got) {
			return fmt.Errorf("attribute %s of %s is %q, want %s", name, n.name, got, want)
		}
		return nil
	})
}

func (s *teller) serverPID(ctx context.Context, c *story.Call) error {
	n, err := s.node(ctx, c)
	if err != nil {
		return err
	}
	if !n.srv.running {
		return errors.New("no server")
	}
	fmt.Fprintln(c.Script.Stdout(), n.srv.pid)
	return nil
}
