package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Background runs this binary again, detached: `<this binary> args…`.
type Background struct {
	Environ []string // the whole environment of the companion; it must hold no secret
}

var _ ocf.Background = Background{}

// Spawn returns when the companion runs. It has a session of its own, so that the
// executor's kill of the action's process group does not reach it, and none of the
// action's pipes, so that nobody waits for it.
func (b Background) Spawn(ctx context.Context, name string, args ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err == nil {
		err = keepDescriptors()
	}
	if err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	cmd := exec.Command(self, args...) //nolint:noctx // it outlives the action's context
	cmd.Env, cmd.Dir = b.Environ, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	return cmd.Process.Release()
}

// keepDescriptors has nothing started from now on inherit what this process itself
// inherited beyond its three standard files: somebody may wait for the end of a
// pipe among them.
func keepDescriptors() error {
	const first = 3
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, e := range entries {
		if fd, err := strconv.Atoi(e.Name()); err == nil && fd >= first {
			syscall.CloseOnExec(fd)
		}
	}
	return nil
}
