package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupRoot is where cgroup v2 is mounted: alone, or beside v1.
func cgroupRoot() string {
	if exists("/sys/fs/cgroup/cgroup.controllers") {
		return "/sys/fs/cgroup"
	}
	return "/sys/fs/cgroup/unified"
}

func cgroupDir(node string) string { return filepath.Join(cgroupRoot(), labName, node) }

// leader is the node's PID 1 as the host sees it.
func leader(node string) (int, error) {
	b, err := os.ReadFile(filepath.Join(cgroupDir(node), "payload/init.scope/cgroup.procs"))
	pids := strings.Fields(string(b))
	if err != nil || len(pids) == 0 {
		return 0, fmt.Errorf("node %s is off", node)
	}
	return strconv.Atoi(pids[0])
}

// IsOn says whether the node has power.
func (l *Lab) IsOn(node string) bool {
	_, err := leader(node)
	return err == nil
}

// On lists the nodes that have power, but none that is frozen: they do not answer.
func (l *Lab) On() []string {
	var on []string
	for _, nd := range l.Nodes {
		if l.IsOn(nd.Name) && !frozen(nd.Name) {
			on = append(on, nd.Name)
		}
	}
	return on
}

// PowerOn plugs the node in and boots it; it returns when commands run inside.
func (l *Lab) PowerOn(ctx context.Context, node string) error {
	nd, err := l.Node(node)
	if err != nil {
		return err
	}
	if l.IsOn(node) {
		return nil
	}
	if err := l.plugIn(ctx, nd.Name, []string{nd.IP, nd.IPv6()}, nd.aside()); err != nil {
		return err
	}
	if err := l.mountVolumes(ctx, nd); err != nil {
		return err
	}
	if err := boot(nd); err != nil {
		return fmt.Errorf("boot %s: %w", node, err)
	}
	return poll(ctx, 30*time.Second, 100*time.Millisecond, func(ctx context.Context) error {
		_, _, err := l.Exec(ctx, node, "systemctl", "list-jobs")
		return err
	})
}

func boot(nd Node) error {
	group := cgroupDir(nd.Name)
	if err := os.MkdirAll(group, 0o755); err != nil {
		return err
	}
	// A group per node: three containers in one group would share systemd's
	// sub-groups, and one write to cgroup.kill is a reliable power switch.
	dir, err := os.Open(group)
	if err != nil {
		return err
	}
	defer dir.Close()
	console, err := os.OpenFile(filepath.Join(nd.dir(), "console.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer console.Close()
	cmd := exec.Command("systemd-nspawn", "--quiet", "-D", nd.root(), "--register=no", "--keep-unit", "--boot",
		"--machine="+nd.Name, "--network-namespace-path="+netnsPath(netns(nd.Name)),
		"--capability=all", "--console=passive", "--link-journal=no")
	cmd.Env = append(slices.Clone(commandEnv), "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1")
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }() // reap; whether it lives is read from the cgroup
	return nil
}

// PowerOff is a loss of power: the cable first, so that no dying process says
// goodbye to its peers, then SIGKILL to everything. The disk stays.
func (l *Lab) PowerOff(ctx context.Context, node string) error {
	nd, err := l.Node(node)
	if err != nil {
		return err
	}
	if err := unplug(ctx, node); err != nil {
		return err
	}
	if err := thawVolumes(ctx, nd.root()); err != nil {
		return err
	}
	if err := killCgroup(ctx, node); err != nil {
		return err
	}
	return l.unmountVolumes(ctx, nd)
}

// killCgroup kills the processes of a node (of all nodes when empty) and removes the groups.
func killCgroup(ctx context.Context, node string) error {
	group := cgroupDir(node)
	if exists(group) {
		if err := os.WriteFile(filepath.Join(group, "cgroup.kill"), []byte("1"), 0); err != nil {
			return fmt.Errorf("kill %s: %w", group, err)
		}
		if err := poll(ctx, 20*time.Second, 20*time.Millisecond, func(context.Context) error {
			b, err := os.ReadFile(filepath.Join(group, "cgroup.events"))
			if err == nil && strings.Contains(string(b), "populated 1") {
				err = errors.New("processes are left in " + group)
			}
			return err
		}); err != nil {
			return err
		}
	}
	// nspawn also makes empty groups in v1's own systemd tree.
	for _, dir := range []string{group, filepath.Join("/sys/fs/cgroup/systemd", labName, node)} {
		if err := removeGroups(dir); err != nil {
			return err
		}
	}
	return nil
}

func removeGroups(dir string) error {
	var dirs []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, d := range slices.Backward(dirs) {
		if e := os.Remove(d); e != nil && !errors.Is(e, fs.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}
