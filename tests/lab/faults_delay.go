package lab

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// delays are the running relays, by node. This kernel cannot delay packets, so frames
// go through this process between a node's port and the switch.
var delays = map[string]*relay{}

// relay passes frames on between a node's port and one of its own on the switch.
type relay struct {
	stop chan struct{}
	wg   sync.WaitGroup
	fds  [2]int
}

// Delay has everything that a node sends arrive that much later.
func (l *Lab) Delay(ctx context.Context, d time.Duration, node string) error {
	if _, ok := delays[node]; ok {
		return fmt.Errorf("%s is delayed already", node)
	}
	inner, outer := "r-"+node, "d-"+node
	for _, argv := range [][]string{
		{"ip", "-n", lan, "link", "add", inner, "type", "veth", "peer", "name", outer},
		{"ip", "-n", lan, "link", "set", inner, "up"},
		{"ip", "-n", lan, "link", "set", outer, "master", "br0", "up"},
		{"ip", "-n", lan, "link", "set", port(node), "nomaster"},
	} {
		if err := host(ctx, argv...); err != nil {
			return err
		}
	}
	r := &relay{stop: make(chan struct{})}
	for i, name := range []string{port(node), inner} {
		fd, err := tap(lan, name)
		if err != nil {
			return err
		}
		r.fds[i] = fd
	}
	delays[node] = r
	r.wg.Go(func() { r.pass(r.fds[0], r.fds[1], d) })
	r.wg.Go(func() { r.pass(r.fds[1], r.fds[0], 0) })
	return nil
}

// undelay ends all relays. Ports are back on the switch only when attached.
func undelay(ctx context.Context) error {
	var errs []error
	for node, r := range delays {
		close(r.stop)
		r.wg.Wait()
		errs = append(errs, unix.Close(r.fds[0]), unix.Close(r.fds[1]), host(ctx, "ip", "-n", lan, "link", "del", "d-"+node))
		delete(delays, node)
	}
	return errors.Join(errs...)
}

type frame struct {
	due  time.Time
	data []byte
}

// pass copies frames until stop, each so much later, in order.
func (r *relay) pass(from, to int, d time.Duration) {
	queue := make(chan frame, 1<<14)
	defer close(queue)
	r.wg.Go(func() {
		for f := range queue {
			select {
			case <-r.stop:
				return
			case <-time.After(time.Until(f.due)):
			}
			_, _ = unix.Write(to, f.data) // lost, as on any network
		}
	})
	buf := make([]byte, 1<<17)
	for {
		select {
		case <-r.stop:
			return
		default:
		}
		n, err := unix.Read(from, buf) // for a while at most, see tap
		if err != nil {
			if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
				continue
			}
			return // the node has lost its power, and its port with it
		}
		select {
		case queue <- frame{time.Now().Add(d), append([]byte(nil), buf[:n]...)}:
		default: // full: lost
		}
	}
}

// tap opens an interface of a namespace for whole frames. What the kernel has put
// off (checksums, segments) stays put off: its header goes along with each frame.
func tap(ns, name string) (fd int, err error) {
	err = within(ns, func() error {
		ifc, err := net.InterfaceByName(name)
		if err != nil {
			return err
		}
		proto := binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, unix.ETH_P_ALL))
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(proto)); err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
			unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 200_000}),
			unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: ifc.Index}),
		)
	})
	return fd, err
}

// within runs f on a thread that is in a network namespace.
func within(ns string, f func() error) error {
	target, err := os.Open(netnsPath(ns))
	if err != nil {
		return err
	}
	defer target.Close()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		if err := unix.Setns(int(target.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		done <- f()
	}()
	return <-done
}
