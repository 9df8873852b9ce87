package vip

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

var bg = context.Background()

func TestUpAndDownTwice(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		w.held(a, false)
		for range 2 {
			w.ok(a.Up(bg))
			w.held(a, true)
		}
		if got := w.addrs(w.h, "vp0"); len(got) != 2 {
			t.Fatalf("addresses: %v", got)
		}
		v := w.one(w.h, "vp0", virtual)
		broadcast, flags := net.IPv4(10, 9, 0, 255), unix.IFA_F_PERMANENT|unix.IFA_F_SECONDARY
		if w.six {
			broadcast, flags = nil, unix.IFA_F_PERMANENT|unix.IFA_F_NODAD|unix.IFA_F_NOPREFIXROUTE|unix.IFA_F_DEPRECATED
		}
		if v == nil || !v.Broadcast.Equal(broadcast) || v.Flags != flags {
			t.Fatalf("added as %+v", v)
		}
		for range 2 {
			w.ok(a.Down(bg))
			w.held(a, false)
		}
		if !w.has(w.h, "vp0", ownHere) {
			t.Fatal("the host's own address is gone")
		}
	})
}

func TestUpWithoutBroadcast(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, prefix := range []string{"10.9.0.5/32", "10.9.0.6/31"} {
			a := w.parse(prefix, "vp0")
			w.ok(a.Up(bg))
			w.ok(a.Up(bg))
			if got := w.one(w.h, "vp0", prefix); got == nil || got.Broadcast != nil {
				t.Fatalf("%s: %+v", prefix, got)
			}
			w.ok(a.Down(bg))
			w.held(a, false)
		}
	})
}

// The host answers for an address whatever its prefix length: so it is held, is
// not added again, and Down takes it off.
func TestAnotherPrefixLength(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		wrong := [][]string{{"10.9.0.5/32", "10.9.0.5/16"}} // IPv4 takes both at once
		if w.six {
			wrong = [][]string{{"10.9.0.5/32"}, {"10.9.0.5/16"}}
		}
		for _, prefixes := range wrong {
			for _, p := range prefixes {
				w.addr(w.h, "vp0", p)
			}
			for range 2 {
				w.held(a, true)
				w.ok(a.Up(bg))
			}
			if w.has(w.h, "vp0", virtual) {
				t.Fatal("added once more")
			}
			for range 2 {
				w.ok(a.Down(bg))
				w.held(a, false)
			}
		}
	})
}

func TestPointToPoint(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		p, err := netlink.ParseAddr(w.p("10.9.0.5/32"))
		w.ok(err)
		p.Peer, err = netlink.ParseIPNet(w.p("10.8.0.9/24"))
		w.ok(err)
		if w.six {
			p.Flags = unix.IFA_F_NODAD
		}
		w.ok(w.h.AddrAdd(w.link(w.h, "vp0"), p))
		// The far network is the connected one.
		far := w.parse("10.8.0.7/24", "")
		r, err := far.Resolve(bg)
		w.ok(err)
		if r.Link != "vp0" {
			t.Fatalf("resolved to %q", r.Link)
		}
		a := w.parse(virtual, "vp0")
		w.held(a, true)
		w.ok(a.Down(bg))
		w.held(a, false)
	})
}

// A virtual address with a longer prefix than the host's own must not become
// the source of what this host sends: that would break when it moves.
func TestUpDoesNotBecomeTheSource(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.take(w.h, "vp0", ownHere)
		w.addr(w.h, "vp0", "10.9.0.2/16")
		a := w.parse(virtual, "")
		// To .4 the virtual address would be nearer, which is what IPv6 looks at.
		for range 2 {
			w.source("10.9.0.4", "10.9.0.2")
			w.ok(a.Up(bg))
			w.source("10.9.0.4", "10.9.0.2")
			w.ok(a.Down(bg))
		}
		w.source("10.9.0.4", "10.9.0.2")
	})
}

// Alone on its network it has to bring the route to its clients.
func TestUpAloneOnItsNetwork(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse("10.6.0.5/24", "vp0")
		_, err := w.parse("10.6.0.5/24", "").Resolve(bg)
		is(t, err, ErrNoLink)
		for range 2 {
			w.ok(a.Up(bg))
		}
		got, err := w.h.RouteGet(w.ip("10.6.0.77").AsSlice())
		w.ok(err)
		if got[0].Gw != nil || got[0].LinkIndex != w.link(w.h, "vp0").Attrs().Index {
			t.Fatalf("route %v", got[0])
		}
		// IPv6 takes the address that stays here even so.
		if !w.six {
			w.source("10.6.0.77", "10.6.0.5")
		}
		// While it is there, the nic need not be named to find it.
		w.held(w.parse("10.6.0.5/24", ""), true)
		w.ok(w.parse("10.6.0.5/24", "").Down(bg))
		w.held(a, false)
	})
}

func TestLinkDown(t *testing.T) {
	for where, reason := range map[string]string{
		"here": "vp0 is switched off, use ip link set vp0 up", "carrier": "vp0 has no carrier, see to its cable or port",
	} {
		t.Run(where, func(t *testing.T) { each(t, func(t *testing.T, w *world) { linkDown(w, where, reason) }) })
	}
}

func linkDown(w *world, where, reason string) {
	a := w.parse(virtual, "vp0")
	w.ok(a.Up(bg))
	h, name := w.h, "vp0"
	if where == "carrier" {
		h, name = w.far, "vp1"
	}
	w.down(h, name)
	w.wait("the carrier to go", func() bool { return !toLink(w.link(w.h, "vp0").Attrs()).up })
	// IPv4's would be back with the link; the kernel takes IPv6's off.
	held := !w.six || where == "carrier"
	refused := func(err error) {
		w.t.Helper()
		is(w.t, err, ErrLinkDown)
		if !strings.HasSuffix(err.Error(), reason) {
			w.t.Fatal(err)
		}
	}
	for range 2 {
		refused(a.Up(bg))
		_, err := a.Resolve(bg)
		refused(err)
		_, err = a.Probe(bg, 50*time.Millisecond)
		refused(err)
		w.held(a, held)
		if held {
			refused(a.Announce(bg, 1, 0))
		} else {
			w.ok(a.Announce(bg, 100, time.Hour))
		}
	}
	for range 2 {
		w.ok(a.Down(bg))
	}
	w.held(a, false)
	refused(a.Up(bg))
	w.held(a, false)
	w.up(h, name)
	w.wait("the carrier", func() bool { return toLink(w.link(w.h, "vp0").Attrs()).up })
	w.ok(a.Up(bg))
	w.held(a, true)
}

func TestElsewhere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pair("vp2", "vp3", w.there)
		w.addr(w.h, "vp2", virtual)
		for _, a := range []Address{w.parse(virtual, "vp0"), w.parse(virtual, ""), w.parse(virtual, "nic9")} {
			for range 2 {
				held, err := a.Held(bg)
				is(t, err, ErrElsewhere)
				if held || !strings.Contains(err.Error(), "vp2") {
					t.Fatalf("%v, %v", held, err)
				}
			}
		}
		a := w.parse(virtual, "vp0")
		for range 2 {
			is(t, a.Up(bg), ErrElsewhere)
			is(t, a.Down(bg), ErrElsewhere)
		}
		if w.has(w.h, "vp0", virtual) || !w.has(w.h, "vp2", virtual) {
			t.Fatal("something was changed")
		}
		// On both: ours is taken off, and the other one told of.
		w.addr(w.h, "vp0", virtual)
		held, err := a.Held(bg)
		is(t, err, ErrElsewhere)
		if !held {
			t.Fatal("it is on its link too")
		}
		is(t, a.Up(bg), ErrElsewhere)
		is(t, a.Down(bg), ErrElsewhere)
		if w.has(w.h, "vp0", virtual) {
			t.Fatal("still on its link")
		}
		// No link named: wherever it is, it goes.
		for range 2 {
			w.ok(w.parse(virtual, "").Down(bg))
		}
		w.held(a, false)
	})
}

// Somebody takes it away by hand: it is not held, and Up puts it back, which is
// what monitor does.
func TestTakenAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		for range 2 {
			w.ok(a.Up(bg))
			w.held(a, true)
			w.take(w.h, "vp0", virtual)
			w.held(a, false)
		}
		w.ok(a.Up(bg))
		// The link itself goes: nowhere held, nothing to take off, and no guess.
		w.ok(w.h.LinkDel(w.link(w.h, "vp0")))
		for range 2 {
			w.held(a, false)
			is(t, a.Up(bg), ErrNoLink)
			w.ok(a.Down(bg))
		}
		named := w.parse(virtual, "vp0")
		w.held(named, false)
		if err := named.Up(bg); !errors.Is(err, ErrNoLink) || !strings.HasSuffix(err.Error(), "vp0 does not exist") {
			t.Fatal(err)
		}
	})
}

func TestNoLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "nic9")
		for range 2 {
			is(t, a.Up(bg), ErrNoLink)
			w.ok(a.Down(bg))
			w.held(a, false)
			_, err := a.Probe(bg, time.Millisecond)
			is(t, err, ErrNoLink)
			_, err = a.Resolve(bg)
			is(t, err, ErrNoLink)
			w.ok(a.Announce(bg, 3, time.Hour))
		}
	})
}

func TestFindsTheLink(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pair("vp2", "vp3", w.there)
		w.addr(w.h, "vp2", "10.8.0.2/24")
		for prefix, want := range map[string]string{virtual: "vp0", "10.8.0.5/24": "vp2", "10.8.0.6/32": "vp2"} {
			a := w.parse(prefix, "")
			for range 2 {
				w.ok(a.Up(bg))
				r, err := a.Resolve(bg)
				w.ok(err)
				if r.Link != want || r.Prefix != a.Prefix || !w.has(w.h, want, prefix) {
					t.Fatalf("%s on %q", prefix, r.Link)
				}
			}
			w.ok(a.Down(bg))
		}
		_, err := w.parse("192.0.2.5/24", "").Resolve(bg)
		is(t, err, ErrNoLink)
		// The alternative name is as good as the name.
		w.ok(w.h.LinkAddAltName(w.link(w.h, "vp2"), "a-rather-long-name-for-a-link"))
		a := w.parse("10.8.0.5/24", "a-rather-long-name-for-a-link")
		w.ok(a.Up(bg))
		w.held(a, true)
		w.ok(a.Down(bg))
		w.held(a, false)
	})
}

func TestContextEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		cancelled, cancel := context.WithCancel(bg)
		cancel()
		late, cancel := context.WithDeadline(bg, time.Now().Add(-time.Second))
		defer cancel()
		for ctx, want := range map[context.Context]error{cancelled: context.Canceled, late: context.DeadlineExceeded} {
			is(t, a.Up(ctx), want)
			w.held(a, false)
			w.addr(w.h, "vp0", virtual)
			_, err := a.Held(ctx)
			is(t, err, want)
			_, err = a.Resolve(ctx)
			is(t, err, want)
			_, err = a.Probe(ctx, time.Hour)
			is(t, err, want)
			is(t, a.Announce(ctx, 5, time.Hour), want)
			is(t, a.Down(ctx), want)
			w.held(a, true)
			w.take(w.h, "vp0", virtual)
		}
	})
}

func TestNoAddress(t *testing.T) {
	for _, err := range []error{Address{}.Up(bg), Address{}.Down(bg)} {
		if err == nil || errors.Is(err, ErrNoLink) {
			t.Fatal(err)
		}
	}
}
