package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ambush is something that happens when the agent of a node runs an action.
type ambush struct {
	what   string
	cancel context.CancelFunc
	done   chan error // gets one value
}

// ambushTime bounds how long an ambush waits for its action.
const ambushTime = 3 * time.Minute

// Ambush waits in the background until the agent runs an action on a node, then for
// a while longer, or (after < 0) for the action's end, and acts. act gets the agent's
// process. Settled tells whether it came to that.
func (s *Story) Ambush(node, action string, after time.Duration, what string, act func(ctx context.Context, pid int) error) {
	ctx, cancel := context.WithTimeout(context.Background(), ambushTime)
	a := &ambush{what: fmt.Sprintf("at %s on %s: %s", action, node, what), cancel: cancel, done: make(chan error, 1)}
	s.ambushes = append(s.ambushes, a)
	begun := agents(node, action) // before this was asked for
	go func() {
		defer cancel()
		pid, err := awaitAgent(ctx, node, action, begun)
		if err == nil && after >= 0 {
			err = pause(ctx, after)
		}
		for err == nil && after < 0 && strings.HasSuffix(commandLine(pid), " "+action) {
			err = pause(ctx, 2*time.Millisecond)
		}
		if err == nil {
			s.logf("  %s", a.what)
			err = act(ctx, pid)
		}
		a.done <- err
	}()
}

// Settled waits until every ambush has happened.
func (s *Story) Settled(ctx context.Context) error {
	var errs []error
	for _, a := range s.ambushes {
		select {
		case err := <-a.done:
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", a.what, err))
			}
		case <-ctx.Done():
			a.cancel()
			errs = append(errs, fmt.Errorf("%s: it did not come to that", a.what))
		}
	}
	s.ambushes = nil
	return errors.Join(errs...)
}

// SettledAny waits until one of the ambushes has happened, and calls off the others.
func (s *Story) SettledAny(ctx context.Context) error {
	for {
		for i, a := range s.ambushes {
			select {
			case err := <-a.done:
				s.ambushes = append(s.ambushes[:i:i], s.ambushes[i+1:]...)
				s.callOff()
				return err
			default:
			}
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			s.callOff()
			return fmt.Errorf("no ambush came about: %w", err)
		}
	}
}

func (s *Story) callOff() {
	for _, a := range s.ambushes {
		a.cancel()
	}
	s.ambushes = nil
}

// Abandon ends what a story that is over has running in the background.
func (s *Story) Abandon() {
	s.callOff()
	s.endFencer()
	s.disperse()
}

// agents are the processes of the agent that run an action, as the host counts.
func agents(node, action string) []int {
	// The node may be off for the moment.
	b, _ := os.ReadFile(filepath.Join(cgroupDir(node), "payload/system.slice/pacemaker.service/cgroup.procs"))
	name := "/mysql-ha/mysql " + action
	var pids []int
	for _, word := range strings.Fields(string(b)) {
		pid, err := strconv.Atoi(word)
		// One that it forks looks like it until it runs a program of its own.
		if err == nil && strings.HasSuffix(commandLine(pid), name) && !strings.HasSuffix(commandLine(parent(pid)), name) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitAgent returns the first of them that is none of those.
func awaitAgent(ctx context.Context, node, action string, but []int) (int, error) {
	for {
		for _, pid := range agents(node, action) {
			if !slices.Contains(but, pid) {
				return pid, nil
			}
		}
		if err := pause(ctx, 2*time.Millisecond); err != nil {
			return 0, fmt.Errorf("no agent ran it: %w", err)
		}
	}
}

// commandLine is what a process was started with; empty when it has ended.
func commandLine(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
}

// parent is the process that started another; 0 where it has ended.
func parent(pid int) int {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(b), ") ")
	if fields := strings.Fields(after); len(fields) > 1 {
		n, _ := strconv.Atoi(fields[1])
		return n
	}
	return 0
}

// killProcess ends a process at once. One that has ended is no error: an ambush may
// come too late, which is a moment like any other.
func killProcess(pid int) error {
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
