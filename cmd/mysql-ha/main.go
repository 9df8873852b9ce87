package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"time"

	"github.com/alecthomas/kong"
	"golang.org/x/sys/unix"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// version is set at link time.
var version = "0.0.0-dev"

func main() {
	keepToItself()
	os.Exit(run(context.Background(), os.Args, os.Environ(), os.Stdout, os.Stderr))
}

// keepToItself: no core dump of a process that holds passwords, neither as a file nor
// piped to a handler (which a limit of 0 would not prevent), and no look at its memory
// by others of its user. What it executes, the server above all, is not concerned. An
// error would be a kernel without it.
func keepToItself() { _ = unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0) }

// run never panics: an exit code of 2, as the Go runtime's, would ban the node.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) (code int) {
	// What recover cannot catch ends in SIGABRT, which Pacemaker reads as a plain error.
	debug.SetTraceback("crash")
	defer func() {
		if r := recover(); r != nil {
			fmt.Fprintf(stderr, "%s\n%s%s\n", debug.Stack(), exitReasonPrefix(environ), oneLine(fmt.Sprintf("internal error: %v", r)))
			code = int(ocf.ErrGeneric)
		}
	}()
	if isAgent(args, environ) {
		action := ""
		if len(args) > 1 {
			action = args[1]
		}
		return agent(ctx, ocf.Action(action), environ, stdout, stderr)
	}
	return operator(ctx, args[1:], environ, stdout, stderr)
}

// isAgent: called by Pacemaker (or as if), by the agent's name or with its
// environment. The first word is an OCF action and others are ignored; promote is
// an operator's word, too.
func isAgent(args, environ []string) bool {
	named := filepath.Base(args[0]) == "mysql-ha"
	if len(args) > 1 && slices.Contains(operatorWords, args[1]) && (named || args[1] != "status") {
		return false // "status" was an action of agents once: theirs by the agent's name
	}
	return !named || lookup(environ, "OCF_ROOT") != "" || lookup(environ, "OCF_RESOURCE_INSTANCE") != ""
}

// grammar is the operator's command line.
type grammar struct {
	Status    statusCmd    `cmd:"" help:"Show the cluster on one screen; the exit code tells its health."`
	Explain   explainCmd   `cmd:"" help:"Say why a node can or cannot be promoted, and what would change it."`
	Score     scoreCmd     `cmd:"" help:"Rank the nodes, with the reason for every point."`
	Bootstrap bootstrapCmd `cmd:"" help:"Start a fresh cluster from one node's data."`
	Promote   promoteCmd   `cmd:"" help:"Promote a node although a proof is missing."`
	Reset     resetCmd     `cmd:"" name:"reset-epoch" help:"Start over after a backup was restored everywhere."`
	Grants    grantsCmd    `cmd:"" help:"Print the SQL that makes the agent's account, with the privileges that it needs."`
	Hook      hookCmd      `cmd:"" hidden:"" help:"Run at the death of the server process."`
	Announce  announceCmd  `cmd:"" hidden:"" help:"Announce the virtual IP for a while."`
	Supervise superviseCmd `cmd:"" hidden:"" help:"Run a server where there is no systemd."`
	Watch     watchCmd     `cmd:"" hidden:"" help:"See the end of a server that others started."`
	Document  documentCmd  `cmd:"" hidden:"" help:"Print what packages have beside the program: manual pages and more."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
}

// operatorWords are the commands that OCF has no action for.
var operatorWords = []string{"status", "explain", "score", "bootstrap", "reset-epoch", "grants", "hook", "announce", "supervise", "watch", "document", "version", "--help", "-h"}

// desk is an operator's command's surroundings: where it prints, and what it knows.
type desk struct {
	ctx     context.Context
	environ []string
	in      io.Reader
	out     io.Writer
	err     io.Writer
}

// operatorTimeout bounds every operator command, so that none hangs in a script.
const operatorTimeout = 60 * time.Second

func operator(ctx context.Context, args, environ []string, stdout, stderr io.Writer) int {
	ctx, cancel := context.WithTimeout(ctx, operatorTimeout)
	defer cancel()
	var g grammar
	parser, err := kong.New(&g, kong.Name("mysql-ha"), kong.Writers(stdout, stderr),
		kong.Description("MySQL and MariaDB replication under Pacemaker."), kong.Exit(func(int) { panic(exitNow{}) }))
	if err != nil {
		fmt.Fprintln(stderr, "mysql-ha:", err)
		return 1
	}
	code, done := 0, false
	var cmd *kong.Context
	func() {
		defer func() {
			if r := recover(); r != nil {
				if _, ok := r.(exitNow); !ok {
					panic(r)
				}
				done = true
			}
		}()
		cmd, err = parser.Parse(args)
	}()
	if done {
		return code
	}
	if err != nil {
		fmt.Fprintln(stderr, "mysql-ha:", err)
		return usageError
	}
	err = cmd.Run(&desk{ctx: ctx, environ: environ, in: os.Stdin, out: stdout, err: stderr})
	if c, ok := errors.AsType[exitCode](err); ok && c.error == nil {
		return c.code // all is said
	}
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "mysql-ha:", err)
	if c, ok := errors.AsType[exitCode](err); ok {
		return c.code
	}
	if errors.Is(err, errDeclined) {
		return 2
	}
	return 1
}

// usageError is the code for a command line that is wrong (EX_USAGE of sysexits.h).
const usageError = 64

// exitCode is a command's end with a code of its own, and an error where there is
// something to say.
type exitCode struct {
	code int
	error
}

func (e exitCode) Unwrap() error { return e.error }

// exitNow is kong's wish to end after printing help.
type exitNow struct{}

type versionCmd struct{}

func (versionCmd) Run(d *desk) error {
	_, err := fmt.Fprintln(d.out, version)
	return err
}
