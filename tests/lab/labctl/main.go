// Command labctl runs the lab by hand.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/mysql-ha/mysql-ha/tests/lab"
)

const usage = `usage: labctl COMMAND
  up [-nodes 3] [-suite bookworm] [-flavour mariadb]
                         boot a cluster (removes an earlier one)
  down                   end it and remove everything
  install                build the agent, put it into the running nodes
  configure [NAME=VALUE] load the resource, with parameters of yours
  status                 what the cluster says
  exec NODE -- CMD...    run a command inside a node
  sql NODE STATEMENT     run SQL as root
  cut NODE | heal        take a node (or client) off the network; all back
  power-off NODE | power-on NODE
  logs DIR               collect every node's logs
  demo [-suite bookworm] [-flavour mariadb]
                         boot, show two failovers, take the cluster down
`

var errNoCommand = errors.New("no command")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "labctl:", err)
		if errors.Is(err, errNoCommand) {
			fmt.Fprint(os.Stderr, usage)
		}
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errNoCommand
	}
	switch args[0] {
	case "up":
		return up(ctx, args[1:])
	case "down":
		return down(ctx)
	case "demo":
		return demo(ctx, args[1:])
	}
	l, err := lab.Open()
	if err != nil {
		return err
	}
	l.Logf = progress()
	node := func() (string, error) {
		if len(args) < 2 {
			return "", errors.New(args[0] + " needs a node")
		}
		return args[1], nil
	}
	switch args[0] {
	case "install":
		return l.Install(ctx)
	case "configure":
		params := map[string]string{}
		for _, a := range args[1:] {
			name, value, _ := strings.Cut(a, "=")
			params[name] = value
		}
		return l.Configure(ctx, lab.Config{Params: params})
	case "heal":
		return l.Heal(ctx)
	case "status":
		return status(ctx, l)
	case "logs":
		if len(args) < 2 {
			return errors.New("logs needs a folder")
		}
		return l.Collect(ctx, args[1])
	}
	name, err := node()
	if err != nil {
		return err
	}
	if _, err := l.Node(name); err != nil && name != "client" {
		return err
	}
	switch args[0] {
	case "exec":
		argv := args[2:]
		if len(argv) > 0 && argv[0] == "--" {
			argv = argv[1:]
		}
		if len(argv) == 0 {
			argv = []string{"/bin/bash"}
		}
		return l.Attach(ctx, name, argv...)
	case "sql":
		out, err := l.SQL(ctx, name, strings.Join(args[2:], " "))
		fmt.Println(out)
		return err
	case "cut":
		return l.Cut(ctx, name)
	case "power-off":
		return l.PowerOff(ctx, name)
	case "power-on":
		return l.PowerOn(ctx, name)
	}
	return fmt.Errorf("%w called %q", errNoCommand, args[0])
}

func progress() func(string, ...any) {
	start := time.Now()
	return func(format string, args ...any) {
		fmt.Printf("%6.1fs  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
}

func up(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("up", flag.ContinueOnError)
	nodes := fs.Int("nodes", 3, "how many nodes (1 to 9)")
	sys, err := parse(fs, args)
	if err != nil {
		return err
	}
	if *nodes < 1 || *nodes > 9 {
		return errors.New("-nodes must be 1 to 9")
	}
	lockCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	unlock, err := lab.Lock(lockCtx)
	if err != nil {
		return err
	}
	defer unlock()
	logf := progress()
	_, err = lab.Up(ctx, *nodes, sys, logf)
	if ctx.Err() != nil {
		// Interrupted: leave nothing. A failed boot is left for inspection.
		return errors.Join(err, lab.Down(ctx, logf))
	}
	if err == nil {
		logf("%d nodes are online: %s", *nodes, sys)
	}
	return err
}

// parse reads a command's options, and which system the nodes are to run.
func parse(fs *flag.FlagSet, args []string) (lab.System, error) {
	sys := lab.DefaultSystem
	fs.StringVar(&sys.Suite, "suite", sys.Suite, "Debian's suite on the nodes")
	fs.StringVar(&sys.Flavour, "flavour", sys.Flavour, "the database server")
	if err := fs.Parse(args); err != nil {
		return sys, err
	}
	return sys, sys.Check()
}

func down(ctx context.Context) error {
	lockCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	unlock, err := lab.Lock(lockCtx)
	if err != nil {
		return err
	}
	defer unlock()
	return lab.Down(ctx, progress())
}

func status(ctx context.Context, l *lab.Lab) error {
	on := l.On()
	fmt.Println("powered:", strings.Join(on, " "))
	if len(on) == 0 {
		return nil
	}
	out, _, err := l.Exec(ctx, on[0], "crm_mon", "-1rnA")
	fmt.Print(out)
	return err
}
