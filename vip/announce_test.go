package vip

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// forms is one round of announcements, byte for byte, and how Ethernet carries it.
func (w *world) forms() ([][]byte, uint8) {
	m := w.mac(w.h, "vp0")
	if w.six {
		return [][]byte{advertisement(m, ip("2001:db8:9::5")).marshal()}, unix.PACKET_MULTICAST
	}
	request := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 1}, m[:], []byte{10, 9, 0, 5}, make([]byte, 6), []byte{10, 9, 0, 5})
	reply := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 2}, m[:], []byte{10, 9, 0, 5}, m[:], []byte{10, 9, 0, 5})
	return [][]byte{request, reply}, unix.PACKET_BROADCAST
}

func TestAnnouncementsArrive(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		e := w.listen("vp1")
		m := w.mac(w.h, "vp0")

		// The neighbour knows the address at the host that had it before.
		neigh := &netlink.Neigh{
			LinkIndex: w.link(w.far, "vp1").Attrs().Index, Family: w.family(), State: netlink.NUD_STALE,
			IP: w.ip("10.9.0.5").AsSlice(), HardwareAddr: hw(t, "02:00:00:00:00:99"),
		}
		w.ok(w.far.NeighSet(neigh))

		w.ok(a.Up(bg)) // announces once, at once
		w.ok(a.Announce(bg, 2, 10*time.Millisecond))
		frames, carried := w.forms()
		for round := range 3 {
			for i, want := range frames {
				got, from := e.next(time.Second)
				if !bytes.Equal(got, want) {
					t.Fatalf("round %d form %d:\n got % x\nwant % x", round, i, got, want)
				}
				if from.Pkttype != carried || !bytes.Equal(from.Addr[:6], m[:]) {
					t.Fatalf("Ethernet source % x, type %d", from.Addr[:6], from.Pkttype)
				}
			}
		}
		if more := e.drain(); len(more) > 0 {
			t.Fatalf("and %d more", len(more))
		}

		// The neighbour's kernel has believed it.
		w.wait("the neighbour to follow", func() bool {
			got, err := w.far.NeighList(neigh.LinkIndex, w.family())
			w.ok(err)
			return slices.ContainsFunc(got, func(n netlink.Neigh) bool {
				return n.IP.Equal(neigh.IP) && bytes.Equal(n.HardwareAddr, m[:])
			})
		})
	})
}

func TestAnnounceOnlyWhatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		e := w.listen("vp1")
		w.ok(a.Announce(bg, 100, time.Hour))
		w.addr(w.h, "vp0", virtual)
		w.ok(a.Announce(bg, 0, time.Hour))
		w.ok(a.Announce(bg, -1, time.Hour))
		if got := e.drain(); len(got) > 0 {
			t.Fatalf("%d frames for an address that is not held", len(got))
		}
	})
}

func TestAnnounceEndsWithTheAddress(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		w.ok(a.Up(bg))
		e := w.listen("vp1")
		addr, err := netlink.ParseAddr(w.p(virtual))
		w.ok(err)
		l := w.link(w.h, "vp0")
		heard := make(chan int, 1)
		go func() {
			n := 0
			for b, _ := e.next(10 * time.Second); b != nil; b, _ = e.next(10 * time.Second) {
				if n++; n == 5 {
					break
				}
			}
			_ = w.h.AddrDel(l, addr)
			heard <- n
		}()
		start := time.Now()
		w.ok(a.Announce(bg, 1_000_000, time.Millisecond))
		if n := <-heard; n != 5 {
			t.Fatalf("%d frames in %v", n, time.Since(start))
		}
		w.held(a, false)
		w.ok(a.Up(bg)) // and back it is
		w.held(a, true)
	})
}

// A link that flaps between two rounds is announced on once it is back.
func TestAnnounceOutlastsAFlap(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		w.ok(a.Up(bg))
		w.down(w.far, "vp1")
		w.wait("the carrier to go", func() bool { return !toLink(w.link(w.h, "vp0").Attrs()).up })
		far := w.link(w.far, "vp1")
		back := time.AfterFunc(100*time.Millisecond, func() { _ = w.far.LinkSetUp(far) })
		defer back.Stop()
		w.ok(a.Announce(bg, 40, 50*time.Millisecond))
	})
}

func TestAnnounceIsCancelled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		w.ok(a.Up(bg))
		ctx, cancel := context.WithCancel(bg)
		time.AfterFunc(50*time.Millisecond, cancel)
		start := time.Now()
		is(t, a.Announce(ctx, 5, time.Hour), context.Canceled)
		if d := time.Since(start); d > 10*time.Second {
			t.Fatalf("took %v", d)
		}
		w.held(a, true)
	})
}

func TestProbeFindsNobody(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		e := w.listen("vp1")
		m := w.mac(w.h, "vp0")
		for _, held := range []bool{false, true} {
			if held { // our own address is no conflict
				w.addr(w.h, "vp0", virtual)
			}
			start := time.Now()
			c, err := a.Probe(bg, 150*time.Millisecond)
			w.ok(err)
			if d := time.Since(start); c.Found() || d < 150*time.Millisecond || d > 10*time.Second {
				t.Fatalf("%v after %v", c, d)
			}
			want := slices.Concat([]byte{0, 1, 8, 0, 6, 4, 0, 1}, m[:], make([]byte, 4), make([]byte, 6), []byte{10, 9, 0, 5})
			if w.six {
				want = solicitation(ip("2001:db8:9::5")).marshal()
			}
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
			ns, err := w.far.NeighList(w.link(w.far, "vp1").Attrs().Index, w.family())
			w.ok(err)
			for _, n := range ns {
				if n.HardwareAddr != nil && n.IP.Equal(w.ip("10.9.0.5").AsSlice()) {
					t.Fatalf("the neighbour learnt %v", n)
				}
			}
		}
		if _, err := a.Probe(bg, 0); err == nil {
			t.Fatal("a probe of no time found nobody")
		}
	})
}

func TestProbeFindsTheHolder(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.addr(w.far, "vp1", virtual)
		a := w.parse(virtual, "")
		for range 2 {
			start := time.Now()
			c, err := a.Probe(bg, time.Minute)
			is(t, err, ErrConflict)
			m := w.mac(w.far, "vp1")
			if !bytes.Equal(c.MAC, m[:]) || c.Probing || c.Link != "vp0" || c.Addr != a.Prefix.Addr() {
				t.Fatalf("%+v", c)
			}
			if d := time.Since(start); d > 15*time.Second {
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
	})
}

func TestProbeHears(t *testing.T) {
	foreign := mac{2, 0, 0, 0, 0, 0x99}
	vip, other := ip("10.9.0.5"), ip("10.9.0.77")
	vip6, other6 := ip("2001:db8:9::5"), ip("2001:db8:9::77")
	asks := nd{kind: ndSolicitation, src: other6, dst: solicitedNode(vip6), target: vip6, link: foreign}
	unnamed := advertisement(mac{}, vip6) // then it is Ethernet's source
	half := advertisement(foreign, vip6).marshal()
	holder, prober := Conflict{MAC: foreign.hardware()}, Conflict{MAC: foreign.hardware(), Probing: true}
	for name, tc := range map[string]struct {
		frame []byte
		want  Conflict
	}{
		"ipv4 announcement":          {announcement(foreign, vip, false).marshal(), holder},
		"ipv4 announced reply":       {announcement(foreign, vip, true).marshal(), holder},
		"ipv4 probe for it":          {probe(foreign, vip).marshal(), prober},
		"ipv4 announces another":     {announcement(foreign, other, false).marshal(), Conflict{}},
		"ipv4 probe for another":     {probe(foreign, other).marshal(), Conflict{}},
		"ipv4 question about it":     {arp{op: arpRequest, sender: foreign, senderIP: other, targetIP: vip}.marshal(), Conflict{}},
		"ipv4 half a frame":          {announcement(foreign, vip, false).marshal()[:27], Conflict{}},
		"ipv4 another kind of frame": {append([]byte{0, 6}, announcement(foreign, vip, false).marshal()[2:]...), Conflict{}},
		"ipv6 advertisement":         {advertisement(foreign, vip6).marshal(), holder},
		"ipv6 without a link option": {unnamed.marshal(), Conflict{MAC: everyone.hardware()}},
		"ipv6 probe for it":          {solicitation(vip6).marshal(), Conflict{MAC: everyone.hardware(), Probing: true}},
		"ipv6 advertises another":    {advertisement(foreign, other6).marshal(), Conflict{}},
		"ipv6 probe for another":     {solicitation(other6).marshal(), Conflict{}},
		"ipv6 question about it":     {asks.marshal(), Conflict{}},
		"ipv6 half a frame":          {half[:len(half)-1], Conflict{}},
		"ipv6 wrong checksum":        {append(half[:len(half)-1:len(half)-1], 0), Conflict{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := build(&world{t: t, six: strings.HasPrefix(name, "ipv6")})
			if bytes.Equal(tc.want.MAC, everyone[:]) {
				m := w.mac(w.far, "vp1")
				tc.want.MAC = m.hardware()
			}
			defer w.shout("vp1", tc.frame)()
			wait := 100 * time.Millisecond
			if tc.want.Found() {
				wait = time.Minute // it ends with the first one heard
			}
			c, err := w.parse(virtual, "vp0").Probe(bg, wait)
			if tc.want.Found() {
				is(t, err, ErrConflict)
				if !strings.Contains(err.Error(), tc.want.MAC.String()) {
					t.Fatalf("it does not say who: %v", err)
				}
			} else {
				w.ok(err)
			}
			if !bytes.Equal(c.MAC, tc.want.MAC) || c.Probing != tc.want.Probing {
				t.Fatalf("got %v, want %v", c, tc.want)
			}
		})
	}
}

// An answer that came in time counts, though this host was too busy to look at it
// before the time was over.
func TestLateEars(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.addr(w.far, "vp1", virtual)
		a := w.parse(virtual, "")
		l, err := listen(bg, toLink(w.link(w.h, "vp0").Attrs()), a.etherType())
		w.ok(err)
		defer l.close()
		w.ok(l.send(a.question(l.mac)))
		w.wait("the answer", func() bool {
			got, ok, err := l.receive(time.Now().Add(-time.Second))
			w.ok(err)
			c, claimed := a.hear(got)
			return ok && claimed && !c.Probing
		})
		// No time at all, but what is asked is answered before anybody listens.
		k, err := open(bg, w.family())
		w.ok(err)
		defer k.close()
		v, err := k.look()
		w.ok(err)
		w.wait("an answer that is late", func() bool {
			c, err := a.ask(v, l, time.Nanosecond)
			w.ok(err)
			return c.Found()
		})
	})
}

// Two links of one host on one network hear each other.
func TestProbeIgnoresThisHost(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pair("vp2", "vp3", w.there)
		a := w.parse(virtual, "vp0")
		defer w.shout("vp1", a.announcements(w.mac(w.h, "vp2"))[0].body)()
		c, err := a.Probe(bg, 100*time.Millisecond)
		w.ok(err)
		if c.Found() {
			t.Fatal(c)
		}
	})
}

func TestProbeIsCutShort(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
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
		if d := time.Since(start); d > 20*time.Second {
			t.Fatalf("took %v", d)
		}
	})
}

// Where no ARP is spoken there is nobody to ask, and nobody to tell.
func TestSilentLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.listen("vp1")
		w.ok(w.h.LinkSetARPOff(w.link(w.h, "vp0")))
		a := w.parse(virtual, "vp0")
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
	})
}
