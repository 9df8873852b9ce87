package vip

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The kernel's silence must not outlast the deadline, nor read as "not held".
func TestKernelIsAskedWithATimeout(t *testing.T) {
	newWorld(t)
	ctx, cancel := context.WithTimeout(bg, 50*time.Millisecond)
	defer cancel()
	k, err := open(ctx, unix.AF_INET)
	if err != nil {
		t.Fatal(err)
	}
	defer k.close()
	if left, err := k.timeout(); err != nil || left <= 0 || left > 50*time.Millisecond {
		t.Fatalf("timeout %v, %v", left, err)
	}
	<-ctx.Done()
	_, err = k.look()
	is(t, err, context.DeadlineExceeded)
	is(t, k.explain("ask", unix.EAGAIN), context.DeadlineExceeded)
	k.ctx = bg
	if err := k.explain("ask", unix.EAGAIN); err == nil || errors.Is(err, unix.EAGAIN) {
		t.Fatal(err)
	}
	if left, err := k.timeout(); err != nil || left != patience {
		t.Fatalf("timeout %v, %v", left, err)
	}
}

// Somebody else may be faster: then the second look decides.
func TestFasterHands(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		k, err := open(bg, w.family())
		w.ok(err)
		defer k.close()
		before, err := k.look()
		w.ok(err)
		l, err := a.home(before)
		w.ok(err)
		for range 2 {
			w.ok(k.add(a, l, before))
		}
		after, err := k.look()
		w.ok(err)
		for range 2 {
			w.ok(k.remove(a.on(after, l.index)[0], l))
		}
		w.held(a, false)
	})
}

// Half a list of addresses would read as "not held".
func TestTornDump(t *testing.T) {
	k := &kernel{ctx: bg, h: &netlink.Handle{}}
	torn := 3
	got, err := list(k, func() ([]int, error) {
		if torn--; torn >= 0 {
			return []int{1}, netlink.ErrDumpInterrupted
		}
		return []int{1, 2}, nil
	})
	if err != nil || len(got) != 2 {
		t.Fatal(got, err)
	}
	got, err = list(k, func() ([]int, error) { return []int{1}, netlink.ErrDumpInterrupted })
	is(t, err, netlink.ErrDumpInterrupted)
	if got != nil {
		t.Fatal(got)
	}
}

// The same bits mean different things in the two families.
func TestEntry(t *testing.T) {
	for _, tc := range []struct {
		prefix string
		flags  int
		want   entry
	}{
		{"10.0.0.5/24", unix.IFA_F_PERMANENT, entry{}},
		{"10.0.0.5/24", unix.IFA_F_SECONDARY, entry{secondary: true}},
		{"2001:db8::5/64", unix.IFA_F_PERMANENT | unix.IFA_F_NODAD, entry{}},
		{"2001:db8::5/64", unix.IFA_F_TEMPORARY, entry{}},
		{"2001:db8::5/64", unix.IFA_F_DEPRECATED, entry{deprecated: true}},
		{"2001:db8::5/64", unix.IFA_F_TENTATIVE, entry{unsettled: true}},
		{"2001:db8::5/64", unix.IFA_F_TENTATIVE | unix.IFA_F_OPTIMISTIC, entry{unsettled: true}},
		{"2001:db8::5/64", unix.IFA_F_DADFAILED, entry{unsettled: true}},
	} {
		a, err := netlink.ParseAddr(tc.prefix)
		if err != nil {
			t.Fatal(err)
		}
		a.LinkIndex, a.Flags = 7, tc.flags
		p := netip.MustParsePrefix(tc.prefix)
		tc.want.link, tc.want.addr, tc.want.network = 7, p.Addr(), p.Masked()
		if got, ok := toEntry(*a); !ok || got != tc.want {
			t.Errorf("%s with %#x: %+v, %v", tc.prefix, tc.flags, got, ok)
		}
	}
	if got, ok := toEntry(netlink.Addr{}); ok {
		t.Errorf("of nothing: %+v", got)
	}
}
