package vip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// wire is a socket for ARP or neighbour discovery on one link. The kernel writes
// the Ethernet header. Being beside the IP stack it works before the address is
// there, and the host's firewall has no say.
type wire struct {
	ctx   context.Context
	link  link
	mac   mac
	ether uint16   // EtherType in network order, as packet sockets want it
	f     *os.File // in the runtime's poller: deadlines and cancellation wake it
	group int      // the socket that joined a group, or -1
	stop  func() bool
}

// etherType is in network order.
func (a Address) etherType() uint16 {
	if a.Prefix.Addr().Is4() {
		return etherARP
	}
	return etherIPv6
}

var (
	etherARP  = netOrder(unix.ETH_P_ARP)
	etherIPv6 = netOrder(unix.ETH_P_IPV6)
)

func netOrder(n uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, n))
}

// onlyND lets pass what parseND may accept, of all the IPv6 that arrives here.
var onlyND = []unix.SockFilter{
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: 6}, // next header
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: icmpv6, Jf: 4},
	{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: ipv6Len}, // type
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: ndSolicitation, Jt: 1},
	{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: ndAdvertisement, Jf: 1},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0xffff},
	{Code: unix.BPF_RET | unix.BPF_K, K: 0},
}

func listen(ctx context.Context, l link, ether uint16) (*wire, error) {
	if len(l.mac) != len(mac{}) {
		return nil, fmt.Errorf("%s is not an Ethernet link: its hardware address has %d bytes", l.name, len(l.mac))
	}
	// Protocol 0 receives nothing until bind, hence nothing of other links.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	if ether == etherIPv6 {
		err = unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
			Len: uint16(len(onlyND)), Filter: &onlyND[0],
		})
		if err != nil {
			_ = unix.Close(fd)
			return nil, fmt.Errorf("filter a packet socket: %w", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ether, Ifindex: l.index}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("bind a packet socket to %s: %w", l.name, lost(l, err))
	}
	w := &wire{ctx: ctx, link: l, mac: mac(l.mac), ether: ether, f: os.NewFile(uintptr(fd), "packet:"+l.name), group: -1}
	if end, ok := ctx.Deadline(); ok {
		if err := w.f.SetDeadline(end); err != nil {
			_ = w.f.Close()
			return nil, fmt.Errorf("packet socket: %w", err)
		}
	}
	w.stop = context.AfterFunc(ctx, func() { _ = w.f.SetDeadline(time.Unix(1, 0)) })
	return w, nil
}

func (w *wire) close() {
	w.stop()
	_ = w.f.Close()
	if w.group >= 0 {
		_ = unix.Close(w.group)
	}
}

// join has the link hear an IPv6 group, and switches that look at memberships
// pass it on, until close.
func (w *wire) join(group netip.Addr) error {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open an IPv6 socket: %w", err)
	}
	w.group = fd
	err = unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &unix.IPv6Mreq{
		Multiaddr: group.As16(), Interface: uint32(w.link.index),
	})
	if err != nil {
		return fmt.Errorf("join %s on %s: %w", group, w.link.name, lost(w.link, err))
	}
	return nil
}

func (w *wire) send(l letter) error {
	to := &unix.SockaddrLinklayer{Protocol: w.ether, Ifindex: w.link.index, Halen: uint8(len(l.peer))}
	copy(to.Addr[:], l.peer[:])
	raw, err := w.f.SyscallConn()
	if err != nil {
		return fmt.Errorf("send on %s: %w", w.link.name, err)
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), l.body, 0, to)
		return !errors.Is(sent, unix.EAGAIN)
	})
	if err == nil {
		err = sent
	}
	if err != nil {
		return fmt.Errorf("send on %s: %w", w.link.name, w.explain(err))
	}
	return nil
}

// receive waits for one frame until the given time: ok is false when none came.
// One that is here already it returns even after that: on a busy host this thread
// may not have run while the answer came.
func (w *wire) receive(until time.Time) (l letter, ok bool, err error) {
	if end, has := w.ctx.Deadline(); has && end.Before(until) {
		until = end
	}
	if err := w.f.SetReadDeadline(until); err != nil {
		return l, false, err
	}
	// After the line above: a cancellation before it has been overwritten, one
	// after it wakes the read.
	if err := w.ctx.Err(); err != nil {
		return l, false, err
	}
	raw, err := w.f.SyscallConn()
	if err != nil {
		return l, false, err
	}
	var n int
	var from unix.Sockaddr
	var got error
	buf := make([]byte, least6) // longer than any without a cryptographic signature
	take := func(fd uintptr) bool {
		n, from, got = unix.Recvfrom(int(fd), buf, 0)
		return !errors.Is(got, unix.EAGAIN)
	}
	// Past its deadline Read does not even look.
	taken := false
	err = raw.Control(func(fd uintptr) { taken = take(fd) })
	if err == nil && !taken {
		err = raw.Read(take)
	}
	if err == nil {
		err = got
	}
	switch {
	case w.ctx.Err() != nil:
		return l, false, w.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return l, false, nil
	case err != nil:
		return l, false, fmt.Errorf("receive on %s: %w", w.link.name, w.explain(err))
	}
	l.body = buf[:n]
	if at, is := from.(*unix.SockaddrLinklayer); is {
		l.peer = mac(at.Addr[:])
	}
	return l, true, nil
}

func (w *wire) explain(err error) error {
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	return lost(w.link, err)
}

// lost gives a vanished or downed link its own name.
func lost(l link, err error) error {
	switch {
	case errors.Is(err, unix.ENETDOWN):
		return fmt.Errorf("%w: %s", ErrLinkDown, l.name)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: %s has gone", ErrNoLink, l.name)
	}
	return err
}

// hardware is m as the rest of the world knows it.
func (m mac) hardware() net.HardwareAddr { return m[:] }
