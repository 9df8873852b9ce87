package vip

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// view is what the kernel said at one moment. The decisions on it are pure.
type view struct {
	links   []link
	entries []entry
}

type link struct {
	index    int
	name     string
	alt      []string
	mac      net.HardwareAddr
	perm     net.HardwareAddr // a bond's ports keep theirs here
	on       bool             // administratively up
	up       bool             // that, and with a carrier
	loopback bool
	silent   bool // no neighbours: there is nobody to ask or to tell
	mtu      int
	inet6    bool // the kernel runs IPv6 here at all; known only to a view of IPv6
	off6     bool // and is told not to, by disable_ipv6
}

// entry is one address on one link.
type entry struct {
	link      int
	addr      netip.Addr
	network   netip.Prefix // what it makes directly reachable: the peer's for a point-to-point address
	secondary bool         // IPv4: goes together with the first of its network
	// IPv6: the kernel has not made sure, or knows better, that nobody else has it.
	// Tentative, optimistic and dadfailed addresses are all that, and it answers for
	// none of them as for its own.
	unsettled  bool
	deprecated bool // IPv6: no source of new connections
}

func (v view) byName(name string) (link, bool) {
	for _, l := range v.links {
		if l.name == name || slices.Contains(l.alt, name) {
			return l, true
		}
	}
	return link{}, false
}

func (v view) byIndex(index int) (link, bool) {
	i := slices.IndexFunc(v.links, func(l link) bool { return l.index == index })
	if i < 0 {
		return link{}, false
	}
	return v.links[i], true
}

// holding lists the entries of ip, whatever their prefix length: the host
// answers for the address with any of them.
func (v view) holding(ip netip.Addr) []entry {
	var got []entry
	for _, e := range v.entries {
		if e.addr == ip {
			got = append(got, e)
		}
	}
	return got
}

// ours reports whether mac belongs to this host.
func (v view) ours(mac net.HardwareAddr) bool {
	return slices.ContainsFunc(v.links, func(l link) bool {
		return slices.Equal(l.mac, mac) || slices.Equal(l.perm, mac)
	})
}

// down is nil where the link carries frames, else what to do about it.
func (l link) down() error {
	switch {
	case l.up:
		return nil
	case !l.on:
		return fmt.Errorf("%w: %s is switched off, use ip link set %s up", ErrLinkDown, l.name, l.name)
	}
	return fmt.Errorf("%w: %s has no carrier, see to its cable or port", ErrLinkDown, l.name)
}

// ready is nil where the link can hold the address and carries frames.
func (l link) ready(ip netip.Addr) error {
	if err := l.down(); err != nil {
		return err
	}
	return l.speaks(ip)
}

// least6 is the smallest MTU of IPv6 (RFC 8200, 5), in bytes: the kernel does not
// run it below.
const least6 = 1280

// speaks is nil where the link can hold an address of that family, else what to
// do about it.
func (l link) speaks(ip netip.Addr) error {
	switch {
	case ip.Is4() || l.inet6 && !l.off6:
		return nil
	case l.inet6:
		return fmt.Errorf("%w on %s: set net.ipv6.conf.%s.disable_ipv6=0", ErrNoIPv6, l.name, l.name)
	case l.mtu < least6:
		return fmt.Errorf("%w on %s: its mtu is %d, and has to be %d at least", ErrNoIPv6, l.name, l.mtu, least6)
	}
	return fmt.Errorf("%w on %s: the kernel runs without it", ErrNoIPv6, l.name)
}

// dependents lists the entries the kernel would drop together with e: when the
// primary address of a network goes, so do its secondaries, unless
// promote_secondaries is set.
func (v view) dependents(e entry) []entry {
	if e.secondary {
		return nil
	}
	var got []entry
	for _, d := range v.entries {
		if d.secondary && d.link == e.link && d.network == e.network {
			got = append(got, d)
		}
	}
	return got
}

// home is the link the address belongs on.
func (a Address) home(v view) (link, error) {
	if a.Link != "" {
		l, ok := v.byName(a.Link)
		if !ok {
			return link{}, fmt.Errorf("%w: %s does not exist", ErrNoLink, a.Link)
		}
		return l, nil
	}
	near := a.neighbourhood(v)
	held := v.holding(a.Prefix.Addr())
	for _, e := range held {
		l, ok := v.byIndex(e.link)
		// Where no link has another address of the network, the one the
		// address is on is the only one that can be meant.
		if ok && (len(near) == 0 || slices.ContainsFunc(near, func(n link) bool { return n.index == l.index })) {
			return l, nil
		}
	}
	switch len(near) {
	case 0:
		return link{}, fmt.Errorf("%w: no link is on the network of %s, name the nic", ErrNoLink, a.Prefix.Addr())
	case 1:
		return near[0], nil
	}
	// Guessing would put the address on one network today and on another after
	// a reboot.
	return link{}, fmt.Errorf("%w: %s are on its network, name the nic", ErrNoLink, names(near))
}

// neighbourhood lists the links with the smallest connected network around the
// address. The address's own entries say nothing: they may be a stray's.
func (a Address) neighbourhood(v view) []link {
	var near []link
	best := 0
	for _, e := range v.entries {
		bits := e.network.Bits()
		if e.addr == a.Prefix.Addr() || e.network.IsSingleIP() || bits < best || !e.network.Contains(a.Prefix.Addr()) {
			continue
		}
		l, ok := v.byIndex(e.link)
		if !ok || l.loopback {
			continue
		}
		if bits > best {
			best, near = bits, nil
		}
		if !slices.ContainsFunc(near, func(n link) bool { return n.index == l.index }) {
			near = append(near, l)
		}
	}
	return near
}

// elsewhere is nil unless a link other than home holds the address. One that is
// link-local is another address there.
func (a Address) elsewhere(v view, home int) error {
	if a.local() {
		return nil
	}
	var others []link
	for _, e := range v.holding(a.Prefix.Addr()) {
		if l, ok := v.byIndex(e.link); ok && l.index != home {
			others = append(others, l)
		}
	}
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s", ErrElsewhere, names(others))
}

// on lists the entries of the address on one link.
func (a Address) on(v view, index int) []entry {
	return slices.DeleteFunc(v.holding(a.Prefix.Addr()), func(e entry) bool { return e.link != index })
}

// answers reports whether this host answers for the address on the link.
func (a Address) answers(v view, index int) bool {
	return slices.ContainsFunc(a.on(v, index), func(e entry) bool { return !e.unsettled })
}

// reached reports whether the link's own addresses already make the network
// around the address reachable, by a prefix of another length. A second route,
// with the virtual address as its source, would then take over connections that
// this host opens, and they would break when the address moves.
func (a Address) reached(v view, index int) bool {
	ip, mine := a.Prefix.Addr(), a.Prefix.Masked()
	other := false
	for _, e := range v.entries {
		if e.link != index || e.addr == ip {
			continue
		}
		// In the same network the kernel makes ours a secondary, which adds no
		// route; and should it be promoted one day, it has to bring the route.
		// IPv6 has no secondaries: there ours would add a route, of the kernel's
		// metric and not of the one who set up the network, that stays behind when
		// ours goes.
		if e.network == mine && ip.Is4() {
			return false
		}
		other = other || !e.network.IsSingleIP() && e.network.Contains(ip)
	}
	return other
}

// shy reports whether the address has to be kept from becoming the source of
// connections that this host opens, as they would break when it moves. IPv4 looks
// at the route (reached); IPv6 takes the best of the link's addresses that are
// not deprecated (RFC 6724, 5), so ours is deprecated where there is another, or
// will be in a second: the link may have come up just now. Where it turns out to be
// the only one, it serves as a source all the same.
func (a Address) shy(v view, index int) bool {
	ip := a.Prefix.Addr()
	return ip.Is6() && slices.ContainsFunc(v.entries, func(e entry) bool {
		return e.link == index && e.addr != ip && !e.deprecated &&
			e.addr.IsLinkLocalUnicast() == ip.IsLinkLocalUnicast()
	})
}

func names(links []link) string {
	var b strings.Builder
	for i, l := range links {
		if i > 0 {
			b.WriteString(" and ")
		}
		b.WriteString(l.name)
	}
	return b.String()
}
