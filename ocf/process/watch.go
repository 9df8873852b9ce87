package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// WatchCommand is the hidden subcommand by which Adopt runs this binary again; its
// handler passes the arguments after it to Watch.
const WatchCommand = "watch"

// Watch waits for the end of a process that is not its child: PID, start time, and
// the hook to run then, whose output goes to log.
func Watch(args []string, log io.Writer) error {
	const own = 2
	if len(args) <= own {
		return errors.New("to be run by the agent only")
	}
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM)
	pid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	start, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return err
	}
	if err := keepDescriptors(); err != nil {
		return err
	}
	if err := (identity{pid, start}).await(); err != nil {
		return err
	}
	return runHook(args[own:], log)
}

// await returns when the process is gone.
func (i identity) await() error {
	fd, err := unix.PidfdOpen(i.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("watch process %d: %w", i.PID, err)
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was written
	// The handle first, then whether it is the one.
	if alive, err := i.alive(); !alive {
		return err
	}
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1)
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("watch process %d: %w", i.PID, err)
		}
		if n > 0 {
			return nil
		}
	}
}
