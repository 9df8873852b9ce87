package vip

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// What a caller can act on. Every error that wraps one of these names the link
// or the host it speaks of.
var (
	ErrConflict  = errors.New("in use by another host")
	ErrNoLink    = errors.New("no link for it")
	ErrLinkDown  = errors.New("link is down")
	ErrIPv6      = errors.New("ipv6 is not supported yet")
	ErrElsewhere = errors.New("held on another link")
)

// Address is one prefix on one link.
type Address struct {
	// Link is a name or an alternative name. Empty means the link whose
	// connected network contains the address.
	Link string
	// Prefix is the address itself with the length of its network's prefix.
	Prefix netip.Prefix
}

// Conflict is another host's claim to the address.
type Conflict struct {
	Addr netip.Addr
	Link string           // where it was heard
	MAC  net.HardwareAddr // who claims it; nil when nobody does
	// Probing is true when the other host only asks, as we do. RFC 5227, 2.1.1
	// counts that as a conflict: without it both would go on.
	Probing bool
}

// Found reports whether there is a conflict at all.
func (c Conflict) Found() bool { return c.MAC != nil }

func (c Conflict) String() string {
	switch {
	case !c.Found():
		return "no conflict"
	case c.Probing:
		return fmt.Sprintf("%s probes for %s on %s too", c.MAC, c.Addr, c.Link)
	}
	return fmt.Sprintf("%s has %s on %s", c.MAC, c.Addr, c.Link)
}

// Parse reads "10.0.0.5/24" and a link's name, which may be empty. It refuses
// what no host can hold as an address of its own, so that the mistake is seen
// when the configuration is checked and not when a primary is promoted.
func Parse(prefix, nic string) (Address, error) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		if ip, bad := netip.ParseAddr(prefix); bad == nil {
			return Address{}, fmt.Errorf("%s has no prefix length: write it as %s/24", ip, ip)
		}
		return Address{}, fmt.Errorf("%q is not an address with a prefix length, such as 10.0.0.5/24", prefix)
	}
	a := Address{Link: nic, Prefix: p}
	if err := a.check(); err != nil {
		return Address{}, err
	}
	if err := checkName(nic); err != nil {
		return Address{}, err
	}
	return a, nil
}

// String is the address, and the link when one is named.
func (a Address) String() string {
	if a.Link == "" {
		return a.Prefix.String()
	}
	return a.Prefix.String() + " on " + a.Link
}

// check is repeated by every method: an Address may be built without Parse.
func (a Address) check() error {
	ip := a.Prefix.Addr()
	switch {
	case !a.Prefix.IsValid():
		return errors.New("no address given")
	case !ip.Is4():
		return fmt.Errorf("%s: %w", a.Prefix, ErrIPv6)
	case ip.IsUnspecified():
		return fmt.Errorf("%s is the unspecified address", a.Prefix)
	case ip.As4()[0] == 0:
		return fmt.Errorf("%s is in 0.0.0.0/8, which no host may hold", a.Prefix)
	case ip.IsLoopback():
		return fmt.Errorf("%s is a loopback address", a.Prefix)
	case ip.IsMulticast():
		return fmt.Errorf("%s is a multicast address", a.Prefix)
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return fmt.Errorf("%s is the broadcast address of every network", a.Prefix)
	case a.Prefix.Bits() == 0:
		return fmt.Errorf("%s has a prefix length of 0: its network would be everything", a.Prefix)
	}
	// A /31 has two hosts and neither network nor broadcast address (RFC 3021).
	if a.Prefix.Bits() >= 31 {
		return nil
	}
	switch ip {
	case a.Prefix.Masked().Addr():
		return fmt.Errorf("%s is the network's own address, not a host's", a.Prefix)
	case a.broadcast():
		return fmt.Errorf("%s is the network's broadcast address, not a host's", a.Prefix)
	}
	return nil
}

// broadcast is the last address of the prefix, or none where RFC 3021 has none.
func (a Address) broadcast() netip.Addr {
	if a.Prefix.Bits() >= 31 {
		return netip.Addr{}
	}
	b := a.Prefix.Addr().As4()
	mask := net.CIDRMask(a.Prefix.Bits(), 32)
	for i := range b {
		b[i] |= ^mask[i]
	}
	return netip.AddrFrom4(b)
}

// checkName applies the kernel's rules for names and alternative names of links.
func checkName(nic string) error {
	const longest = 127 // ALTIFNAMSIZ less its final NUL
	switch {
	case len(nic) > longest:
		return fmt.Errorf("link name of %d bytes is too long", len(nic))
	case nic == "." || nic == "..", strings.ContainsAny(nic, "/: \t\r\n\v\f\x00"):
		return fmt.Errorf("%q is not a link name", nic)
	}
	return nil
}

// wrap puts the address in front, so that the error reads as one sentence.
func (a Address) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("vip %s: %w", a, err)
}
