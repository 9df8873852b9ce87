package vip

import (
	"bytes"
	"encoding/binary"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
)

// The kernel's own probe and ours are the same bytes, but for its nonce, which is
// switched off.
func TestProbeIsAsTheKernels(t *testing.T) {
	w := newWorld6(t)
	e := w.listen("vp1")
	w.sysctl("all", "enhanced_dad", "0")
	w.sysctl("vp0", "enhanced_dad", "0")
	w.add(w.h, "vp0", virtual, 0, 3600)
	kernels, from := e.next(20 * time.Second)
	if kernels == nil {
		t.Fatal("the kernel asks nobody")
	}
	w.take(w.h, "vp0", virtual)
	a := w.parse(virtual, "")
	_, err := a.Probe(bg, 50*time.Millisecond)
	w.ok(err)
	ours, at := e.next(20 * time.Second)
	if !bytes.Equal(kernels, ours) || from.Addr != at.Addr || from.Pkttype != at.Pkttype {
		t.Fatalf("\n kernel % x\n   ours % x", kernels, ours)
	}
}

// Two hosts that probe at once both see it, the kernel's included.
func TestKernelProbesToo(t *testing.T) {
	w := newWorld6(t)
	a := w.parse(virtual, "")
	far := w.link(w.far, "vp1")
	addr, err := netlink.ParseAddr(w.p(virtual))
	w.ok(err)
	// After our first question and long before our second: the kernel there gives
	// up at once where it hears one before its own, and says nothing then.
	e := w.listen("vp1")
	added := make(chan error, 1)
	go func() {
		_, _ = e.next(20 * time.Second)
		added <- w.far.AddrAdd(far, addr)
	}()
	c, err := a.Probe(bg, time.Minute)
	w.ok(<-added)
	is(t, err, ErrConflict)
	if m := w.mac(w.far, "vp1"); !bytes.Equal(c.MAC, m[:]) || !c.Probing {
		t.Fatalf("%+v", c)
	}
}

// The probe listens where others ask, by the kernel's own list.
func TestProbeJoinsTheGroup(t *testing.T) {
	w := newWorld6(t)
	group := "ff0200000000000000000001ff000005"
	joined := func() bool {
		b, err := os.ReadFile("/proc/thread-self/net/igmp6")
		w.ok(err)
		return strings.Contains(string(b), group)
	}
	a := w.parse(virtual, "")
	if joined() {
		t.Fatal("from the start")
	}
	wire, err := listen(bg, toLink(w.link(w.h, "vp0").Attrs()), a.etherType())
	w.ok(err)
	w.ok(wire.join(solicitedNode(a.Prefix.Addr())))
	if !joined() {
		t.Fatal("not joined")
	}
	wire.close()
	w.wait("it to leave", func() bool { return !joined() })
}

// Among all the IPv6 that arrives the wire hears neighbour discovery and no more.
func TestWireHearsOnlyND(t *testing.T) {
	w := newWorld6(t)
	a := w.parse(virtual, "")
	l, err := listen(bg, toLink(w.link(w.h, "vp0").Attrs()), a.etherType())
	w.ok(err)
	defer l.close()
	frame := advertisement(alice, a.Prefix.Addr()).marshal()
	for at, v := range map[int]byte{6: 17, ipv6Len: 128} {
		b := bytes.Clone(frame)
		b[at] = v
		stop := w.shout("vp1", signed(b))
		if got, ok, err := l.receive(time.Now().Add(50 * time.Millisecond)); ok || err != nil {
			t.Fatalf("% x, %v", got.body, err)
		}
		stop()
	}
	defer w.shout("vp1", frame)()
	got, ok, err := l.receive(time.Now().Add(20 * time.Second))
	w.ok(err)
	if m := w.mac(w.far, "vp1"); !ok || !bytes.Equal(got.body, frame) || got.peer != m {
		t.Fatalf("%v % x", ok, got.body)
	}
}

// With link-local addresses, as links have them, it is the same.
func TestWithLinkLocalAddresses(t *testing.T) {
	w := newWorld6(t)
	ends := map[*netlink.Handle]string{w.h: "vp0", w.far: "vp1"}
	for h, name := range ends {
		w.ok(h.LinkSetIP6AddrGenMode(w.link(h, name), nl.IN6_ADDR_GEN_MODE_EUI64))
		w.down(h, name)
		w.up(h, name)
	}
	for h, name := range ends {
		w.wait("a link-local address", func() bool { return len(w.addrs(h, name)) == 1 })
	}
	w.addr(w.h, "vp0", ownHere)
	w.addr(w.far, "vp1", virtual)
	a := w.parse(virtual, "")
	_, err := a.Probe(bg, 20*time.Second)
	is(t, err, ErrConflict)
	w.take(w.far, "vp1", virtual)
	c, err := a.Probe(bg, 100*time.Millisecond)
	w.ok(err)
	if c.Found() {
		t.Fatal(c)
	}
	w.ok(a.Up(bg))
	w.held(a, true)
	w.source("10.9.0.4", "10.9.0.2")
	w.ok(a.Down(bg))
}

func TestInside(t *testing.T) {
	attr := func(kind uint16, value []byte) []byte {
		b := binary.NativeEndian.AppendUint16(nil, uint16(4+len(value)))
		return append(binary.NativeEndian.AppendUint16(b, kind), value...)
	}
	value := []byte{1, 2, 3, 4}
	nest := append(attr(7, nil), attr(9|nl.NLA_F_NESTED, attr(3, value))...)
	for _, tc := range []struct {
		path []uint16
		want []byte
	}{{[]uint16{9, 3}, value}, {[]uint16{9, 4}, nil}, {[]uint16{8, 3}, nil}, {[]uint16{7, 3}, nil}} {
		if got, err := inside(nest, tc.path...); err != nil || !bytes.Equal(got, tc.want) {
			t.Errorf("%v: % x, %v", tc.path, got, err)
		}
	}
	if _, err := inside([]byte{200, 0, 1, 0}, 1); err == nil {
		t.Error("an attribute longer than the message")
	}
}
