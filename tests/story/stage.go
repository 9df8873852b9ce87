package story

import (
	"context"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// Stage is where stories are carried out.
type Stage interface {
	// Do carries out a word; its arguments fit.
	Do(ctx context.Context, c *Call) error
	// Resolve is the node behind a name or a part, at this moment.
	Resolve(ctx context.Context, word string) (string, error)
	// Say tells at once what happens.
	Say(format string, args ...any)
}

// Bind makes testscript's commands of all words. on is the stage of a story. The
// commands end with ctx.
func Bind(ctx context.Context, on func(*testscript.TestScript) Stage) map[string]func(*testscript.TestScript, bool, []string) {
	commands := map[string]func(*testscript.TestScript, bool, []string){}
	for word := range Words {
		commands[word] = func(ts *testscript.TestScript, neg bool, args []string) {
			stage := on(ts)
			stage.Say("%s: %s %s", ts.Name(), word, strings.Join(args, " "))
			c, err := Parse(word, args)
			if err != nil {
				ts.Fatalf("%s: %v", word, err)
			}
			c.Script, c.stage = ts, stage
			err = stage.Do(ctx, c)
			switch {
			case neg && err == nil:
				ts.Fatalf("%s: succeeded, and should have failed", word)
			case neg:
				stage.Say("%s:   failed as it should: %v", ts.Name(), err)
			case err != nil:
				stage.Say("%s: FAILED: %s: %v", ts.Name(), word, err)
				ts.Fatalf("%s: %v", word, err)
			}
		}
	}
	return commands
}

// Setup gives a story the variables that stand for parts: $PRIMARY means primary.
func Setup(env *testscript.Env) {
	for _, part := range []string{"primary", "replica1", "replica2"} {
		env.Setenv(strings.ToUpper(part), part) // resolved when a word is carried out
	}
}
