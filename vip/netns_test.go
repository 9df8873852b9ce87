package vip

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// world is two hosts on one wire, each a network namespace that goes with the
// test: "here", where the test runs, has vp0; "there" has vp1. Both speak one
// family; addresses are written in IPv4 and put into IPv6 by the world itself.
type world struct {
	t           *testing.T
	six         bool
	here, there netns.NsHandle
	h           *netlink.Handle // here's, usable from any goroutine
	far         *netlink.Handle // there's
}

const (
	ownHere  = "10.9.0.2/24"
	ownThere = "10.9.0.9/24"
	virtual  = "10.9.0.5/24"
)

// each runs the test in a world of each family: they are to behave alike.
func each(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	t.Run("ipv4", func(t *testing.T) { test(t, newWorld(t)) })
	t.Run("ipv6", func(t *testing.T) { test(t, newWorld6(t)) })
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return build(&world{t: t})
}

func newWorld6(t *testing.T) *world {
	t.Helper()
	return build(&world{t: t, six: true})
}

func build(w *world) *world {
	w.t.Helper()
	// Never unlocked: the runtime ends a thread whose goroutine ended locked,
	// and the namespaces go with it.
	runtime.LockOSThread()
	w.there = w.namespace()
	w.here = w.namespace()
	w.h, w.far = w.handle(w.here), w.handle(w.there)
	w.pair("vp0", "vp1", w.there)
	w.addr(w.h, "vp0", ownHere)
	w.addr(w.far, "vp1", ownThere)
	return w
}

func (w *world) namespace() netns.NsHandle {
	w.t.Helper()
	ns, err := netns.New()
	if errors.Is(err, os.ErrPermission) {
		if os.Getenv("CI") == "true" {
			w.t.Fatalf("CI must run this test as root: %v", err)
		}
		w.t.Skipf("needs root for a network namespace: %v", err)
	}
	w.ok(err)
	w.t.Cleanup(func() { _ = ns.Close() })
	return ns
}

func (w *world) handle(ns netns.NsHandle) *netlink.Handle {
	w.t.Helper()
	h, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	w.ok(err)
	w.t.Cleanup(h.Close)
	return h
}

// p is a prefix in this world's family: 10.9.0.5/24 is 2001:db8:9::5/64, and the
// /16 around it 2001:db8:9::/48.
func (w *world) p(prefix string) string {
	w.t.Helper()
	if !w.six {
		return prefix
	}
	p := netip.MustParsePrefix(prefix)
	bits, ok := map[int]int{16: 48, 24: 64, 31: 127, 32: 128}[p.Bits()]
	if !ok {
		w.t.Fatalf("%s: say what that is in IPv6", prefix)
	}
	return netip.PrefixFrom(w.ip(p.Addr().String()), bits).String()
}

func (w *world) ip(addr string) netip.Addr {
	ip := netip.MustParseAddr(addr)
	if !w.six {
		return ip
	}
	b := ip.As4()
	first := byte(0xb8) // 2001:db8::, and 2001:db9:: for what is not in 10.0.0.0/8
	if b[0] != 10 {
		first = 0xb9
	}
	return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: first, 5: b[1], 7: b[2], 15: b[3]})
}

// parse is the package's own, in this world's family.
func (w *world) parse(prefix, nic string) Address {
	w.t.Helper()
	return parse(w.t, w.p(prefix), nic)
}

func (w *world) family() int {
	if w.six {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// pair makes a veth pair that is up: near here, far in the given namespace.
func (w *world) pair(near, far string, ns netns.NsHandle) {
	w.t.Helper()
	w.ok(w.h.LinkAdd(&netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: near},
		PeerName:      far,
		PeerNamespace: netlink.NsFd(ns),
	}))
	other := w.h
	if ns == w.there {
		other = w.far
	}
	// No link-local addresses: their duplicate address detection and router
	// solicitations would come whenever they like.
	w.ok(w.h.LinkSetIP6AddrGenMode(w.link(w.h, near), nl.IN6_ADDR_GEN_MODE_NONE))
	w.ok(other.LinkSetIP6AddrGenMode(w.link(other, far), nl.IN6_ADDR_GEN_MODE_NONE))
	w.up(w.h, near)
	w.up(other, far)
	w.wait("a carrier on "+near, func() bool {
		return toLink(w.link(w.h, near).Attrs()).up && toLink(w.link(other, far).Attrs()).up
	})
}

func (w *world) link(h *netlink.Handle, name string) netlink.Link {
	w.t.Helper()
	l, err := h.LinkByName(name)
	w.ok(err)
	return l
}

func (w *world) mac(h *netlink.Handle, name string) mac {
	w.t.Helper()
	return mac(w.link(h, name).Attrs().HardwareAddr)
}

func (w *world) up(h *netlink.Handle, name string) {
	w.t.Helper()
	w.ok(h.LinkSetUp(w.link(h, name)))
}

func (w *world) down(h *netlink.Handle, name string) {
	w.t.Helper()
	w.ok(h.LinkSetDown(w.link(h, name)))
}

func (w *world) addr(h *netlink.Handle, link, prefix string) {
	w.t.Helper()
	a, err := netlink.ParseAddr(w.p(prefix))
	w.ok(err)
	if w.six {
		a.Flags = unix.IFA_F_NODAD
	}
	w.ok(h.AddrAdd(w.link(h, link), a))
	// See serves.
	w.wait(prefix+" to serve", func() bool {
		got, err := h.RouteGet(a.IP)
		return !w.six || err == nil && got[0].Type == unix.RTN_LOCAL
	})
}

// add is addr with what only IPv6 has: flags, and seconds for which it is preferred.
func (w *world) add(h *netlink.Handle, link, prefix string, flags, preferred int) {
	w.t.Helper()
	a, err := netlink.ParseAddr(w.p(prefix))
	w.ok(err)
	a.Flags, a.ValidLft, a.PreferedLft = flags, math.MaxUint32, preferred
	w.ok(h.AddrAdd(w.link(h, link), a))
}

// take removes an address by hand.
func (w *world) take(h *netlink.Handle, link, prefix string) {
	w.t.Helper()
	a, err := netlink.ParseAddr(w.p(prefix))
	w.ok(err)
	w.ok(h.AddrDel(w.link(h, link), a))
}

// addrs lists a link's addresses in the kernel's order.
func (w *world) addrs(h *netlink.Handle, link string) []netlink.Addr {
	w.t.Helper()
	got, err := h.AddrList(w.link(h, link), w.family())
	w.ok(err)
	return got
}

// one is the link's address with exactly that prefix, nil for none.
func (w *world) one(h *netlink.Handle, link, prefix string) *netlink.Addr {
	w.t.Helper()
	for _, a := range w.addrs(h, link) {
		if a.IPNet.String() == w.p(prefix) {
			return &a
		}
	}
	return nil
}

func (w *world) has(h *netlink.Handle, link, prefix string) bool {
	w.t.Helper()
	return w.one(h, link, prefix) != nil
}

// source asserts what this host would speak with to the given address.
func (w *world) source(to, want string) {
	w.t.Helper()
	got, err := w.h.RouteGet(w.ip(to).AsSlice())
	w.ok(err)
	if got[0].Src.String() != w.ip(want).String() {
		w.t.Fatalf("to %s from %v, want %s", w.ip(to), got[0].Src, w.ip(want))
	}
}

// over runs f in the other namespace; the sockets it opens stay there.
func (w *world) over(f func()) {
	w.t.Helper()
	w.ok(netns.Set(w.there))
	defer func() { w.ok(netns.Set(w.here)) }()
	f()
}

// ear is a raw look at the ARP, or the neighbour discovery, that arrives at a link
// over there.
type ear struct {
	t  *testing.T
	fd int
}

func (w *world) listen(link string) ear {
	w.t.Helper()
	e := ear{t: w.t}
	index := w.link(w.far, link).Attrs().Index
	w.over(func() {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		w.ok(err)
		ether := etherARP
		if w.six {
			ether = etherIPv6
			w.ok(unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{
				Len: uint16(len(onlyND)), Filter: &onlyND[0],
			}))
		}
		w.ok(unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: ether, Ifindex: index}))
		w.t.Cleanup(func() { _ = unix.Close(fd) })
		e.fd = fd
	})
	return e
}

// next returns the next frame and its Ethernet source, or nil when none comes.
func (e ear) next(wait time.Duration) ([]byte, *unix.SockaddrLinklayer) {
	e.t.Helper()
	tv := unix.NsecToTimeval(wait.Nanoseconds())
	if err := unix.SetsockoptTimeval(e.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		e.t.Fatal(err)
	}
	b := make([]byte, 256)
	for {
		n, from, err := unix.Recvfrom(e.fd, b, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case errors.Is(err, unix.EAGAIN):
			return nil, nil
		case err != nil:
			e.t.Fatal(err)
		}
		return b[:n], from.(*unix.SockaddrLinklayer)
	}
}

// drain returns all frames until the wire has been quiet for a while.
func (e ear) drain() [][]byte {
	e.t.Helper()
	var got [][]byte
	for {
		b, _ := e.next(50 * time.Millisecond)
		if b == nil {
			return got
		}
		got = append(got, b)
	}
}

// shout sends raw bytes as ARP, or as IPv6 to a group, from a link over there,
// again and again until the returned function is called.
func (w *world) shout(link string, payload []byte) (stop func()) {
	w.t.Helper()
	index := w.link(w.far, link).Attrs().Index
	var fd int
	w.over(func() {
		var err error
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		w.ok(err)
	})
	to := &unix.SockaddrLinklayer{Protocol: etherARP, Ifindex: index, Halen: 6}
	copy(to.Addr[:], everyone[:])
	if w.six {
		group := groupMAC(netip.AddrFrom16([16]byte(payload[24:40])))
		to.Protocol = etherIPv6
		copy(to.Addr[:], group[:])
	}
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			_ = unix.Sendto(fd, payload, 0, to)
			select {
			case <-quit:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	return func() { close(quit); <-done; _ = unix.Close(fd) }
}

func (w *world) wait(what string, done func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if done() {
			return
		}
	}
	w.t.Fatalf("waited 20 s for %s", what)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// held asserts what Held says, with no error.
func (w *world) held(a Address, want bool) {
	w.t.Helper()
	got, err := a.Held(context.Background())
	if err != nil || got != want {
		w.t.Fatalf("held %s: %v, %v; want %v", a, got, err, want)
	}
}

func parse(t *testing.T, prefix, nic string) Address {
	t.Helper()
	a, err := Parse(prefix, nic)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func hw(t *testing.T, s string) net.HardwareAddr {
	t.Helper()
	m, err := net.ParseMAC(s)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
