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
	ErrNoIPv6    = errors.New("no ipv6")
	ErrElsewhere = errors.New("held on another link")
	// ErrLinkName is Parse's alone: the address is right, the link's name is not.
	ErrLinkName = errors.New("no link name")
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

// Parse reads "10.0.0.5/24" or "2001:db8::5/64" and a link's name, which may be
// empty. It refuses what no host can hold as an address of its own, so that the
// mistake is seen when the configuration is checked and not when a primary is
// promoted.
func Parse(prefix, nic string) (Address, error) {
	p, err := netip.ParsePrefix(prefix)
	if err != nil {
		return Address{}, misread(prefix)
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

// misread says what is wrong with a text that is no prefix.
func misread(prefix string) error {
	text, zone, zoned := strings.Cut(prefix, "%")
	ip, err := netip.ParseAddr(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not an address with a prefix length, such as 10.0.0.5/24 or 2001:db8::5/64", prefix)
	case zoned:
		name, _, _ := strings.Cut(zone, "/")
		return fmt.Errorf("%s has a zone: leave %q out and name the nic instead", ip, "%"+name)
	case ip.Is4():
		return fmt.Errorf("%s has no prefix length: write it as %s/24", ip, ip)
	}
	return fmt.Errorf("%s has no prefix length: write it as %s/64", ip, ip)
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
	case ip.Is4In6():
		return fmt.Errorf("%s is an IPv4 address: write it as %s", a.Prefix, unmapped(a.Prefix))
	case ip.IsUnspecified():
		return a.unfit("the unspecified address")
	case ip.Is4() && ip.As4()[0] == 0:
		return a.unfit("in 0.0.0.0/8")
	case ip.IsLoopback():
		return a.unfit("a loopback address")
	case ip.IsMulticast():
		return a.unfit("a multicast address")
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return a.unfit("the broadcast address of every network")
	case a.Prefix.Bits() == 0:
		return fmt.Errorf("%s has a prefix length of 0: its network would be everything", a.Prefix)
	case a.local() && a.Link == "":
		// Every link has the network fe80::/64, so none can be found by it.
		return fmt.Errorf("%w: %s is link-local and needs one", ErrLinkName, a.Prefix)
	}
	// Two bits make four addresses. With one there are two hosts and nothing else:
	// RFC 3021 for a /31, RFC 6164 for a /127.
	if ip.BitLen()-a.Prefix.Bits() <= 1 {
		return nil
	}
	switch ip {
	case a.Prefix.Masked().Addr():
		// IPv6 gives it to all the network's routers (RFC 4291, 2.6.1).
		return a.unfit("the network's own address")
	case a.broadcast():
		return a.unfit("the network's broadcast address")
	}
	return nil
}

// unfit is the answer to an address that is not a host's.
func (a Address) unfit(is string) error {
	like := "10.0.0.5/24"
	if a.Prefix.Addr().Is6() {
		like = "2001:db8::5/64"
	}
	return fmt.Errorf("%s is %s: use a host's, such as %s", a.Prefix, is, like)
}

// unmapped is what somebody who wrote ::ffff:10.0.0.5/120 meant.
func unmapped(p netip.Prefix) netip.Prefix {
	bits := p.Bits() - 96
	if bits <= 0 {
		bits = 24 // no network of IPv4: as in the examples
	}
	return netip.PrefixFrom(p.Addr().Unmap(), bits)
}

// local reports whether the address means another one on every link.
func (a Address) local() bool {
	ip := a.Prefix.Addr()
	return ip.Is6() && ip.IsLinkLocalUnicast()
}

// broadcast is the last address of the prefix, or none where RFC 3021 has none,
// and in IPv6.
func (a Address) broadcast() netip.Addr {
	if !a.Prefix.Addr().Is4() || a.Prefix.Bits() >= 31 {
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
		return fmt.Errorf("%w: %d bytes are too long", ErrLinkName, len(nic))
	case nic == "." || nic == "..", strings.ContainsAny(nic, "/: \t\r\n\v\f\x00"):
		return fmt.Errorf("%w: %q", ErrLinkName, nic)
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
