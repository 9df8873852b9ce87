package vip

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// patience bounds a wait for the kernel under a context that has no deadline or
// is cancelled meanwhile: it answers at once or is in trouble.
const patience = time.Second

// kernel is one conversation over netlink, about one family of addresses.
type kernel struct {
	ctx    context.Context
	family int // unix.AF_INET or AF_INET6
	h      *netlink.Handle
}

func (a Address) family() int {
	if a.Prefix.Addr().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func open(ctx context.Context, family int) (*kernel, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &kernel{ctx: ctx, family: family, h: h}, nil
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

// look asks for all addresses of the family, then all links: an address whose link
// has gone in between is gone too.
func (k *kernel) look() (view, error) {
	var v view
	addrs, err := list(k, func() ([]netlink.Addr, error) { return k.h.AddrList(nil, k.family) })
	if err != nil {
		return v, k.explain("list addresses", err)
	}
	links, err := list(k, k.h.LinkList)
	if err != nil {
		return v, k.explain("list links", err)
	}
	var runs6 map[int]bool
	if k.family == unix.AF_INET6 {
		if runs6, err = k.inet6(); err != nil {
			return v, err
		}
	}
	for _, at := range links {
		l := toLink(at.Attrs())
		on, has := runs6[l.index]
		l.inet6, l.off6 = has, has && !on
		v.links = append(v.links, l)
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
		on:       at.RawFlags&unix.IFF_UP != 0,
		up:       at.RawFlags&alive == alive,
		loopback: at.RawFlags&unix.IFF_LOOPBACK != 0,
		silent:   at.RawFlags&(unix.IFF_NOARP|unix.IFF_LOOPBACK) != 0,
		mtu:      at.MTU,
	}
}

func toEntry(a netlink.Addr) (entry, bool) {
	if a.IPNet == nil {
		return entry{}, false
	}
	reach := a.IPNet
	if a.Peer != nil {
		reach = a.Peer
	}
	ip, ok := toAddr(a.IPNet)
	far, ok2 := toAddr(reach)
	bits, _ := reach.Mask.Size()
	if !ok || !ok2 {
		return entry{}, false
	}
	e := entry{link: a.LinkIndex, addr: ip, network: netip.PrefixFrom(far, bits).Masked()}
	// IFA_F_SECONDARY's bit means "temporary" in IPv6, which is nothing to us.
	if ip.Is4() {
		e.secondary = a.Flags&unix.IFA_F_SECONDARY != 0
		return e, true
	}
	e.unsettled = a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_OPTIMISTIC|unix.IFA_F_DADFAILED) != 0
	e.deprecated = a.Flags&unix.IFA_F_DEPRECATED != 0
	return e, true
}

// toAddr goes by the mask: a library may hold an IPv4 address in four bytes or in
// sixteen.
func toAddr(n *net.IPNet) (netip.Addr, bool) {
	if len(n.Mask) == net.IPv4len {
		return netip.AddrFromSlice(n.IP.To4())
	}
	return netip.AddrFromSlice(n.IP)
}

// add puts the address on the link, as the view of it asks for.
func (k *kernel) add(a Address, l link, v view) error {
	if err := k.arm(); err != nil {
		return err
	}
	ip := a.Prefix.Addr()
	addr := &netlink.Addr{
		IPNet:     &net.IPNet{IP: ip.AsSlice(), Mask: net.CIDRMask(a.Prefix.Bits(), ip.BitLen())},
		LinkIndex: l.index,
	}
	if ip.Is4() {
		addr.Broadcast = a.broadcast().AsSlice()
	} else {
		// Probe has asked, in a fifth of the time. Until the kernel had, the address
		// would be tentative: nobody could use it.
		addr.Flags = unix.IFA_F_NODAD
	}
	if a.reached(v, l.index) {
		addr.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.shy(v, l.index) {
		var forever uint32 = math.MaxUint32
		addr.ValidLft, addr.PreferedLft = int(forever), 0
	}
	err := k.h.AddrAdd(nil, addr)
	switch {
	case errors.Is(err, unix.EEXIST):
		return nil // somebody was faster; the second look decides
	case errors.Is(err, unix.EACCES) && ip.Is6():
		return fmt.Errorf("%w on %s: it was switched off meanwhile", ErrNoIPv6, l.name)
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
		Peer:      &net.IPNet{IP: e.network.Addr().AsSlice(), Mask: net.CIDRMask(e.network.Bits(), e.addr.BitLen())},
		LinkIndex: l.index,
	})
	if errors.Is(err, unix.EADDRNOTAVAIL) || errors.Is(err, unix.ENODEV) {
		return nil // gone meanwhile; the second look decides
	}
	return k.explain("remove from "+l.name, err)
}
