package vip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience bounds a wait for the kernel under a context that has no deadline or
// is cancelled meanwhile: it answers at once or is in trouble.
const patience = time.Second

// kernel is one conversation over netlink.
type kernel struct {
	ctx context.Context
	h   *netlink.Handle
}

func open(ctx context.Context) (*kernel, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &kernel{ctx: ctx, h: h}, nil
}

func (k *kernel) close() { k.h.Close() }

// timeout is how long the next exchange may take.
func (k *kernel) timeout() (time.Duration, error) {
	if err := k.ctx.Err(); err != nil {
		return 0, err
	}
	left := patience
	if end, ok := k.ctx.Deadline(); ok {
		left = min(left, time.Until(end))
	}
	// A timeout of zero would mean for ever.
	return max(left, time.Millisecond), nil
}

// arm must precede every exchange.
func (k *kernel) arm() error {
	left, err := k.timeout()
	if err != nil {
		return err
	}
	return k.h.SetSocketTimeout(left)
}

// explain gives the context's reason for a wait that was cut short.
func (k *kernel) explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.EAGAIN) {
		if k.ctx.Err() != nil {
			err = k.ctx.Err()
		} else {
			err = errors.New("the kernel does not answer")
		}
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// look asks for all addresses, then all links: an address whose link has gone
// in between is gone too.
func (k *kernel) look() (view, error) {
	var v view
	addrs, err := list(k, func() ([]netlink.Addr, error) { return k.h.AddrList(nil, unix.AF_INET) })
	if err != nil {
		return v, k.explain("list addresses", err)
	}
	links, err := list(k, k.h.LinkList)
	if err != nil {
		return v, k.explain("list links", err)
	}
	for _, l := range links {
		v.links = append(v.links, toLink(l.Attrs()))
	}
	for _, a := range addrs {
		if e, ok := toEntry(a); ok {
			v.entries = append(v.entries, e)
		}
	}
	return v, nil
}

// list repeats a dump that a change has torn: half a list would read as "not
// held".
func list[T any](k *kernel, dump func() ([]T, error)) ([]T, error) {
	for tries := 0; ; tries++ {
		if err := k.arm(); err != nil {
			return nil, err
		}
		got, err := dump()
		if errors.Is(err, netlink.ErrDumpInterrupted) && tries < 20 {
			continue
		}
		if err != nil {
			return nil, err
		}
		return got, nil
	}
}

func toLink(at *netlink.LinkAttrs) link {
	const alive = unix.IFF_UP | unix.IFF_RUNNING
	return link{
		index:    at.Index,
		name:     at.Name,
		alt:      at.AltNames,
		mac:      at.HardwareAddr,
		perm:     at.PermHWAddr,
		up:       at.RawFlags&alive == alive,
		loopback: at.RawFlags&unix.IFF_LOOPBACK != 0,
		silent:   at.RawFlags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) != 0,
	}
}

func toEntry(a netlink.Addr) (entry, bool) {
	if a.IPNet == nil {
		return entry{}, false
	}
	ip, ok := netip.AddrFromSlice(a.IP.To4())
	reach := a.IPNet
	if a.Peer != nil {
		reach = a.Peer
	}
	far, ok2 := netip.AddrFromSlice(reach.IP.To4())
	bits, _ := reach.Mask.Size()
	if !ok || !ok2 {
		return entry{}, false
	}
	return entry{
		link:      a.LinkIndex,
		addr:      ip,
		network:   netip.PrefixFrom(far, bits).Masked(),
		secondary: a.Flags&unix.IFA_F_SECONDARY != 0,
	}, true
}

// add puts the address on the link.
func (k *kernel) add(a Address, l link, noRoute bool) error {
	if err := k.arm(); err != nil {
		return err
	}
	addr := &netlink.Addr{
		IPNet:     &net.IPNet{IP: a.Prefix.Addr().AsSlice(), Mask: net.CIDRMask(a.Prefix.Bits(), 32)},
		Broadcast: a.broadcast().AsSlice(),
		LinkIndex: l.index,
	}
	if noRoute {
		addr.Flags = unix.IFA_F_NOPREFIXROUTE
	}
	err := k.h.AddrAdd(nil, addr)
	if errors.Is(err, unix.EEXIST) {
		return nil // somebody was faster; the second look decides
	}
	return k.explain("add to "+l.name, err)
}

// remove takes one entry off its link.
func (k *kernel) remove(e entry, l link) error {
	if err := k.arm(); err != nil {
		return err
	}
	// Together these two name exactly one entry, whatever else it carries.
	err := k.h.AddrDel(nil, &netlink.Addr{
		IPNet:     netlink.NewIPNet(e.addr.AsSlice()),
		Peer:      &net.IPNet{IP: e.network.Addr().AsSlice(), Mask: net.CIDRMask(e.network.Bits(), 32)},
		LinkIndex: l.index,
	})
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV) {
		return nil // gone meanwhile; the second look decides
	}
	return k.explain("remove from "+l.name, err)
}
