package process

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

func TestLifeOfAServer(t *testing.T) {
	b := newBench(t)
	for range 2 {
		if p := b.look(); p != (ocf.Process{}) {
			t.Errorf("before the first start: %+v", p)
		}
		if err := errors.Join(b.Terminate(b.ctx), b.Kill(b.ctx)); err != nil {
			t.Error(err)
		}
	}
	b.start("x")
	p := b.eventually("recovering", func(p ocf.Process) bool { return p.Status == "InnoDB: recovering" })
	if !p.Running || p.Ready || p.PID == 0 || time.Since(p.Since) > 20*time.Second {
		t.Errorf("while it recovers: %+v", p)
	}
	if err := b.Start(b.ctx, b.command("x")); err == nil {
		t.Error("started twice")
	}
	if err := os.WriteFile(filepath.Join(b.dir, "ready"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	b.eventually("ready", func(p ocf.Process) bool { return p.Ready && p.Status == "ready for connections" })
	if err := b.Terminate(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.eventually("stopping", func(p ocf.Process) bool { return p.Running && !p.Ready })
	b.eventually("gone", func(p ocf.Process) bool { return p == ocf.Process{Result: "success"} })

	// The next start waits for the exit hook of this run.
	b.start("x")
	if err := b.Kill(b.ctx); err != nil {
		t.Fatal(err)
	}
	if p := b.look(); p.Running {
		t.Errorf("after Kill: %+v", p)
	}
	b.eventually("known to be killed", func(p ocf.Process) bool { return p == ocf.Process{Result: "signal"} })
	b.settle()
	if got := b.reports(); !strings.HasPrefix(got, serverReport()+hookReport) || !strings.HasSuffix(got, hookReport) {
		t.Errorf("reported\n%s", got)
	}
	if err := errors.Join(b.Terminate(b.ctx), b.Kill(b.ctx)); err != nil {
		t.Error(err)
	}
}

func TestServerThatDoesNotComeUp(t *testing.T) {
	b := newBench(t)
	b.start("fail")
	b.eventually("known to have failed", func(p ocf.Process) bool { return p == ocf.Process{Result: "exit-code"} })
	b.settle()
	if got, want := b.reports(), serverReport()+hookReport; got != want {
		t.Errorf("reported\n%s, not\n%s", got, want)
	}
}

func TestStartSaysWhyNot(t *testing.T) {
	b := newBench(t)
	c := b.command("x")
	c.Binary = filepath.Join(b.dir, "mysqld")
	err := b.Start(b.ctx, c)
	if err == nil || !strings.Contains(err.Error(), "no such file or directory") {
		t.Errorf("Start = %v", err)
	}
	b.eventually("known to have failed", func(p ocf.Process) bool { return p == ocf.Process{Result: "resources"} })
	c = b.command("x")
	c.User = "nobody-of-this-name"
	if err := b.Start(b.ctx, c); err == nil || !strings.Contains(err.Error(), "unknown user") {
		t.Errorf("Start = %v", err)
	}
}

func TestServerOutlivesItsSupervisor(t *testing.T) {
	t.Run("the binary itself", func(t *testing.T) {
		b := newBench(t)
		outlive(t, b, b.command("x"))
	})
	t.Run("a script in its place", func(t *testing.T) {
		b := newBench(t)
		c := b.command("x")
		script := c.Binary + ".sh"
		text := "#!/bin/sh\nexec " + c.Binary + " \"$@\" --more=x\n"
		if err := errors.Join(os.WriteFile(script, []byte(text), 0o755), os.Chmod(script, 0o755)); err != nil {
			t.Fatal(err)
		}
		c.Binary = script
		outlive(t, b, c)
	})
}

func outlive(t *testing.T, b *bench, c ocf.Command) {
	t.Helper()
	if err := b.Start(b.ctx, c); err != nil {
		t.Fatal(err)
	}
	b.eventually("heard", func(p ocf.Process) bool { return p.Status == "InnoDB: recovering" })
	rec, err := b.files.load()
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(rec.Supervisor.PID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if alive, err := rec.Supervisor.alive(); !alive || err != nil {
		t.Fatalf("the supervisor obeys signals: %v", err)
	}
	if err := syscall.Kill(rec.Supervisor.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	b.settle()
	if p := b.look(); !p.Running || p.PID != rec.Server.PID {
		t.Errorf("without its supervisor: %+v", p)
	}
	// Killed before it wrote down what it had started.
	rec.Server = identity{}
	if err := b.files.save(rec); err != nil {
		t.Fatal(err)
	}
	if p := b.look(); !p.Running {
		t.Errorf("not found: %+v", p)
	}
	if err := b.Kill(b.ctx); err != nil {
		t.Fatal(err)
	}
	if p := b.look(); p.Running {
		t.Errorf("after Kill: %+v", p)
	}
}

func TestPidOfAnother(t *testing.T) {
	b := newBench(t)
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	who, err := identify(other.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(b.files.base), 0o755); err != nil {
		t.Fatal(err)
	}
	rec := record{Command: b.command("x"), Server: identity{who.PID, who.Start - 1}}
	if err := b.files.save(rec); err != nil {
		t.Fatal(err)
	}
	if p := b.look(); p.Running {
		t.Errorf("the pid of another process: %+v", p)
	}
	if err := errors.Join(b.Terminate(b.ctx), b.Kill(b.ctx)); err != nil {
		t.Error(err)
	}
	// The right start time and another program: nobody knows what that is.
	rec.Server = who
	if err := b.files.save(rec); err != nil {
		t.Fatal(err)
	}
	if p, err := b.Look(b.ctx); err == nil {
		t.Errorf("another program: %+v", p)
	}
	if err := b.Kill(b.ctx); err == nil {
		t.Error("killed another program")
	}
	if alive, err := who.alive(); !alive || err != nil {
		t.Errorf("the other process is gone: %v", err)
	}
	if err := os.Remove(b.files.state()); err != nil {
		t.Fatal(err)
	}
}

func TestDamagedRecordIsNotAStoppedServer(t *testing.T) {
	b := newBench(t)
	if err := os.MkdirAll(filepath.Dir(b.files.base), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.files.state(), []byte(`{"Command":`), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := b.Look(b.ctx); err == nil {
		t.Errorf("Look = %+v", p)
	}
	if err := b.Start(b.ctx, b.command("x")); err == nil {
		t.Error("started")
	}
	if err := os.Remove(b.files.state()); err != nil {
		t.Fatal(err)
	}
}

func TestZombieIsGone(t *testing.T) {
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	who, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	err = poll(t.Context(), func() (bool, error) { // not waited for
		alive, err := who.alive()
		return !alive, err
	})
	if err != nil {
		t.Error(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if alive, err := who.alive(); alive || err != nil {
		t.Errorf("alive = %v, %v", alive, err)
	}
}

func TestCompanionIsDetached(t *testing.T) {
	t.Setenv("MYSQL_PWD", "secret")
	path := filepath.Join(t.TempDir(), "companion")
	if err := (Background{Environ: []string{"LC_ALL=C"}}).Spawn(t.Context(), "companion", "be-companion", path, "--address=a b"); err != nil {
		t.Fatal(err)
	}
	const want = `[true,"/dev/null","/",["LC_ALL=C"],["--address=a b"]]`
	for begin := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		text, err := os.ReadFile(path)
		if err == nil {
			if string(text) != want {
				t.Errorf("companion: %s", text)
			}
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal(err)
		}
	}
}
