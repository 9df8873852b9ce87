package pacemaker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Exit codes of the tools (Pacemaker's include/crm/common/results.h).
const (
	exitDeviceGone   = 6   // ENXIO as old cibadmin and attrd_updater pass it on: nothing there
	exitConfig       = 78  // attrd_updater 2.1: the attribute does not exist
	exitDisconnected = 102 // the daemon did not accept a connection
	exitNoSuch       = 105 // nothing there
)

const (
	maxOutput = 16 << 20 // a CIB section, or one attribute of every node at its longest
	maxErrors = 4 << 10
)

// sbinDirs are searched after PATH, which may be small in an agent.
var sbinDirs = []string{"/usr/sbin", "/usr/bin", "/sbin", "/bin"}

// run runs a tool to its end. A code that is neither 0 nor among allowed is an
// error in the tool's own words.
func (c *Cluster) run(ctx context.Context, allowed []int, tool string, args ...string) (stdout []byte, code int, err error) {
	path, err := c.find(tool)
	if err != nil {
		return nil, 0, c.unreachable(err)
	}
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()

	out, errs := &head{max: maxOutput}, &head{max: maxErrors}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = c.toolEnviron()
	cmd.Stdout, cmd.Stderr = out, errs
	// A group of its own, so that whatever the tool started ends with it. As the
	// executor's kill of the agent's group then misses it, it also dies with us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second

	runtime.LockOSThread() // the death signal is sent when the starting thread ends
	err = cmd.Run()
	runtime.UnlockOSThread()

	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, 0, fmt.Errorf("%s did not answer: %w", tool, ctx.Err())
	case err == nil:
	case errors.As(err, &exit) && exit.Exited():
		code = exit.ExitCode()
	default:
		return nil, 0, fmt.Errorf("%s: %w", tool, err)
	}
	if out.dropped {
		return nil, 0, fmt.Errorf("%s: answer of more than %d bytes", tool, maxOutput)
	}
	if code == 0 || slices.Contains(allowed, code) {
		return out.buf.Bytes(), code, nil
	}
	err = fmt.Errorf("%s: %s (exit code %d)", tool, complaint(tool, out.buf.Bytes(), errs.buf.Bytes()), code)
	if code == exitDisconnected {
		err = c.unreachable(err)
	}
	return nil, code, err
}

// find looks a tool up: HA_SBIN_DIR as the resource agents know it, PATH, then
// where distributions put them.
func (c *Cluster) find(tool string) (string, error) {
	dirs := append([]string{c.getenv("HA_SBIN_DIR")}, filepath.SplitList(c.getenv("PATH"))...)
	for _, dir := range append(dirs, sbinDirs...) {
		if !filepath.IsAbs(dir) {
			continue
		}
		path := filepath.Join(dir, tool)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", tool, fs.ErrNotExist)
}

// toolEnviron is what the tools need and no more. In particular without
// OCF_RESKEY_CRM_meta_on_node, with which attrd_updater 2.1.5 answers a query for
// all nodes with the local one, and without anything secret.
func (c *Cluster) toolEnviron() []string {
	env := []string{"LC_ALL=C", "PATH=" + strings.Join(sbinDirs, ":")}
	if path := c.getenv("PATH"); path != "" {
		env[1] = "PATH=" + path + ":" + strings.Join(sbinDirs, ":")
	}
	for _, kv := range c.environ {
		if strings.HasPrefix(kv, "PCMK_") {
			env = append(env, kv)
		}
	}
	return env
}

func (c *Cluster) getenv(name string) string {
	for _, kv := range slices.Backward(c.environ) {
		if value, ok := strings.CutPrefix(kv, name+"="); ok {
			return value
		}
	}
	return ""
}

// unreachable adds ErrNoCluster to the failure to reach a daemon where no cluster
// runs. The tools cannot tell: a daemon that is just being restarted gives the
// same code.
func (c *Cluster) unreachable(err error) error {
	if text, readErr := os.ReadFile(c.sockets); readErr == nil && !clusterListens(text) {
		return fmt.Errorf("%w: %w", ocf.ErrNoCluster, err)
	}
	return err
}

// complaint is what a tool says about its failure: in XML on its output, or else
// in the last line of its errors.
func complaint(tool string, stdout, stderr []byte) string {
	text := ""
	if answer, err := parseAnswer(stdout); err == nil && len(answer.Status.Errors) > 0 {
		text = answer.Status.Errors[len(answer.Status.Errors)-1]
	} else {
		lines := strings.Split(strings.TrimSpace(string(stderr)), "\n")
		text = lines[len(lines)-1]
	}
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), tool+":"))
	if text == "" {
		return "failed without a word"
	}
	return text
}

// head keeps the beginning of what is written to it.
type head struct {
	buf     bytes.Buffer
	max     int
	dropped bool
}

func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.max-h.buf.Len())
	h.buf.Write(p[:n])
	h.dropped = h.dropped || n < len(p)
	return len(p), nil
}
