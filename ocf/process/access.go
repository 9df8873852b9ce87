package process

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// Writable is nil where the user can make files in the directory. A process of that
// user asks, so that groups, access lists and read-only mounts count as they will.
func Writable(ctx context.Context, dir, name, group string) error {
	credential, err := lookUp(name, group)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/usr/bin/test", "-w", dir, "-a", "-x", dir)
	cmd.Env, cmd.Dir = []string{"LC_ALL=C"}, "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	err = cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return fmt.Errorf("%s cannot write there", name)
	}
	return err
}
