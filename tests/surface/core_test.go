package surface_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The agent holds passwords: it cannot be dumped, nor looked into by others of its
// user. The kernel shows that by giving the process's files to root.
func TestNoCoreDump(t *testing.T) {
	t.Parallel()
	if missing != "" {
		t.Skip(missing)
	}
	dir, err := os.MkdirTemp("/var/tmp", "mysql-ha-core")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	fifo := filepath.Join(dir, "fifo")
	must(t, unix.Mkfifo(fifo, 0o644))
	for path, mode := range map[string]os.FileMode{dir: 0o777, fifo: 0o644, filepath.Dir(binary): 0o755} {
		must(t, os.Chmod(path, mode))
	}
	const nobody = 65534
	owner := func(cmd *exec.Cmd) uint32 {
		info, err := os.Stat(filepath.Join("/proc", strconv.Itoa(cmd.Process.Pid), "status"))
		must(t, err)
		return info.Sys().(*syscall.Stat_t).Uid
	}
	run := func(argv ...string) *exec.Cmd {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		t.Cleanup(cancel)
		const most = `ulimit -S -c "$(ulimit -H -c)"; exec "$@"`
		cmd := exec.CommandContext(ctx, "sh", append([]string{"-c", most, "run"}, argv...)...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		must(t, cmd.Start())
		return cmd
	}
	other := run("sleep", "60")
	if got := owner(other); got != nobody {
		t.Errorf("any process's files belong to %d", got)
	}
	must(t, other.Process.Kill())
	_ = other.Wait()

	agent := run(binary, "score", "--file", fifo) // waits for a writer
	for end := time.Now().Add(30 * time.Second); owner(agent) != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the agent can be dumped")
		}
	}
	must(t, agent.Process.Signal(syscall.SIGABRT))
	_ = agent.Wait()
	status := agent.ProcessState.Sys().(syscall.WaitStatus)
	if !status.Signaled() || status.CoreDump() {
		t.Errorf("ended with %v, core dump %t", agent.ProcessState, status.CoreDump())
	}
	left, err := os.ReadDir(dir)
	must(t, err)
	if len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}
