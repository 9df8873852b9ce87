package vip

import (
	"context"
	"errors"
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
