package systemd

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// With these arguments the test binary is the server, and its exit hook.
const (
	beServer = "-be-server="
	beHook   = "-be-hook="
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if dir, ok := strings.CutPrefix(os.Args[1], beServer); ok {
			server(dir)
		}
		if dir, ok := strings.CutPrefix(os.Args[1], beHook); ok {
			report(dir, "hook")
			os.Exit(0)
		}
	}
	os.Exit(m.Run())
}

// server says that it recovers, is ready when asked to be, and ends at SIGTERM.
func server(dir string) {
	report(dir, "server")
	if len(os.Args) > 2 && os.Args[2] == "--fail" {
		os.Exit(7)
	}
	terminate := make(chan os.Signal, 1)
	signal.Notify(terminate, syscall.SIGTERM)
	notify("STATUS=InnoDB: recovering")
	for {
		select {
		case <-terminate:
			notify("STOPPING=1")
			time.Sleep(300 * time.Millisecond)
			os.Exit(0)
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

// report tells who and how it runs.
func report(dir, what string) {
	var files syscall.Rlimit
	_ = syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files)
	line := fmt.Sprintf("%s uid=%d args=%q", what, os.Getuid(), os.Args[2:])
	if what == "server" {
		line += fmt.Sprintf(" files=%d", files.Cur)
	}
	f, err := os.OpenFile(filepath.Join(dir, "report"), os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(line + "\n")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// realUnit is a unit on the machine's own systemd.
type realUnit struct {
	*Unit
	dir, self string
	ctx       context.Context
}

func newRealUnit(t *testing.T) *realUnit {
	t.Helper()
	u, err := New(fmt.Sprintf("mysql-ha-test-%d.service", os.Getpid()))
	if err != nil || os.Getuid() != 0 {
		t.Skip("needs root and systemd:", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	r := &realUnit{u, t.TempDir(), "", ctx}
	if r.self, err = os.Executable(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{r.dir, filepath.Dir(r.dir)} { // for the server's user
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.dir, "report"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(r.dir, "report"), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(ctx)
		if err := r.Kill(ctx); err != nil {
			t.Error(err)
		}
		if b, err := dial(ctx); err == nil {
			_ = b.ResetFailedUnitContext(ctx, r.name)
			b.Close()
		}
	})
	return r
}

func (r *realUnit) command(args ...string) ocf.Command {
	return ocf.Command{
		Binary: r.self, Args: append([]string{beServer + r.dir}, args...),
		User: "nobody", Group: "nogroup", Datadir: r.dir,
		ExitHook:    []string{r.self, beHook + r.dir, "with %n"},
		StopTimeout: time.Minute, OpenFiles: 4321,
	}
}

func (r *realUnit) look(t *testing.T) ocf.Process {
	t.Helper()
	p, err := r.Look(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// eventually looks until the process is as wanted.
func (r *realUnit) eventually(t *testing.T, what string, wanted func(ocf.Process) bool) ocf.Process {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		p := r.look(t)
		if wanted(p) {
			return p
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("never %s: %+v", what, p)
		}
	}
}

func (r *realUnit) reports(t *testing.T, want string) {
	t.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(r.dir, "report"))
		if err != nil {
			t.Fatal(err)
		}
		if string(text) == want {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("reported\n%s\nnot\n%s", text, want)
		}
	}
}

func reload(ctx context.Context, t *testing.T) {
	t.Helper()
	conn, err := dbus.NewSystemdConnectionContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.ReloadContext(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestRealUnit(t *testing.T) {
	r := newRealUnit(t)
	if p := r.look(t); p != (ocf.Process{}) {
		t.Errorf("before the first start: %+v", p)
	}
	for range 2 {
		if err := r.Terminate(r.ctx); err != nil {
			t.Error(err)
		}
		if err := r.Kill(r.ctx); err != nil {
			t.Error(err)
		}
	}

	const nasty = "--init=$HOME ${PATH} %n %% \\x20 'a' \"b\" ; \t;"
	begin := time.Now()
	runtimeDir := "/run/" + strings.TrimSuffix(r.name, ".service") + "/below"
	t.Cleanup(func() { _ = os.RemoveAll(filepath.Dir(runtimeDir)) })
	if err := r.Start(r.ctx, r.command(nasty, "--socket="+runtimeDir+"/mysqld.sock")); err != nil {
		t.Fatal(err)
	}
	t.Log("Start took", time.Since(begin))
	if info, err := os.Stat(runtimeDir); err != nil || info.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("the socket's directory: %+v, %v", info, err)
	}
	p := r.eventually(t, "recovering", func(p ocf.Process) bool { return p.Status != "" })
	if !p.Running || p.Ready || p.PID == 0 || p.Status != "InnoDB: recovering" || time.Since(p.Since).Abs() > 20*time.Second {
		t.Errorf("while it recovers: %+v", p)
	}
	if err := r.Start(r.ctx, r.command()); err == nil {
		t.Error("started twice")
	}
	if err := os.WriteFile(filepath.Join(r.dir, "ready"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	r.eventually(t, "ready", func(p ocf.Process) bool { return p.Ready && p.Status == "ready for connections" })

	// systemd reads what it wrote of the unit, as any package's installation makes it do.
	before := r.look(t)
	reload(r.ctx, t)
	if after := r.look(t); after != before {
		t.Errorf("after a reload of systemd: %+v, not %+v", after, before)
	}

	if err := r.Terminate(r.ctx); err != nil {
		t.Fatal(err)
	}
	r.eventually(t, "stopping", func(p ocf.Process) bool { return p.Running && !p.Ready })
	r.eventually(t, "gone", func(p ocf.Process) bool { return !p.Running })
	server := "server uid=65534 args=%q files=4321\n"
	hook := `hook uid=0 args=["with %n"]` + "\n"
	want := fmt.Sprintf(server, []string{nasty, "--socket=" + runtimeDir + "/mysqld.sock"}) + hook
	r.reports(t, want)

	// At once again, and to its death.
	if err := r.Start(r.ctx, r.command("x")); err != nil {
		t.Fatal(err)
	}
	want += fmt.Sprintf(server, []string{"x"})
	r.reports(t, want)
	begin = time.Now()
	if err := r.Kill(r.ctx); err != nil {
		t.Fatal(err)
	}
	t.Log("Kill took", time.Since(begin))
	if p := r.look(t); p.Running {
		t.Errorf("after Kill: %+v", p)
	}
	r.reports(t, want+hook)
	r.eventually(t, "known to be killed", func(p ocf.Process) bool { return p == ocf.Process{Result: "signal"} })

	if got, err := Enabled(r.ctx, []string{"mysql-ha-no-such.service", "dbus.service"}); len(got) != 1 || err != nil {
		t.Errorf("Enabled = %v, %v", got, err)
	}

	// One that does not come up.
	switch err := r.Start(r.ctx, r.command("--fail")); {
	case err == nil:
		r.eventually(t, "failed", func(p ocf.Process) bool { return p == ocf.Process{Result: "exit-code"} })
	case !strings.Contains(err.Error(), "it ended at once (exit-code)"):
		t.Error(err)
	}
}
