package vip

import (
	"bytes"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// sysctl sets one of a link's settings of IPv6, here or there.
func (w *world) sysctl(link, name, value string) {
	w.t.Helper()
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+link+"/"+name, []byte(value), 0)
	if err != nil && os.Getenv("CI") != "true" {
		w.t.Skipf("needs a writable /proc/sys: %v", err)
	}
	w.ok(err)
}

// flags waits for the virtual address to have all of them.
func (w *world) flags(want int) {
	w.t.Helper()
	w.wait("the address's flags", func() bool {
		a := w.one(w.h, "vp0", virtual)
		return a != nil && a.Flags&want == want
	})
}

// Somebody put the address there with the kernel's own check: as long as that goes
// on, and for ever when it failed, this host does not answer for it.
func TestUnsettled(t *testing.T) {
	for name, tc := range map[string]struct {
		prepare func(*world)
		flags   int // of the address that is added
		become  int
	}{
		"tentative": {func(*world) {}, 0, unix.IFA_F_TENTATIVE},
		"optimistic": {func(w *world) {
			w.sysctl("vp0", "optimistic_dad", "1")
		}, unix.IFA_F_OPTIMISTIC, unix.IFA_F_OPTIMISTIC},
		"dadfailed": {func(w *world) { w.addr(w.far, "vp1", virtual) }, 0, unix.IFA_F_DADFAILED},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld6(t)
			if name != "dadfailed" {
				w.sysctl("vp0", "dad_transmits", "60") // a minute of it
			}
			tc.prepare(w)
			a := w.parse(virtual, "")
			w.add(w.h, "vp0", virtual, tc.flags, 3600)
			w.flags(tc.become)
			for range 2 {
				w.held(a, false)
				w.ok(a.Announce(bg, 100, time.Hour))
				// The kernel's own check is not somebody else's.
				wait := 50 * time.Millisecond
				if name == "dadfailed" {
					wait = time.Minute // the answer ends it
				}
				c, err := a.Probe(bg, wait)
				if name == "dadfailed" {
					is(t, err, ErrConflict)
					if m := w.mac(w.far, "vp1"); !bytes.Equal(c.MAC, m[:]) {
						t.Fatal(c)
					}
				} else {
					w.ok(err)
				}
			}
			for range 2 {
				w.ok(a.Up(bg))
				w.held(a, true)
			}
			if got := w.one(w.h, "vp0", virtual); got.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DADFAILED) != 0 || got.Flags&unix.IFA_F_NODAD == 0 {
				t.Fatalf("flags %#x", got.Flags)
			}
			for range 2 {
				w.ok(a.Down(bg))
				w.held(a, false)
			}
			// Down takes off one that is not held, too.
			w.add(w.h, "vp0", virtual, tc.flags, 3600)
			w.ok(a.Down(bg))
			if w.has(w.h, "vp0", virtual) {
				t.Fatal("still there")
			}
		})
	}
}

// Deprecated it is no source of connections, but answers: held. So is one that
// expires one day.
func TestDeprecated(t *testing.T) {
	w := newWorld6(t)
	a := w.parse(virtual, "")
	w.add(w.h, "vp0", virtual, unix.IFA_F_NODAD, 0)
	w.flags(unix.IFA_F_DEPRECATED)
	for range 2 {
		w.held(a, true)
		w.ok(a.Up(bg))
	}
	w.ok(a.Down(bg))
	w.held(a, false)
}

// IPv6 off on the link: said before anything is opened, with the way out.
func TestIPv6IsOff(t *testing.T) {
	for name, tc := range map[string]struct {
		off, on func(*world)
		want    string
	}{
		"by sysctl": {
			func(w *world) { w.sysctl("vp0", "disable_ipv6", "1") },
			func(w *world) { w.sysctl("vp0", "disable_ipv6", "0") },
			"no ipv6 on vp0: set net.ipv6.conf.vp0.disable_ipv6=0",
		},
		"by the mtu": {
			func(w *world) { w.ok(w.h.LinkSetMTU(w.link(w.h, "vp0"), 1000)) },
			func(w *world) { w.ok(w.h.LinkSetMTU(w.link(w.h, "vp0"), 1500)) },
			"no ipv6 on vp0: its mtu is 1000, and has to be 1280 at least",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld6(t)
			a := w.parse(virtual, "vp0")
			w.ok(a.Up(bg))
			tc.off(w)
			for range 2 {
				w.held(a, false) // the kernel has taken it off
				_, probed := a.Probe(bg, 50*time.Millisecond)
				_, resolved := a.Resolve(bg)
				for _, err := range []error{a.Up(bg), probed, resolved} {
					is(t, err, ErrNoIPv6)
					if !strings.HasSuffix(err.Error(), tc.want) {
						t.Fatal(err)
					}
				}
				w.ok(a.Announce(bg, 100, time.Hour))
				w.ok(a.Down(bg))
			}
			// IPv4 goes on.
			four := parse(t, virtual, "vp0")
			w.ok(four.Up(bg))
			w.ok(four.Down(bg))
			tc.on(w)
			w.wait("ipv6 to be back", func() bool { return a.Up(bg) == nil })
			w.held(a, true)
		})
	}
}

// Between the look and the act: the kernel's refusal is named alike.
func TestIPv6GoesOffMeanwhile(t *testing.T) {
	w := newWorld6(t)
	a := w.parse(virtual, "vp0")
	k, err := open(bg, w.family())
	w.ok(err)
	defer k.close()
	v, err := k.look()
	w.ok(err)
	l, err := a.home(v)
	w.ok(err)
	w.sysctl("vp0", "disable_ipv6", "1")
	is(t, k.add(a, l, v), ErrNoIPv6)
}

// Every link has fe80::/64: the same address on two is two addresses.
func TestLinkLocal(t *testing.T) {
	w := newWorld6(t)
	w.pair("vp2", "vp3", w.there)
	other, err := netlink.ParseAddr("fe80::5/64")
	w.ok(err)
	other.Flags = unix.IFA_F_NODAD
	w.ok(w.h.AddrAdd(w.link(w.h, "vp2"), other))
	w.ok(w.far.AddrAdd(w.link(w.far, "vp3"), other))
	a := parse(t, "fe80::5/64", "vp0")
	for range 2 {
		w.held(a, false)
		_, err := a.Probe(bg, 50*time.Millisecond)
		w.ok(err)
		w.ok(a.Up(bg))
		w.held(a, true)
		w.ok(a.Down(bg))
	}
	if got, err := w.h.AddrList(w.link(w.h, "vp2"), unix.AF_INET6); err != nil || len(got) != 1 {
		t.Fatalf("the other link has %v, %v", got, err)
	}
	// An Address that did not come from Parse is refused as well.
	unnamed := a
	unnamed.Link = ""
	is(t, unnamed.Up(bg), ErrLinkName)
}

// The danger itself: to .4 the kernel would take the virtual address, which is
// nearer. TestUpDoesNotBecomeTheSource shows that ours is not taken.
func TestKernelTakesTheNearestSource(t *testing.T) {
	w := newWorld6(t)
	w.source("10.9.0.4", "10.9.0.2")
	w.addr(w.h, "vp0", virtual)
	w.source("10.9.0.4", "10.9.0.5")
}

// In one network, too; and as the only address left it is a source again.
func TestShy(t *testing.T) {
	w := newWorld6(t)
	a := w.parse(virtual, "")
	w.ok(a.Up(bg))
	w.source("10.9.0.4", "10.9.0.2")
	w.take(w.h, "vp0", ownHere)
	w.source("10.9.0.4", "10.9.0.5")
	w.held(a, true)
}

// The network's route belongs to whoever set the link up. One of the kernel's,
// beside it, would stay behind when ours goes.
func TestRoutesStayAsTheyWere(t *testing.T) {
	routes := func(w *world) string {
		w.t.Helper()
		got, err := w.h.RouteList(w.link(w.h, "vp0"), unix.AF_INET6)
		w.ok(err)
		var b strings.Builder
		for _, r := range got {
			b.WriteString(r.String() + "\n")
		}
		return b.String()
	}
	w := newWorld6(t)
	w.take(w.h, "vp0", ownHere)
	w.add(w.h, "vp0", ownHere, unix.IFA_F_NODAD|unix.IFA_F_NOPREFIXROUTE, 3600)
	network := net.IPNet{IP: w.ip("10.9.0.0").AsSlice(), Mask: net.CIDRMask(64, 128)}
	w.ok(w.h.RouteAdd(&netlink.Route{LinkIndex: w.link(w.h, "vp0").Attrs().Index, Dst: &network, Priority: 1024}))
	before := routes(w)
	a := w.parse(virtual, "")
	w.ok(a.Up(bg))
	if got := routes(w); got != before {
		t.Fatalf("while it is up:\n%sbefore:\n%s", got, before)
	}
	w.ok(a.Down(bg))
	if got := routes(w); got != before {
		t.Fatalf("afterwards:\n%sbefore:\n%s", got, before)
	}
}

// The kernel asks nobody about an address of ours, neither at first nor when the
// carrier comes back, so it answers at once.
func TestNoCheckByTheKernel(t *testing.T) {
	w := newWorld6(t)
	w.sysctl("vp0", "dad_transmits", "60") // it would take a minute
	a := w.parse(virtual, "")
	settled := func() {
		t.Helper()
		w.held(a, true)
		if got := w.one(w.h, "vp0", virtual); got.Flags&unix.IFA_F_TENTATIVE != 0 {
			t.Fatalf("flags %#x", got.Flags)
		}
	}
	w.ok(a.Up(bg))
	settled()
	w.down(w.far, "vp1")
	w.wait("the carrier to go", func() bool { return !toLink(w.link(w.h, "vp0").Attrs()).up })
	settled()
	w.up(w.far, "vp1")
	w.wait("the carrier", func() bool { return toLink(w.link(w.h, "vp0").Attrs()).up })
	settled()
}

// The address serves as soon as Up has returned: somebody over there connects.
func TestServesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "")
		w.ok(a.Up(bg))
		l, err := net.Listen("tcp", net.JoinHostPort(a.Prefix.Addr().String(), "3306"))
		w.ok(err)
		defer l.Close()
		var c net.Conn
		w.over(func() { c, err = net.DialTimeout("tcp", l.Addr().String(), 5*time.Second) })
		w.ok(err)
		_ = c.Close()
	})
}

// The kernel puts an address without its check to work in the background. Up does
// not return before: the first question of somebody over there is answered.
func TestAnswersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, far := w.parse(virtual, ""), w.parse(virtual, "vp1")
		for i := range 20 {
			w.ok(a.Up(bg))
			start := time.Now()
			w.over(func() {
				_, err := far.Probe(bg, 30*time.Second) // the second comes after ten
				is(t, err, ErrConflict)
			})
			if d := time.Since(start); d > 9*time.Second {
				t.Fatalf("round %d: answered after %v", i, d)
			}
			w.ok(a.Down(bg))
		}
	})
}
