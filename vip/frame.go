package vip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// ARP over Ethernet for IPv4 (RFC 826), in the forms RFC 5227 gives to probes
// and announcements. Nothing here does I/O.

// arpLen is the length in bytes of a frame with hardware addresses of 6 and
// protocol addresses of 4.
const arpLen = 28

// RFC 826, "Definitions".
const (
	arpEthernet = 1      // ar$hrd
	arpIPv4     = 0x0800 // ar$pro
	arpRequest  = 1      // ar$op
	arpReply    = 2      // ar$op
)

type mac [6]byte

// arp is one frame without its Ethernet header.
type arp struct {
	op       uint16
	sender   mac
	senderIP netip.Addr
	target   mac
	targetIP netip.Addr
}

var errNotARP = errors.New("not an ARP frame of IPv4 over Ethernet")

// probe asks who has ip. The sender's address is all zero so that nobody's
// cache learns an answer nobody gave (RFC 5227, 1.1 and 2.1.1).
func probe(from mac, ip netip.Addr) arp {
	return arp{op: arpRequest, sender: from, senderIP: netip.IPv4Unspecified(), targetIP: ip}
}

// announcement is a request for ip by ip itself (RFC 5227, 1.1: the target's
// hardware address is zero) or, where asReply, the reply form: some neighbours
// heed only one of the two. The reply's target is the sender (RFC 5944, 4.6).
func announcement(from mac, ip netip.Addr, asReply bool) arp {
	f := arp{op: arpRequest, sender: from, senderIP: ip, targetIP: ip}
	if asReply {
		f.op, f.target = arpReply, from
	}
	return f
}

// claims reports whether the frame says that its sender has ip: any frame with
// it as the sender's address, request or reply (RFC 5227, 2.1.1).
func (f arp) claims(ip netip.Addr) bool { return f.senderIP == ip }

// probes reports whether the frame is another host's probe for ip.
func (f arp) probes(ip netip.Addr) bool {
	return f.op == arpRequest && f.senderIP.IsUnspecified() && f.targetIP == ip
}

// marshal writes the frame in network order. Both addresses must be IPv4: only
// this package makes frames, and only of checked addresses.
func (f arp) marshal() []byte {
	b := make([]byte, 0, arpLen)
	b = binary.BigEndian.AppendUint16(b, arpEthernet)
	b = binary.BigEndian.AppendUint16(b, arpIPv4)
	b = append(b, 6, 4) // ar$hln, ar$pln
	b = binary.BigEndian.AppendUint16(b, f.op)
	b = append(b, f.sender[:]...)
	b = append(b, f.senderIP.AsSlice()...)
	b = append(b, f.target[:]...)
	return append(b, f.targetIP.AsSlice()...)
}

// parseARP reads a frame; what follows its 28 bytes is Ethernet's padding.
func parseARP(b []byte) (arp, error) {
	if len(b) < arpLen {
		return arp{}, fmt.Errorf("%w: %d bytes", errNotARP, len(b))
	}
	if binary.BigEndian.Uint16(b) != arpEthernet || binary.BigEndian.Uint16(b[2:]) != arpIPv4 || b[4] != 6 || b[5] != 4 {
		return arp{}, fmt.Errorf("%w: it begins with % x", errNotARP, b[:6])
	}
	return arp{
		op:       binary.BigEndian.Uint16(b[6:]),
		sender:   mac(b[8:14]),
		senderIP: netip.AddrFrom4([4]byte(b[14:18])),
		target:   mac(b[18:24]),
		targetIP: netip.AddrFrom4([4]byte(b[24:28])),
	}, nil
}
