package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// defaultDeadline bounds a command whose caller set no deadline.
const defaultDeadline = 30 * time.Second

var commandEnv = []string{
	"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	"HOME=/root", "LC_ALL=C.UTF-8", "TERM=dumb",
}

// run runs one command to its end or its deadline. The whole process group is
// killed at the deadline: nsenter's child would outlive nsenter.
func run(ctx context.Context, env []string, argv ...string) (stdout, stderr string, err error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, defaultDeadline)
		defer cancel()
	}
	var out, errb bytes.Buffer
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = env
	cmd.Stdout, cmd.Stderr = &out, &errb
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	if err == nil {
		return out.String(), errb.String(), nil
	}
	if ctx.Err() != nil {
		err = errors.Join(ctx.Err(), err)
	}
	said := strings.TrimSpace(errb.String())
	if said == "" {
		said = strings.TrimSpace(out.String())
	}
	if len(said) > 2000 {
		said = "…" + said[len(said)-2000:]
	}
	return out.String(), errb.String(), fmt.Errorf("%s: %w: %s", brief(argv), err, said)
}

// host runs a command on the host, for its effect.
func host(ctx context.Context, argv ...string) error {
	_, _, err := run(ctx, os.Environ(), argv...)
	return err
}

func brief(argv []string) string {
	s := strings.Join(argv, " ")
	if len(s) > 160 {
		s = s[:160] + "…"
	}
	return s
}

// Exec runs a command inside a node, or for "client" in the client's network.
func (l *Lab) Exec(ctx context.Context, node string, argv ...string) (stdout, stderr string, err error) {
	if node == clientNS {
		return run(ctx, commandEnv, append([]string{"ip", "netns", "exec", netns(clientNS)}, argv...)...)
	}
	pid, err := leader(node)
	if err != nil {
		return "", "", err
	}
	stdout, stderr, err = run(ctx, commandEnv, append([]string{"nsenter", "-t", fmt.Sprint(pid), "-a", "--"}, argv...)...)
	if err != nil {
		err = fmt.Errorf("on %s: %w", node, err)
	}
	return stdout, stderr, err
}

// Attach runs a command inside a node on this process's own terminal.
func (l *Lab) Attach(ctx context.Context, node string, argv ...string) error {
	pid, err := leader(node)
	if err != nil {
		return err
	}
	args := append([]string{"-t", fmt.Sprint(pid), "-a", "--"}, argv...)
	cmd := exec.CommandContext(ctx, "nsenter", args...)
	cmd.Env = commandEnv
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	return cmd.Run()
}

// client is MariaDB's, on all nodes: it speaks to both flavours.
func client(args ...string) []string {
	return append([]string{"mariadb", "--no-defaults", "-uroot", "-S/run/mysqld/mysqld.sock", "--connect-timeout=3"}, args...)
}

// SQL runs statements as root through the node's own socket and returns the
// rows, tab separated. It fails fast when mysqld does not answer.
func (l *Lab) SQL(ctx context.Context, node, stmt string) (string, error) {
	out, _, err := l.Exec(ctx, node, client("-N", "-B", "-e", stmt)...)
	return strings.TrimSpace(out), err
}
