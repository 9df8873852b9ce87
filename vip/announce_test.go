package vip

import (
	"bytes"
	"context"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forms is one round of announcements, byte for byte.
func forms(m mac) [][]byte {
	request := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 1}, m[:], []byte{10, 9, 0, 5}, make([]byte, 6), []byte{10, 9, 0, 5})
	reply := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 2}, m[:], []byte{10, 9, 0, 5}, m[:], []byte{10, 9, 0, 5})
	return [][]byte{request, reply}
}

func TestAnnouncementsArrive(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "")
	e := w.listen("vp1")
	m := w.mac(w.h, "vp0")

	// The neighbour knows the address at the host that had it before.
	neigh := &netlink.Neigh{
		LinkIndex: w.link(w.far, "vp1").Attrs().Index, Family: unix.AF_INET, State: netlink.NUD_STALE,
		IP: net.IPv4(10, 9, 0, 5), HardwareAddr: hw(t, "02:00:00:00:00:99"),
	}
	w.ok(w.far.NeighSet(neigh))

	w.ok(a.Up(bg)) // announces once, at once
	w.ok(a.Announce(bg, 2, 10*time.Millisecond))
	for round := range 3 {
		for i, want := range forms(m) {
			got, from := e.next(time.Second)
			if !bytes.Equal(got, want) {
				t.Fatalf("round %d form %d:\n got % x\nwant % x", round, i, got, want)
			}
			if from.Pkttype != unix.PACKET_BROADCAST || !bytes.Equal(from.Addr[:6], m[:]) {
				t.Fatalf("Ethernet source % x, type %d", from.Addr[:6], from.Pkttype)
			}
		}
	}
	if more := e.drain(); len(more) > 0 {
		t.Fatalf("and %d more", len(more))
	}

	// The neighbour's kernel has believed it.
	w.wait("the neighbour to follow", func() bool {
		got, err := w.far.NeighList(neigh.LinkIndex, unix.AF_INET)
		w.ok(err)
		return slices.ContainsFunc(got, func(n netlink.Neigh) bool {
			return n.IP.Equal(neigh.IP) && bytes.Equal(n.HardwareAddr, m[:])
		})
	})
}

func TestAnnounceOnlyWhatIsHeld(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "")
	e := w.listen("vp1")
	w.ok(a.Announce(bg, 100, time.Hour))
	w.addr(w.h, "vp0", virtual)
	w.ok(a.Announce(bg, 0, time.Hour))
	w.ok(a.Announce(bg, -1, time.Hour))
	if got := e.drain(); len(got) > 0 {
		t.Fatalf("%d frames for an address that is not held", len(got))
	}
}

func TestAnnounceEndsWithTheAddress(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "vp0")
	w.ok(a.Up(bg))
	e := w.listen("vp1")
	addr, err := netlink.ParseAddr(virtual)
	w.ok(err)
	l := w.link(w.h, "vp0")
	gone := time.AfterFunc(100*time.Millisecond, func() { _ = w.h.AddrDel(l, addr) })
	defer gone.Stop()
	start := time.Now()
	w.ok(a.Announce(bg, 10_000, 5*time.Millisecond))
	if d := time.Since(start); d < 100*time.Millisecond || d > 5*time.Second {
		t.Fatalf("ended after %v", d)
	}
	if got := len(e.drain()); got < 4 || got%2 != 0 {
		t.Fatalf("%d frames", got)
	}
	w.held(a, false)
	w.ok(a.Up(bg)) // and back it is
	w.held(a, true)
}

// A link that flaps between two rounds is announced on once it is back.
func TestAnnounceOutlastsAFlap(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "vp0")
	w.ok(a.Up(bg))
	w.down(w.far, "vp1")
	w.wait("the carrier to go", func() bool { return !toLink(w.link(w.h, "vp0").Attrs()).up })
	far := w.link(w.far, "vp1")
	back := time.AfterFunc(100*time.Millisecond, func() { _ = w.far.LinkSetUp(far) })
	defer back.Stop()
	w.ok(a.Announce(bg, 20, 50*time.Millisecond))
}

func TestAnnounceIsCancelled(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "vp0")
	w.ok(a.Up(bg))
	ctx, cancel := context.WithCancel(bg)
	time.AfterFunc(50*time.Millisecond, cancel)
	start := time.Now()
	is(t, a.Announce(ctx, 5, time.Hour), context.Canceled)
	if d := time.Since(start); d > 2*time.Second {
		t.Fatalf("took %v", d)
	}
	w.held(a, true)
}

func TestProbeFindsNobody(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "")
	e := w.listen("vp1")
	m := w.mac(w.h, "vp0")
	for _, held := range []bool{false, true} {
		if held { // our own address is no conflict
			w.addr(w.h, "vp0", virtual)
		}
		start := time.Now()
		c, err := a.Probe(bg, 150*time.Millisecond)
		w.ok(err)
		if d := time.Since(start); c.Found() || d < 150*time.Millisecond || d > 2*time.Second {
			t.Fatalf("%v after %v", c, d)
		}
		want := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 1}, m[:], make([]byte, 4), make([]byte, 6), []byte{10, 9, 0, 5})
		got := e.drain()
		if len(got) != 3 {
			t.Fatalf("%d probes", len(got))
		}
		for _, b := range got {
			if !bytes.Equal(b, want) {
				t.Fatalf("\n got % x\nwant % x", b, want)
			}
		}
		// A probe must not teach anybody anything.
		ns, err := w.far.NeighList(w.link(w.far, "vp1").Attrs().Index, unix.AF_INET)
		w.ok(err)
		if len(ns) > 0 && !held {
			t.Fatalf("the neighbour learnt %v", ns)
		}
	}
	if _, err := a.Probe(bg, 0); err == nil {
		t.Fatal("a probe of no time found nobody")
	}
}

func TestProbeFindsTheHolder(t *testing.T) {
	w := newWorld(t)
	w.addr(w.far, "vp1", virtual)
	a := parse(t, virtual, "")
	for range 2 {
		start := time.Now()
		c, err := a.Probe(bg, 2*time.Second)
		is(t, err, ErrConflict)
		m := w.mac(w.far, "vp1")
		if !bytes.Equal(c.MAC, m[:]) || c.Probing || c.Link != "vp0" || c.Addr != a.Prefix.Addr() {
			t.Fatalf("%+v", c)
		}
		if d := time.Since(start); d > time.Second {
			t.Fatalf("took %v", d)
		}
		w.held(a, false)
	}
	w.take(w.far, "vp1", virtual)
	c, err := a.Probe(bg, 50*time.Millisecond)
	w.ok(err)
	if c.Found() {
		t.Fatal(c)
	}
}

func TestProbeHears(t *testing.T) {
	foreign := mac{2, 0, 0, 0, 0, 0x99}
	vip, other := ip("10.9.0.5"), ip("10.9.0.77")
	for name, tc := range map[string]struct {
		frame []byte
		want  Conflict
	}{
		"an announcement":       {announcement(foreign, vip, false).marshal(), Conflict{MAC: foreign.hardware()}},
		"an announced reply":    {announcement(foreign, vip, true).marshal(), Conflict{MAC: foreign.hardware()}},
		"a probe for it":        {probe(foreign, vip).marshal(), Conflict{MAC: foreign.hardware(), Probing: true}},
		"a claim with padding":  {append(announcement(foreign, vip, false).marshal(), make([]byte, 200)...), Conflict{MAC: foreign.hardware()}},
		"another's probe":       {probe(foreign, other).marshal(), Conflict{}},
		"another's claim":       {announcement(foreign, other, true).marshal(), Conflict{}},
		"a question about it":   {arp{op: arpRequest, sender: foreign, senderIP: other, targetIP: vip}.marshal(), Conflict{}},
		"half a frame":          {announcement(foreign, vip, false).marshal()[:27], Conflict{}},
		"another kind of frame": {append([]byte{0, 6}, announcement(foreign, vip, false).marshal()[2:]...), Conflict{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			defer w.shout("vp1", tc.frame)()
			c, err := parse(t, virtual, "vp0").Probe(bg, 100*time.Millisecond)
			if tc.want.Found() {
				is(t, err, ErrConflict)
			} else {
				w.ok(err)
			}
			if !bytes.Equal(c.MAC, tc.want.MAC) || c.Probing != tc.want.Probing {
				t.Fatalf("got %v, want %v", c, tc.want)
			}
		})
	}
}

// Two links of one host on one network hear each other.
func TestProbeIgnoresThisHost(t *testing.T) {
	w := newWorld(t)
	w.pair("vp2", "vp3", w.there)
	defer w.shout("vp1", announcement(w.mac(w.h, "vp2"), ip("10.9.0.5"), false).marshal())()
	c, err := parse(t, virtual, "vp0").Probe(bg, 100*time.Millisecond)
	w.ok(err)
	if c.Found() {
		t.Fatal(c)
	}
}

func TestProbeIsCutShort(t *testing.T) {
	w := newWorld(t)
	a := parse(t, virtual, "vp0")
	cancelled, cancel := context.WithCancel(bg)
	time.AfterFunc(50*time.Millisecond, cancel)
	late, stop := context.WithTimeout(bg, 50*time.Millisecond)
	defer stop()
	start := time.Now()
	_, err := a.Probe(cancelled, time.Hour)
	is(t, err, context.Canceled)
	_, err = a.Probe(late, time.Hour)
	is(t, err, context.DeadlineExceeded)

	l := w.link(w.h, "vp0")
	time.AfterFunc(50*time.Millisecond, func() { _ = w.h.LinkSetDown(l) })
	_, err = a.Probe(bg, time.Hour)
	is(t, err, ErrLinkDown)
	w.up(w.h, "vp0")
	w.wait("the carrier", func() bool { return toLink(w.link(w.h, "vp0").Attrs()).up })
	time.AfterFunc(50*time.Millisecond, func() { _ = w.h.LinkDel(l) })
	if _, err = a.Probe(bg, time.Hour); err == nil {
		t.Fatal("the link has gone, and nobody was found")
	}
	if d := time.Since(start); d > 5*time.Second {
		t.Fatalf("took %v", d)
	}
}

// Where no ARP is spoken there is nobody to ask, and nobody to tell.
func TestSilentLink(t *testing.T) {
	w := newWorld(t)
	e := w.listen("vp1")
	w.ok(w.h.LinkSetARPOff(w.link(w.h, "vp0")))
	a := parse(t, virtual, "vp0")
	for range 2 {
		w.ok(a.Up(bg))
		w.ok(a.Announce(bg, 2, 0))
		c, err := a.Probe(bg, time.Hour)
		w.ok(err)
		if c.Found() {
			t.Fatal(c)
		}
	}
	if got := e.drain(); len(got) > 0 {
		t.Fatalf("%d frames", len(got))
	}
	w.ok(a.Down(bg))
	w.held(a, false)
}
