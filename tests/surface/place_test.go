package surface_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// beInit has the test binary be the first process of a place: its value is the
// place's folder.
const beInit = "MYSQL_HA_SURFACE_INIT"

// withSystemd has it boot the distribution's systemd there.
const withSystemd = "MYSQL_HA_SURFACE_SYSTEMD"

var (
	binary   string // mysql-ha, as it is shipped
	template string // an initialised data directory
	missing  string // why nothing can be tested here
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(beInit); dir != "" {
		fmt.Fprintln(os.Stderr, initialise(dir, os.Getenv(withSystemd) != ""))
		os.Exit(1)
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("/var/tmp", "mysql-ha-surface")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := prepare(dir); err != nil {
		missing = err.Error()
		if os.Getenv("CI") == "true" {
			fmt.Fprintln(os.Stderr, missing)
			return 1
		}
	}
	// They wait for servers and timeouts most of the time.
	flag.Parse()
	if err := flag.Set("test.parallel", "6"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// prepare builds the binary and a database, once.
func prepare(dir string) error {
	if os.Getuid() != 0 {
		return errors.New("places need root")
	}
	for _, tool := range []string{"mariadbd", "mariadb-install-db", "mariadb", "ocf-tester", "xmllint", "nsenter", "systemd-nspawn"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%w: `make deps` installs it", err)
		}
	}
	binary, template = filepath.Join(dir, "mysql-ha"), filepath.Join(dir, "template")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, "../../cmd/mysql-ha")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	out, err := exec.Command("mariadb-install-db", "--no-defaults", "--user=root", "--datadir="+template,
		"--auth-root-authentication-method=socket", "--auth-root-socket-user=root", "--skip-test-db",
		"--innodb-log-file-size=8M").CombinedOutput()
	if err != nil {
		return fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	return nil
}

// place is a machine of its own: namespaces, and a layer in memory over this
// machine's file system. It ends with its first process.
type place struct {
	t    *testing.T
	pid  int    // its first process, as seen from here
	root string // its file system, as seen from here
}

// bare is a place without systemd: a container.
func bare(t *testing.T) *place { return enter(t, false) }

// booted is a place with systemd.
func booted(t *testing.T) *place { return enter(t, true) }

func enter(t *testing.T, systemd bool) *place {
	t.Helper()
	if missing != "" {
		t.Skip(missing)
	}
	dir := t.TempDir()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), beInit+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC | syscall.CLONE_NEWNET,
	}
	if systemd {
		cmd.Env = append(cmd.Env, withSystemd+"=yes", "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
		group := newGroup(t)
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(group.Fd())
	}
	console := &console{}
	cmd.Stdout, cmd.Stderr = console, console
	ready, tell, err := os.Pipe()
	must(t, err)
	defer ready.Close()
	cmd.ExtraFiles = []*os.File{tell}
	must(t, cmd.Start())
	tell.Close()
	t.Cleanup(func() {
		// The end of the first process is the end of all.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("console:\n%s", console)
		}
	})
	must(t, ready.SetReadDeadline(time.Now().Add(30*time.Second)))
	if _, err := io.ReadAll(ready); err != nil {
		t.Fatal("the place does not begin:", err)
	}
	p := &place{t: t, pid: cmd.Process.Pid}
	p.root = fmt.Sprintf("/proc/%d/root", p.pid)
	if systemd {
		p.pid = child(t, p.pid)
		p.root = fmt.Sprintf("/proc/%d/root", p.pid)
		p.eventually("systemd answers", func() bool { return p.run("systemctl", "list-jobs").code == 0 })
	}
	p.install()
	return p
}

// console keeps what a place says.
type console struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (c *console) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.Write(b)
}

func (c *console) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.buf.String()
}

// newGroup is a cgroup for a systemd to keep its own in, removed at the end.
func newGroup(t *testing.T) *os.File {
	t.Helper()
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/cgroup.controllers"); err != nil {
		root += "/unified"
	}
	name := fmt.Sprintf("mysql-ha-surface-%d-%d", os.Getpid(), time.Now().UnixNano())
	dir := filepath.Join(root, name)
	must(t, os.Mkdir(dir, 0o755))
	f, err := os.Open(dir)
	must(t, err)
	t.Cleanup(func() {
		f.Close()
		_ = os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		for _, dir := range []string{dir, filepath.Join("/sys/fs/cgroup/systemd", name)} {
			removeGroups(t, dir)
		}
	})
	return f
}

func removeGroups(t *testing.T, dir string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var dirs []string
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := range dirs {
			_ = os.Remove(dirs[len(dirs)-1-i])
		}
		if _, err := os.Stat(dir); err != nil {
			return
		}
		if time.Now().After(end) {
			t.Errorf("%s is left behind", dir)
			return
		}
	}
}

// child is the first process of the machine that nspawn, which parent became, runs.
func child(t *testing.T, parent int) int {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		// nspawn's own child ends; what remains has systemd as its name.
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
		if err != nil {
			t.Fatal("nspawn ended:", err)
		}
		for _, word := range strings.Fields(string(text)) {
			pid, _ := strconv.Atoi(word)
			if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err == nil && strings.TrimSpace(string(name)) == "systemd" {
				return pid
			}
		}
	}
	t.Fatal("systemd does not begin")
	return 0
}

// initialise is the life of a place's first process. It returns only what went wrong.
func initialise(dir string, systemd bool) error {
	root := filepath.Join(dir, "root")
	steps := []func() error{
		func() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
		func() error { return unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4g,mode=0755") },
		func() error {
			return errors.Join(os.Mkdir(dir+"/upper", 0o755), os.Mkdir(dir+"/work", 0o755), os.Mkdir(root, 0o755))
		},
		func() error {
			return unix.Mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s/upper,workdir=%s/work", dir, dir))
		},
		func() error { return tidy(root) },
	}
	if systemd {
		steps = append(steps, func() error { return boot(root) })
	} else {
		steps = append(steps,
			func() error { return unix.Mount("proc", root+"/proc", "proc", 0, "") },
			func() error { return unix.Mount("/dev", root+"/dev", "", unix.MS_BIND|unix.MS_REC, "") },
			func() error { return unix.Mount("tmpfs", root+"/run", "tmpfs", 0, "mode=0755") },
			func() error { return unix.Mount("tmpfs", root+"/tmp", "tmpfs", 0, "mode=1777") },
			func() error { return unix.Sethostname([]byte("place")) },
			func() error { return exec.Command("ip", "link", "set", "lo", "up").Run() },
			func() error { return unix.Chroot(root) },
			func() error { return os.Chdir("/") },
			reap,
		)
	}
	for i, step := range steps {
		if err := step(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

// tidy takes away what this machine has configured for itself, and adds the user
// that the distribution's server package would.
func tidy(root string) error {
	for _, path := range []string{"/etc/mysql", "/var/lib/mysql", "/var/lib/mysql-ha", "/usr/lib/ocf/resource.d/mysql-ha"} {
		if err := os.RemoveAll(root + path); err != nil {
			return err
		}
	}
	for file, line := range map[string]string{"/etc/passwd": "mysql:x:64321:64321::/nonexistent:/bin/false\n", "/etc/group": "mysql:x:64321:\n"} {
		text, err := os.ReadFile(root + file)
		if err == nil && !strings.Contains("\n"+string(text), "\nmysql:") {
			err = os.WriteFile(root+file, append(text, line...), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reap ends when somebody ends it; whoever loses its parent is waited for.
func reap() error {
	os.NewFile(3, "ready").Close()
	for {
		if _, err := unix.Wait4(-1, nil, 0, nil); errors.Is(err, unix.ECHILD) {
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// boot becomes a container with systemd, which starts nothing of the machine's own.
func boot(root string) error {
	for file, text := range map[string]string{"machine-id": "0123456789abcdef0123456789abcdef", "hostname": "place"} {
		if err := os.WriteFile(root+"/etc/"+file, []byte(text+"\n"), 0o644); err != nil {
			return err
		}
	}
	unix.CloseOnExec(3)
	// Ours is pid 1 of a namespace whose processes its own view must show.
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return err
	}
	return unix.Exec("/usr/bin/systemd-nspawn", []string{
		"systemd-nspawn", "--quiet", "-D", root, "--register=no", "--keep-unit", "--boot", "--machine=place",
		"--private-network", "--capability=all", "--console=passive", "--link-journal=no", "--", "--unit=sysinit.target",
	}, os.Environ())
}

// install is what the package does.
func (p *place) install() {
	p.t.Helper()
	text, err := os.ReadFile(binary)
	must(p.t, err)
	p.write("/usr/sbin/mysql-ha", string(text), 0o755)
	must(p.t, os.MkdirAll(p.path("/usr/lib/ocf/resource.d/mysql-ha"), 0o755))
	must(p.t, os.Symlink("../../../../sbin/mysql-ha", p.path(agentPath)))
}

const agentPath = "/usr/lib/ocf/resource.d/mysql-ha/mysql"

// path is a path of the place, as seen from here. No link on the way may be absolute.
func (p *place) path(inside string) string { return p.root + inside }

func (p *place) write(inside, text string, mode os.FileMode) {
	p.t.Helper()
	must(p.t, os.MkdirAll(filepath.Dir(p.path(inside)), 0o755))
	must(p.t, os.WriteFile(p.path(inside), []byte(text), mode))
	must(p.t, os.Chmod(p.path(inside), mode))
}

func (p *place) read(inside string) string {
	text, err := os.ReadFile(p.path(inside))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// outcome is how a command ended.
type outcome struct {
	code           int
	stdout, stderr string
	took           time.Duration
}

func (o outcome) String() string {
	return fmt.Sprintf("code %d after %s\n%s%s", o.code, o.took.Round(time.Millisecond), o.stdout, o.stderr)
}

// run runs a command in the place; words like NAME=VALUE before it are its
// environment, beside a small one.
func (p *place) run(words ...string) outcome {
	p.t.Helper()
	args := []string{
		"--target=" + strconv.Itoa(p.pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd", "--",
		"env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C",
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nsenter", append(args, words...)...)
	cmd.WaitDelay = time.Second
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	begin := time.Now()
	err := cmd.Run()
	o := outcome{stdout: out.String(), stderr: errs.String(), took: time.Since(begin)}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		o.code = exit.ExitCode()
	} else if err != nil {
		p.t.Fatalf("%q: %v\n%s", words, err, o)
	}
	return o
}

func (p *place) eventually(what string, so func() bool) {
	p.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatal("never: " + what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
