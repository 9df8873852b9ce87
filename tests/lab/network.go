package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	clientNS = "client"
	clientIP = "10.77.0.20"
)

// HasIPv6 says whether this machine's kernel does. Without, the lab is the same but
// for its IPv6 addresses, and stories that need them are skipped, and say so.
func HasIPv6() bool { return exists("/proc/sys/net/ipv6") }

// lan is the namespace of the switch.
var lan = labName + "-lan"

// netns is the namespace of a node, or of the client.
func netns(of string) string { return labName + "-" + of }

func netnsPath(netns string) string { return filepath.Join("/run/netns", netns) }

// port is a machine's own on the switch; on the second one, which is for a virtual IP
// on a link of its own, it is asidePort.
func port(name string) string { return "p-" + name }

func asidePort(name string) string { return "q-" + name }

func (l *Lab) makeLAN(ctx context.Context) error {
	if err := host(ctx, "ip", "netns", "add", lan); err != nil {
		return err
	}
	for _, br := range []string{"br0", "br1"} {
		for _, argv := range [][]string{
			{"ip", "-n", lan, "link", "add", br, "type", "bridge", "stp_state", "0", "forward_delay", "0"},
			{"ip", "-n", lan, "link", "set", br, "up"},
		} {
			if err := host(ctx, argv...); err != nil {
				return err
			}
		}
	}
	if !HasIPv6() {
		l.logf("this machine has no IPv6: stories that need it are skipped")
	}
	return l.plugInClient(ctx)
}

func (l *Lab) plugInClient(ctx context.Context) error {
	return l.plugIn(ctx, clientNS, []string{clientIP, "fd77::20"}, "10.78.0.20")
}

// plugIn makes a namespace with an interface on each of the two switches. Of the
// first network the addresses, of the second one.
func (l *Lab) plugIn(ctx context.Context, name string, ips []string, aside string) error {
	ns := netns(name)
	if err := unplug(ctx, name); err != nil {
		return err
	}
	steps := [][]string{
		{"ip", "netns", "add", ns},
		{"ip", "-n", ns, "link", "set", "lo", "up"},
		{"ip", "-n", lan, "link", "add", port(name), "type", "veth", "peer", "name", "eth0", "netns", ns},
		{"ip", "-n", lan, "link", "add", asidePort(name), "type", "veth", "peer", "name", "eth1", "netns", ns},
		{"ip", "-n", ns, "addr", "add", ips[0] + "/24", "dev", "eth0"},
		{"ip", "-n", ns, "addr", "add", aside + "/24", "dev", "eth1"},
		{"ip", "-n", ns, "link", "set", "eth0", "up"},
		{"ip", "-n", ns, "link", "set", "eth1", "up"},
		{"ip", "-n", lan, "link", "set", port(name), "master", "br0", "up"},
		{"ip", "-n", lan, "link", "set", asidePort(name), "master", "br1", "up"},
	}
	if HasIPv6() {
		steps = append(steps, []string{"ip", "-n", ns, "addr", "add", ips[1] + "/64", "dev", "eth0", "nodad"})
	}
	for _, argv := range steps {
		if err := host(ctx, argv...); err != nil {
			return err
		}
	}
	return nil
}

// unplug takes the cable out and removes the namespace with all its addresses.
func unplug(ctx context.Context, name string) error {
	if exists(netnsPath(lan)) {
		_ = host(ctx, "ip", "-n", lan, "link", "del", port(name)) // may be gone
		_ = host(ctx, "ip", "-n", lan, "link", "del", asidePort(name))
	}
	if !exists(netnsPath(netns(name))) {
		return nil
	}
	return host(ctx, "ip", "netns", "del", netns(name))
}

func removeLAN(ctx context.Context) error {
	if !exists(netnsPath(lan)) {
		return nil
	}
	out, _, err := run(ctx, os.Environ(), "ip", "-n", lan, "-o", "link")
	if err != nil {
		return err
	}
	names := []string{clientNS, "db1", "db2", "db3"}
	for _, line := range lines(out) {
		if f := strings.Fields(line); len(f) > 1 {
			if name, ok := strings.CutPrefix(f[1], "p-"); ok {
				name, _, _ = strings.Cut(name, "@")
				names = append(names, strings.TrimSuffix(name, ":"))
			}
		}
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, unplug(ctx, name))
	}
	errs = append(errs, host(ctx, "ip", "netns", "del", lan))
	return errors.Join(errs...)
}

// Cut takes a node (or "client") off the network; nothing tells either side.
func (l *Lab) Cut(ctx context.Context, name string) error {
	return errors.Join(host(ctx, "ip", "-n", lan, "link", "set", port(name), "nomaster"),
		host(ctx, "ip", "-n", lan, "link", "set", asidePort(name), "nomaster"))
}

// Heal puts every node that has power back on the network, and ends every split and loss.
func (l *Lab) Heal(ctx context.Context) error {
	errs := []error{undelay(ctx), l.attach(ctx, clientNS), unfilter(ctx)}
	for _, name := range l.On() {
		errs = append(errs, l.attach(ctx, name))
	}
	return errors.Join(errs...)
}

func (l *Lab) attach(ctx context.Context, name string) error {
	return errors.Join(host(ctx, "ip", "-n", lan, "link", "set", port(name), "master", "br0"),
		host(ctx, "ip", "-n", lan, "link", "set", asidePort(name), "master", "br1"))
}

// DialFrom dials from a namespace: "client", or a node's own, which also works
// while the node is cut off. A socket belongs to the namespace of the thread that
// made it, so only this thread moves there and back.
func DialFrom(ns string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		target, err := os.Open(netnsPath(netns(ns)))
		if err != nil {
			return nil, err
		}
		defer target.Close()
		runtime.LockOSThread()
		home, err := os.Open(fmt.Sprintf("/proc/self/task/%d/ns/net", unix.Gettid()))
		if err != nil {
			runtime.UnlockOSThread()
			return nil, err
		}
		defer home.Close()
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			runtime.UnlockOSThread()
			return nil, err
		}
		conn, err := dialer.DialContext(ctx, network, addr)
		if e := unix.Setns(int(home.Fd()), unix.CLONE_NEWNET); e != nil {
			// Still locked: the thread ends with its goroutine and nobody else gets it.
			return conn, errors.Join(err, e)
		}
		runtime.UnlockOSThread()
		return conn, err
	}
}

// dialer notices a dead peer within about a second, as a careful client does,
// without giving up a commit that only takes long.
var dialer = net.Dialer{
	KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: time.Second, Interval: time.Second, Count: 1},
	Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) {
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 700)
		}); e != nil {
			return e
		}
		return err
	},
}
