package vip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// Neighbour discovery for IPv6 over Ethernet (RFC 4861, RFC 2464): solicitations
// as probes (RFC 4862, 5.4.2), unsolicited advertisements as announcements
// (RFC 4861, 7.2.6). Nothing here does I/O.

const (
	ipv6Len    = 40              // RFC 8200, 3
	ndLen      = 24              // RFC 4861, 4.3 and 4.4, without options
	ndLinkLen  = 8               // RFC 4861, 4.6.1, with an Ethernet address
	ndLeast    = ipv6Len + ndLen // the least a frame can have
	icmpv6     = 58              // the next header
	ndHopLimit = 255             // what no router has passed on (RFC 4861, 3.1)
	ndCheckAt  = ipv6Len + 2     // of the checksum
	ndTargetAt = ipv6Len + 8     // of the target
)

// RFC 4861, 4.3, 4.4 and 4.6.1.
const (
	ndSolicitation  = 135
	ndAdvertisement = 136
	ndSolicited     = 0x40 // answers a solicitation
	ndOverride      = 0x20 // replaces what the neighbours know
	ndSourceLink    = 1    // option of a solicitation
	ndTargetLink    = 2    // option of an advertisement
)

// allNodes is every host on the link.
var allNodes = netip.MustParseAddr("ff02::1")

// nd is one solicitation or advertisement with its IPv6 header.
type nd struct {
	kind     byte
	flags    byte // an advertisement's
	src, dst netip.Addr
	target   netip.Addr
	// link is the sender's Ethernet address as the option says it; zero for none.
	link mac
}

var errNotND = errors.New("not a neighbour solicitation or advertisement of IPv6")

// solicitedNode is the group that hosts with ip listen to (RFC 4291, 2.7.1).
func solicitedNode(ip netip.Addr) netip.Addr {
	b := ip.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 0x02, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

// groupMAC is where Ethernet sends an IPv6 group's frames (RFC 2464, 7).
func groupMAC(group netip.Addr) mac {
	b := group.As16()
	return mac{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// solicitation asks who has ip. It comes from nobody, so nobody's cache learns
// anything, and must not say where from (RFC 4862, 5.4.2; RFC 4861, 4.3).
func solicitation(ip netip.Addr) nd {
	return nd{kind: ndSolicitation, src: netip.IPv6Unspecified(), dst: solicitedNode(ip), target: ip}
}

// advertisement says to everyone, unasked, that ip is here now. Without the
// override flag those who know it elsewhere would stay with that.
func advertisement(from mac, ip netip.Addr) nd {
	return nd{kind: ndAdvertisement, flags: ndOverride, src: ip, dst: allNodes, target: ip, link: from}
}

// claims reports whether the frame says that its sender has ip: it advertises it
// (RFC 4862, 5.4.4), or speaks with it.
func (f nd) claims(ip netip.Addr) bool {
	return f.kind == ndAdvertisement && f.target == ip || f.src == ip
}

// probes reports whether the frame is another host's probe for ip (RFC 4862, 5.4.3).
func (f nd) probes(ip netip.Addr) bool {
	return f.kind == ndSolicitation && f.src.IsUnspecified() && f.target == ip
}

// marshal writes the frame in network order, with its checksum. All addresses
// must be IPv6: only this package makes frames, and only of checked addresses.
func (f nd) marshal() []byte {
	length := ndLen
	if f.link != (mac{}) {
		length += ndLinkLen
	}
	b := make([]byte, 0, ipv6Len+length)
	b = append(b, 6<<4, 0, 0, 0) // version, traffic class, flow label
	b = binary.BigEndian.AppendUint16(b, uint16(length))
	b = append(b, icmpv6, ndHopLimit)
	b = append(b, f.src.AsSlice()...)
	b = append(b, f.dst.AsSlice()...)
	b = append(b, f.kind, 0, 0, 0) // code, checksum
	b = append(b, f.flags, 0, 0, 0)
	b = append(b, f.target.AsSlice()...)
	if f.link != (mac{}) {
		b = append(b, f.option(), ndLinkLen/8)
		b = append(b, f.link[:]...)
	}
	binary.BigEndian.PutUint16(b[ndCheckAt:], checksum(b))
	return b
}

// option is the type of the option that says where the sender is.
func (f nd) option() byte {
	if f.kind == ndSolicitation {
		return ndSourceLink
	}
	return ndTargetLink
}

// checksum is that of an ICMPv6 message behind a plain IPv6 header (RFC 4443, 2.3;
// RFC 8200, 8.1), and zero over one whose own is right.
func checksum(b []byte) uint16 {
	body := b[ipv6Len:]
	// The pseudo-header: both addresses, the length, the next header.
	sum := uint32(len(body)) + icmpv6
	for _, part := range [][]byte{b[8:ipv6Len], body} {
		for i := 0; i+1 < len(part); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(part[i:]))
		}
		if len(part)%2 == 1 {
			sum += uint32(part[len(part)-1]) << 8
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// parseND reads a frame that passes RFC 4861, 7.1.1 and 7.1.2; what follows its
// own length is Ethernet's padding.
func parseND(b []byte) (nd, error) {
	if len(b) < ndLeast {
		return nd{}, fmt.Errorf("%w: %d bytes", errNotND, len(b))
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	switch {
	case b[0]>>4 != 6 || b[6] != icmpv6:
		return nd{}, fmt.Errorf("%w: version %d, next header %d", errNotND, b[0]>>4, b[6])
	case length < ndLen || length > len(b)-ipv6Len:
		return nd{}, fmt.Errorf("%w: it claims %d bytes of %d", errNotND, length, len(b)-ipv6Len)
	case b[7] != ndHopLimit:
		return nd{}, fmt.Errorf("%w: hop limit %d, so it is not from this link", errNotND, b[7])
	}
	b = b[:ipv6Len+length]
	f := nd{
		kind:   b[ipv6Len],
		src:    netip.AddrFrom16([16]byte(b[8:24])),
		dst:    netip.AddrFrom16([16]byte(b[24:40])),
		target: netip.AddrFrom16([16]byte(b[ndTargetAt:])),
	}
	switch {
	case f.kind != ndSolicitation && f.kind != ndAdvertisement || b[ipv6Len+1] != 0:
		return nd{}, fmt.Errorf("%w: type %d, code %d", errNotND, f.kind, b[ipv6Len+1])
	case checksum(b) != 0:
		return nd{}, fmt.Errorf("%w: wrong checksum", errNotND)
	case f.target.IsMulticast():
		return nd{}, fmt.Errorf("%w: about the group %s", errNotND, f.target)
	}
	if f.kind == ndAdvertisement {
		f.flags = b[ipv6Len+4]
	}
	if err := f.options(b[ndLeast:]); err != nil {
		return nd{}, err
	}
	switch nobody := f.src.IsUnspecified(); {
	case f.kind == ndSolicitation && nobody && (f.dst != solicitedNode(f.target) || f.link != mac{}):
		return nd{}, fmt.Errorf("%w: from nobody, yet no probe", errNotND)
	case f.kind == ndAdvertisement && f.dst.IsMulticast() && f.flags&ndSolicited != 0:
		return nd{}, fmt.Errorf("%w: an answer to a group", errNotND)
	}
	return f, nil
}

// options takes the sender's Ethernet address out of them; the others, and one
// of another length, say nothing to us.
func (f *nd) options(b []byte) error {
	for len(b) > 0 {
		if len(b) < 2 || b[1] == 0 || 8*int(b[1]) > len(b) {
			return fmt.Errorf("%w: an option that does not fit", errNotND)
		}
		n := 8 * int(b[1])
		if b[0] == f.option() && n == ndLinkLen {
			f.link = mac(b[2:8])
		}
		b = b[n:]
	}
	return nil
}
