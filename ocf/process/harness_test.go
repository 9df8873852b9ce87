package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// The test binary is also the agent's, the server and its exit hook.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case SuperviseCommand:
			if err := Supervise(os.Args[2:]); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			leave(0)
		case "be-holder":
			holder(os.Args[2])
		case WatchCommand:
			if err := Watch(os.Args[2:], os.Stderr); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			leave(0)
		case "be-server":
			server(os.Args[3])
		case "be-hook":
			time.Sleep(200 * time.Millisecond)
			report(os.Args[2], "hook")
			leave(0)
		case "be-companion":
			companion(os.Args[2])
			leave(0)
		}
	}
	os.Exit(m.Run())
}

// leave is without os.Exit: with the race detector it sleeps for a second.
func leave(code int) {
	_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
}

// server says that it recovers, is ready when asked to be, and ends at SIGTERM.
func server(dir string) {
	report(dir, "server")
	if os.Args[4] == "fail" {
		leave(7)
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	notify("STATUS=InnoDB: recovering")
	for {
		select {
		case <-terminate:
			notify("STOPPING=1")
			time.Sleep(100 * time.Millisecond)
			leave(0)
		case <-time.After(10 * time.Millisecond):
		}
		if os.Remove(filepath.Join(dir, "ready")) == nil {
			notify("READY=1\nSTATUS=ready for connections")
		}
	}
}

func notify(text string) {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = c.Write([]byte(text))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// report tells who runs, as whom, and what it holds of others.
func report(dir, what string) {
	line := fmt.Sprintf("%s uid=%d", what, os.Getuid())
	if what == "server" {
		var files syscall.Rlimit
		_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
		sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
		line += fmt.Sprintf(" leads=%v files=%d", int(sid) == os.Getpid(), files.Cur)
		descriptors, _ := filepath.Glob("/proc/self/fd/*")
		for _, fd := range descriptors {
			if to, err := os.Readlink(fd); err == nil && (strings.HasPrefix(to, "pipe:") || strings.HasSuffix(fd, "/0")) {
				line += " holds " + to
			}
		}
	}
	f, err := os.OpenFile(filepath.Join(dir, "report"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(line + "\n")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

type bench struct {
	*Unit
	dir string
	t   *testing.T
	ctx context.Context
}

func newBench(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{dir, filepath.Dir(dir)} { // for the server's user
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "report")
	if err := errors.Join(os.WriteFile(path, nil, 0o666), os.Chmod(path, 0o666)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b := &bench{New(filepath.Join(dir, "run"), "db"), dir, t, ctx}
	t.Cleanup(func() {
		if err := b.Kill(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		b.settle()
	})
	return b
}

func (b *bench) command(mode string) ocf.Command {
	// A copy that the server's user may run.
	self := filepath.Join(b.dir, "server")
	if _, err := os.Stat(self); err != nil {
		text, err := os.ReadFile("/proc/self/exe")
		if err == nil {
			err = errors.Join(os.WriteFile(self, text, 0o755), os.Chmod(self, 0o755))
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	c := ocf.Command{
		Binary: self, Args: []string{"be-server", "--datadir=" + b.dir, b.dir, mode, "--socket=" + b.dir + "/new/s.sock"},
		Datadir: b.dir, ExitHook: []string{self, "be-hook", b.dir}, OpenFiles: 321,
	}
	if os.Getuid() == 0 {
		c.User, c.Group = "nobody", "nogroup"
	}
	return c
}

func (b *bench) look() ocf.Process {
	b.t.Helper()
	p, err := b.Look(b.ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return p
}

func (b *bench) eventually(what string, wanted func(ocf.Process) bool) ocf.Process {
	b.t.Helper()
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		p := b.look()
		if wanted(p) {
			return p
		}
		if time.Since(begin) > 20*time.Second {
			log, _ := os.ReadFile(b.files.log())
			b.t.Fatalf("never %s: %+v; %s", what, p, log)
		}
	}
}

// settle waits until no supervisor is left.
func (b *bench) settle() {
	b.t.Helper()
	err := poll(context.Background(), func() (bool, error) {
		rec, err := b.files.load()
		if err != nil {
			return true, nil //nolint:nilerr // a damaged one has no supervisor
		}
		alive, err := rec.Supervisor.alive()
		return !alive, err
	})
	if err != nil {
		b.t.Error(err)
	}
}

func (b *bench) reports() string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.dir, "report"))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func (b *bench) start(mode string) {
	b.t.Helper()
	if err := b.Start(b.ctx, b.command(mode)); err != nil {
		b.t.Fatal(err)
	}
}

func serverReport() string {
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534
	}
	return fmt.Sprintf("server uid=%d leads=true files=321 holds /dev/null\n", uid)
}

var hookReport = fmt.Sprintf("hook uid=%d\n", os.Getuid())

func companion(path string) {
	sid, _, _ := syscall.RawSyscall(syscall.SYS_GETSID, 0, 0, 0)
	out, _ := os.Readlink("/proc/self/fd/1")
	descriptors, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range descriptors {
		if to, _ := os.Readlink(fd); strings.HasPrefix(to, "pipe:") {
			out += " " + to
		}
	}
	dir, _ := os.Getwd()
	text, _ := json.Marshal([]any{int(sid) == os.Getpid(), out, dir, os.Environ(), os.Args[3:]})
	if err := os.WriteFile(path+".new", text, 0o600); err == nil {
		_ = os.Rename(path+".new", path)
	}
}
