package lab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// labName tells labs on one machine apart: LAB=2 in the environment makes another one,
	// beside the one without a number. They share nothing but the processors.
	labName = "mysql-ha-lab" + os.Getenv("LAB")
	// stateDir is a tmpfs: node data is as fast as memory and one umount removes it.
	stateDir = filepath.Join("/var/lib", labName)
	lockPath = filepath.Join("/run", labName+".lock")
)

const (
	// VirtualIP is what the configured resource moves.
	VirtualIP = "10.77.0.100"
	// BasePort is where mysqld listens on every node.
	BasePort = 3306
)

// Node is one machine of the cluster.
type Node struct {
	Name string `json:"name"`
	ID   int    `json:"id"`
	IP   string `json:"ip"`
}

// IPv6 is its address beside IP, where the machine has IPv6.
func (n Node) IPv6() string { return fmt.Sprintf("fd77::%d", 10+n.ID) }

// aside is its address on the second network.
func (n Node) aside() string { return fmt.Sprintf("10.78.0.%d", 10+n.ID) }

// Lab is the lab of this number.
type Lab struct {
	Nodes  []Node `json:"nodes"`
	System System `json:"system"`
	// Password is the replication account's; new for every Up.
	Password string `json:"password"`
	// Moved is the address that the configured resource moves; VirtualIP when empty.
	Moved string `json:"moved,omitempty"`

	// token is Corosync's patience with a node, a second when zero.
	token time.Duration
	// volumes are what every node's disk was made with.
	volumes []volume

	// Logf reports progress; silent when nil.
	Logf func(format string, args ...any) `json:"-"`
}

func (l *Lab) logf(format string, args ...any) {
	if l.Logf != nil {
		l.Logf(format, args...)
	}
}

// Lock keeps a second run away until the returned function is called: the lab
// exists once.
func Lock(ctx context.Context) (unlock func(), err error) { return lock(ctx, lockPath) }

func lock(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("another run holds %s: %w", path, ctx.Err())
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Open returns the running lab, or an error that wraps fs.ErrNotExist.
func Open() (*Lab, error) {
	b, err := os.ReadFile(filepath.Join(stateDir, "state.json"))
	if err != nil {
		return nil, fmt.Errorf("no lab is up: %w", err)
	}
	l := &Lab{}
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("lab state: %w", err)
	}
	return l, nil
}

// Up removes what an earlier run left and boots a cluster of n nodes.
func Up(ctx context.Context, n int, sys System, logf func(string, ...any)) (*Lab, error) {
	l := &Lab{System: sys, Logf: logf, Password: rand.Text()}
	for i := 1; i <= n; i++ {
		l.Nodes = append(l.Nodes, Node{Name: fmt.Sprintf("db%d", i), ID: i, IP: fmt.Sprintf("10.77.0.%d", 10+i)})
	}
	if err := l.checkHost(); err != nil {
		return nil, err
	}
	if err := Down(ctx, logf); err != nil {
		return nil, err
	}
	if err := l.ensureRootFS(ctx); err != nil {
		return nil, err
	}
	if err := l.mountState(ctx); err != nil {
		return nil, err
	}
	if err := l.makeLAN(ctx); err != nil {
		return nil, err
	}
	if err := l.each(ctx, func(ctx context.Context, nd Node) error {
		if err := l.makeDisk(ctx, nd); err != nil {
			return err
		}
		return l.PowerOn(ctx, nd.Name)
	}); err != nil {
		return nil, err
	}
	return l, l.AwaitOnline(ctx, 90*time.Second)
}

// Down ends every process of the lab and removes its mounts and namespaces. It
// works from fixed names, not from the state file, so it also cleans up after a
// run that was killed.
func Down(ctx context.Context, logf func(string, ...any)) error {
	// An interrupted run must still clean up.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 60*time.Second)
	defer cancel()
	var errs []error
	errs = append(errs, thawVolumes(ctx, stateDir), killCgroup(ctx, ""))
	errs = append(errs, removeLAN(ctx), unmountState(ctx))
	return errors.Join(errs...)
}

// Rebuild throws away every node's disk and boots the cluster anew: nothing of
// the earlier one is left but the addresses.
func (l *Lab) Rebuild(ctx context.Context) error {
	if err := errors.Join(undelay(ctx), unfilter(ctx)); err != nil {
		return err
	}
	if err := l.each(ctx, func(ctx context.Context, nd Node) error {
		if err := l.PowerOff(ctx, nd.Name); err != nil {
			return err
		}
		if err := l.removeDisk(ctx, nd); err != nil {
			return err
		}
		if err := l.makeDisk(ctx, nd); err != nil {
			return err
		}
		return l.PowerOn(ctx, nd.Name)
	}); err != nil {
		return err
	}
	// The nodes' link addresses are new, and only the agent should have to announce; and
	// a story that failed may have left an address there.
	if err := l.plugInClient(ctx); err != nil {
		return err
	}
	return l.AwaitOnline(ctx, 90*time.Second)
}

// Node finds a node by name.
func (l *Lab) Node(name string) (Node, error) {
	i := slices.IndexFunc(l.Nodes, func(n Node) bool { return n.Name == name })
	if i < 0 {
		return Node{}, fmt.Errorf("no node %q in the lab", name)
	}
	return l.Nodes[i], nil
}

func (l *Lab) save() error {
	b, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	tmp := filepath.Join(stateDir, "state.json.new")
	if err := os.WriteFile(tmp, append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, filepath.Join(stateDir, "state.json"))
}

// each runs f for all nodes at once and joins the errors.
func (l *Lab) each(ctx context.Context, f func(context.Context, Node) error) error {
	errs := make([]error, len(l.Nodes))
	var wg sync.WaitGroup
	for i, nd := range l.Nodes {
		wg.Go(func() {
			if err := f(ctx, nd); err != nil {
				errs[i] = fmt.Errorf("%s: %w", nd.Name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func machineID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// attempt bounds one try of poll: a server that hangs must not eat all the time
// that the caller gave.
const attempt = 10 * time.Second

// poll calls f until it returns nil; its last error says what was missing.
func poll(ctx context.Context, timeout, pause time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	start := time.Now()
	var last error
	for {
		try, done := context.WithTimeout(ctx, attempt)
		err := f(try)
		done()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil {
			last = err // what the end of the time cut short says nothing
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", time.Since(start).Round(100*time.Millisecond), last)
		case <-time.After(pause):
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}

func lines(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '\n' })
}
