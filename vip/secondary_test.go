package vip

import (
	"os"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// secondaries turns promotion off and makes the virtual address the network's
// first, so that the host's own depend on it.
func secondaries(t *testing.T) *world {
	w := newWorld(t)
	for _, dir := range []string{"all", "vp0"} {
		err := os.WriteFile("/proc/sys/net/ipv4/conf/"+dir+"/promote_secondaries", []byte("0"), 0)
		if err != nil && os.Getenv("CI") != "true" {
			t.Skipf("needs a writable /proc/sys: %v", err)
		}
		w.ok(err)
	}
	w.take(w.h, "vp0", ownHere)
	w.addr(w.h, "vp0", virtual)
	for _, own := range []string{ownHere, "10.9.0.3/24", "10.9.0.4/24", "10.7.0.2/24"} {
		w.addr(w.h, "vp0", own)
	}
	w.ok(w.h.RouteAdd(&netlink.Route{LinkIndex: w.link(w.h, "vp0").Attrs().Index, Gw: ip("10.9.0.9").AsSlice()}))
	return w
}

// The danger itself: without it the next test would prove nothing.
func TestKernelDropsSecondaries(t *testing.T) {
	w := secondaries(t)
	w.take(w.h, "vp0", virtual)
	if got := w.addrs(w.h, "vp0"); len(got) != 1 {
		t.Fatalf("the kernel kept %v", got)
	}
}

func TestDownKeepsSecondaries(t *testing.T) {
	w := secondaries(t)
	a := w.parse(virtual, "vp0")
	for range 2 {
		w.ok(a.Down(bg))
		w.held(a, false)
		for _, own := range []string{ownHere, "10.9.0.3/24", "10.9.0.4/24", "10.7.0.2/24"} {
			if !w.has(w.h, "vp0", own) {
				t.Fatalf("%s went too: %v", own, w.addrs(w.h, "vp0"))
			}
		}
	}
	// Its routes are there as well, with a source this host still has.
	for _, to := range []string{"10.9.0.9", "192.0.2.1"} {
		got, err := w.h.RouteGet(ip(to).AsSlice())
		w.ok(err)
		if got[0].Src.String() != "10.9.0.2" {
			t.Fatalf("to %s from %v", to, got[0].Src)
		}
	}
}

// Put there by hand, after the link's own of that network, it is held as it is.
func TestSecondary(t *testing.T) {
	w := newWorld(t)
	a := w.parse(virtual, "")
	w.addr(w.h, "vp0", virtual)
	before := w.one(w.h, "vp0", virtual)
	if before.Flags&unix.IFA_F_SECONDARY == 0 {
		t.Fatalf("flags %#x", before.Flags)
	}
	for range 2 {
		w.held(a, true)
		w.ok(a.Up(bg))
	}
	if got := w.one(w.h, "vp0", virtual); !got.Equal(*before) || got.Flags != before.Flags {
		t.Fatalf("changed to %+v", got)
	}
	for range 2 {
		w.ok(a.Down(bg))
		w.held(a, false)
	}
	if !w.has(w.h, "vp0", ownHere) {
		t.Fatal("the host's own address is gone")
	}
}
