package process

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// others starts a server that works in the bench's directory, and no unit of ours.
func (b *bench) others() *exec.Cmd {
	b.t.Helper()
	c := b.command("x")
	cmd := exec.Command(c.Binary, c.Args...)
	cmd.Dir, cmd.Env = b.dir, []string{"NOTIFY_SOCKET=" + filepath.Join(b.dir, "nobody")}
	if err := cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // or it stays, a zombie
	b.t.Cleanup(func() { _ = cmd.Process.Kill(); <-ended })
	return cmd
}

func (b *bench) adopter(datadir string) *Adopter {
	return NewAdopter(b.Unit, filepath.Join(b.dir, "run"), "db", datadir, b.command("x").Binary, nil)
}

func TestAdopt(t *testing.T) {
	b := newBench(t)
	a := b.adopter(b.dir)
	hook := b.command("x").ExitHook
	if p, err := a.Look(b.ctx); err != nil || p != (ocf.Process{}) {
		t.Fatalf("before: %+v, %v", p, err)
	}
	if err := a.Adopt(b.ctx, hook); err == nil {
		t.Error("adopted nobody")
	}
	cmd := b.others()
	p, err := a.Look(b.ctx)
	if err != nil || !p.Running || p.PID != cmd.Process.Pid || !strings.HasPrefix(p.Stray, "process ") {
		t.Fatalf("another's: %+v, %v", p, err)
	}
	if err := a.Start(b.ctx, b.command("x")); err == nil || !strings.Contains(err.Error(), "is in use by process") {
		t.Errorf("started a second one: %v", err)
	}
	// Who was told of no data directory looks for nobody.
	if p, err := b.adopter("").Look(b.ctx); err != nil || p.Running {
		t.Errorf("without a data directory: %+v, %v", p, err)
	}
	for range 2 {
		if err := a.Adopt(b.ctx, hook); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*Adopter{a, b.adopter("")} {
			if p, err := a.Look(b.ctx); err != nil || !p.Running || p.Stray != "" {
				t.Fatalf("adopted: %+v, %v", p, err)
			}
		}
	}
	// Another resource's is not ours, whatever the data directory.
	other := NewAdopter(New(filepath.Join(b.dir, "run"), "db2"), filepath.Join(b.dir, "run"), "db2", b.dir, b.command("x").Binary, nil)
	if p, err := other.Look(b.ctx); err != nil || p.Running {
		t.Errorf("of another resource: %+v, %v", p, err)
	}
	if err := errors.Join(other.Kill(b.ctx), other.Terminate(b.ctx)); err != nil {
		t.Error(err)
	}
	// Without its watcher nobody would see its death: it is to be adopted again.
	kept, err := a.load()
	if err != nil {
		t.Fatal(err)
	}
	if err := kept.Watcher.send(os.Kill); err != nil {
		t.Fatal(err)
	}
	b.untilStray(a)
	if err := a.Adopt(b.ctx, hook); err != nil {
		t.Fatal(err)
	}
	if err := a.Kill(b.ctx); err != nil {
		t.Fatal(err)
	}
	if p, err := a.Look(b.ctx); err != nil || p.Running {
		t.Errorf("after Kill: %+v, %v", p, err)
	}
	err = poll(b.ctx, func() (bool, error) { return strings.Contains(b.reports(), hookReport), nil })
	if err != nil {
		t.Errorf("the hook has not run: %v", err)
	}
	if err := a.Start(b.ctx, b.command("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.file()); err == nil {
		t.Error("the adoption is still on file")
	}
}

func (b *bench) untilStray(a *Adopter) {
	b.t.Helper()
	err := poll(b.ctx, func() (bool, error) {
		p, err := a.Look(b.ctx)
		return p.Stray != "", err
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func TestTameIsAsked(t *testing.T) {
	b := newBench(t)
	cmd := b.others()
	a := b.adopter(b.dir)
	var asked []int
	a.tame = func(_ context.Context, pids []int) (int, error) {
		asked = pids
		return 0, errors.New("no reply")
	}
	if err := a.Adopt(b.ctx, nil); err == nil {
		t.Error("adopted although systemd would restart it")
	}
	if len(asked) != 1 || asked[0] != cmd.Process.Pid {
		t.Errorf("asked about %v", asked)
	}
	if err := a.Kill(b.ctx); err == nil {
		t.Error("nobody says that systemd may restart it")
	}
	if p, err := a.Look(b.ctx); err != nil || p.Running {
		t.Errorf("it was not killed: %+v, %v", p, err)
	}
}

func TestDamagedAdoptionIsNotAStoppedServer(t *testing.T) {
	b := newBench(t)
	a := b.adopter("")
	if err := os.MkdirAll(filepath.Dir(a.base), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.file(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if p, err := a.Look(b.ctx); err == nil {
		t.Errorf("Look = %+v", p)
	}
}

// The lock of InnoDB tells what /proc does not show: a server of another container.
func TestLocked(t *testing.T) {
	dir := t.TempDir()
	if err := locked(dir); err != nil {
		t.Errorf("without a database: %v", err)
	}
	path := filepath.Join(dir, "ibdata1")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := locked(dir); err != nil {
		t.Errorf("nobody has it: %v", err)
	}
	// One's own lock is no obstacle; a child holds it.
	cmd := exec.Command("/proc/self/exe", "be-holder", path)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var pid int
	if err := json.NewDecoder(out).Decode(&pid); err != nil {
		t.Fatal(err)
	}
	if err := locked(dir); err == nil || !strings.Contains(err.Error(), "is in use by process") {
		t.Errorf("locked = %v", err)
	}
}

// holder locks a file as InnoDB does, says so, and goes on for ever.
func holder(path string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
	}
	if err != nil {
		leave(1)
	}
	_ = json.NewEncoder(os.Stdout).Encode(os.Getpid())
	select {}
}

func TestKeepersOf(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "mysqld_safe")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nsleep 60 & echo $!\nwait\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", script, "--datadir="+dir)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	var pid int
	if err := json.NewDecoder(out).Decode(&pid); err != nil {
		t.Fatal(err)
	}
	got, err := keepersOf(pid)
	if err != nil || len(got) != 1 || got[0].PID != cmd.Process.Pid || got[0].name != "mysqld_safe" {
		t.Errorf("keepersOf = %+v, %v", got, err)
	}
	if err := (identity{PID: pid}).send(os.Kill); err != nil { // not the one: left alone
		t.Error(err)
	}
	who, err := identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	if alive, err := who.alive(); !alive || err != nil {
		t.Errorf("it is gone: %v", err)
	}
	if err := who.send(os.Kill); err != nil {
		t.Error(err)
	}
}

func TestSharedLogs(t *testing.T) {
	b := newBench(t)
	elsewhere := t.TempDir()
	link := filepath.Join(t.TempDir(), "logs")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	file, err := os.Create(filepath.Join(elsewhere, "bin.000001"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := b.command("x")
	other := exec.Command(c.Binary, c.Args...) // another instance's server
	other.Dir, other.ExtraFiles = elsewhere, []*os.File{file}
	other.Env = []string{"NOTIFY_SOCKET=" + filepath.Join(b.dir, "nobody")}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	for _, base := range []string{elsewhere + "/bin", elsewhere + "/bin.log", link + "/bin"} {
		c.Logs = []string{b.dir + "/relay-bin", base}
		err := b.adopter(b.dir).Start(b.ctx, c)
		if err == nil || !strings.Contains(err.Error(), "bin.000001 is in use by process") {
			t.Errorf("%s: %v", base, err)
		}
	}
	c.Logs = []string{elsewhere + "/bin2", b.dir + "/bin"}
	if err := sharedLogs(c.Logs, c.Binary); err != nil {
		t.Errorf("logs of its own: %v", err)
	}
}
