package vip

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var same6 = cmp.Options{cmp.AllowUnexported(nd{}), cmpopts.EquateComparable(netip.Addr{})}

// The checksums were computed apart from this package.
func TestFrames6(t *testing.T) {
	vip := ip("2001:db8:0:1::12:345")
	address := "\x20\x01\x0d\xb8\x00\x00\x00\x01\x00\x00\x00\x00\x00\x12\x03\x45"
	for name, tc := range map[string]struct {
		frame nd
		want  string
	}{
		"solicitation": {
			solicitation(vip),
			"\x60\x00\x00\x00\x00\x18\x3a\xff" + string(make([]byte, 16)) +
				"\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\xff\x12\x03\x45" +
				"\x87\x00\x46\x40\x00\x00\x00\x00" + address,
		},
		"advertisement": {
			advertisement(alice, vip),
			"\x60\x00\x00\x00\x00\x20\x3a\xff" + address +
				"\xff\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
				"\x88\x00\xf1\xdc\x20\x00\x00\x00" + address +
				"\x02\x01\x02\x00\x00\x00\x00\xa1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.frame.marshal()
			if diff := cmp.Diff([]byte(tc.want), got); diff != "" {
				t.Fatalf("-want +got\n%s", diff)
			}
			// What follows is padding, and no part of it.
			back, err := parseND(append(got, bytes.Repeat([]byte{0xaa}, 18)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.frame, back, same6); diff != "" {
				t.Fatalf("-want +got\n%s", diff)
			}
		})
	}
}

func TestGroups(t *testing.T) {
	group := solicitedNode(ip("2001:db8::1234:5678"))
	if group != ip("ff02::1:ff34:5678") || groupMAC(group) != (mac{0x33, 0x33, 0xff, 0x34, 0x56, 0x78}) {
		t.Fatalf("%s at %v", group, groupMAC(group).hardware())
	}
	if m := groupMAC(allNodes); m != (mac{0x33, 0x33, 0, 0, 0, 1}) {
		t.Fatal(m.hardware())
	}
}

func TestClaimsAndProbes6(t *testing.T) {
	vip, other := ip("2001:db8::5"), ip("2001:db8::6")
	ask := func(src, target netip.Addr) nd {
		return nd{kind: ndSolicitation, src: src, dst: solicitedNode(target), target: target, link: bob}
	}
	answer := nd{kind: ndAdvertisement, flags: ndSolicited | ndOverride, src: vip, dst: other, target: vip, link: bob}
	proxied := nd{kind: ndAdvertisement, src: other, dst: allNodes, target: vip, link: bob}
	for name, tc := range map[string]struct {
		frame          nd
		claims, probes bool
	}{
		"probe":                     {solicitation(vip), false, true},
		"probe for another":         {solicitation(other), false, false},
		"advertisement":             {advertisement(bob, vip), true, false},
		"advertises another":        {advertisement(bob, other), false, false},
		"answer to somebody":        {answer, true, false},
		"advertised from elsewhere": {proxied, true, false},
		"asks for it":               {ask(other, vip), false, false},
		"asks with it":              {ask(vip, other), true, false},
	} {
		if tc.frame.claims(vip) != tc.claims || tc.frame.probes(vip) != tc.probes {
			t.Errorf("%s: claims %v, probes %v", name, tc.frame.claims(vip), tc.frame.probes(vip))
		}
	}
}

// signed gives changed bytes the checksum that is right for them, so that it is the
// change that is refused.
func signed(b []byte) []byte {
	binary.BigEndian.PutUint16(b[ndCheckAt:], 0)
	binary.BigEndian.PutUint16(b[ndCheckAt:], checksum(b))
	return b
}

func TestParseNDRefuses(t *testing.T) {
	vip := ip("2001:db8::5")
	told, asked := advertisement(alice, vip).marshal(), solicitation(vip).marshal()
	with := func(b []byte, at int, v ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], v)
		return signed(b)
	}
	group := allNodes.As16()
	answered := advertisement(alice, vip)
	answered.flags |= ndSolicited
	named := solicitation(vip)
	named.link = bob
	stray := solicitation(vip)
	stray.dst = allNodes
	for name, b := range map[string][]byte{
		"version":                       with(told, 0, 0x40),
		"next header":                   with(told, 6, 17),
		"hop limit":                     with(told, 7, 254),
		"type":                          with(told, ipv6Len, 134),
		"code":                          with(told, ipv6Len+1, 1),
		"target is a group":             with(told, ndTargetAt, group[:]...),
		"length of nothing":             with(told, 4, 0, 0),
		"length less than the header":   with(told, 4, 0, ndLen-1),
		"length more than there is":     with(told, 4, 0, 33),
		"option of no length":           with(told, ndLeast+1, 0),
		"option longer than the frame":  with(told, ndLeast+1, 2),
		"half an option":                with(told, 4, 0, ndLen+1),
		"checksum":                      append(told[:len(told)-1:len(told)-1], 0),
		"answer to a group":             answered.marshal(),
		"from nobody, with an address":  named.marshal(),
		"from nobody, to another group": stray.marshal(),
	} {
		if f, err := parseND(b); !errors.Is(err, errNotND) {
			t.Errorf("%s: %+v, %v", name, f, err)
		}
	}
	for _, whole := range [][]byte{told, asked} {
		for n := range whole {
			if _, err := parseND(whole[:n]); !errors.Is(err, errNotND) {
				t.Errorf("%d bytes: %v", n, err)
			}
		}
		// Any byte that changes on the way is noticed, but for those that nothing covers.
		for at := range whole {
			b := bytes.Clone(whole)
			b[at] ^= 0x04
			if _, err := parseND(b); err == nil && at > 3 {
				t.Errorf("byte %d changed unnoticed", at)
			}
		}
	}
}

// Others' frames carry what ours do not.
func TestParseNDAccepts(t *testing.T) {
	vip := ip("2001:db8::5")
	nonce := []byte{14, 1, 1, 2, 3, 4, 5, 6} // RFC 3971, 5.3.2, sent by Linux with probes
	extend := func(f nd, more ...byte) []byte {
		b := append(f.marshal(), more...)
		binary.BigEndian.PutUint16(b[4:], uint16(len(b)-ipv6Len))
		return signed(b)
	}
	classed := advertisement(alice, vip)
	b := classed.marshal()
	b[0], b[1], b[2], b[3] = 0x6c, 0x0a, 0xbc, 0xde // traffic class and flow label
	long := advertisement(mac{}, vip)
	for name, tc := range map[string]struct {
		frame []byte
		want  nd
	}{
		"a probe with a nonce":             {extend(solicitation(vip), nonce...), solicitation(vip)},
		"an option more":                   {extend(advertisement(alice, vip), nonce...), advertisement(alice, vip)},
		"class and flow":                   {b, advertisement(alice, vip)},
		"an address as long as InfiniBand": {extend(long, append([]byte{ndTargetLink, 3}, make([]byte, 22)...)...), long},
		"the other kind of address":        {extend(long, slices.Concat([]byte{ndSourceLink, 1}, bob[:])...), long},
	} {
		got, err := parseND(tc.frame)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got, same6); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
}

// Nothing makes it panic, what is read is written and read again as the same, and
// only a frame with the right checksum is read. The bytes come a second time with
// that put right, as the fuzzer would not find it.
func FuzzND(f *testing.F) {
	vip := ip("2001:db8::5")
	f.Add([]byte{})
	f.Add(solicitation(vip).marshal())
	f.Add(advertisement(bob, vip).marshal())
	f.Add(advertisement(mac{}, vip).marshal())
	f.Add(append(solicitation(ip("fe80::5")).marshal(), 14, 1, 1, 2, 3, 4, 5, 6))
	f.Add(make([]byte, ndLeast))
	f.Fuzz(func(t *testing.T, b []byte) {
		readND(t, b)
		if len(b) < ndLeast {
			return
		}
		b = bytes.Clone(b)
		b[0], b[6], b[7] = b[0]&0xf|0x60, icmpv6, ndHopLimit
		b[ipv6Len], b[ipv6Len+1] = ndSolicitation+b[ipv6Len]&1, 0
		binary.BigEndian.PutUint16(b[4:], uint16(min(len(b)-ipv6Len, 0xffff)))
		readND(t, signed(b))
	})
}

func readND(t *testing.T, b []byte) {
	t.Helper()
	frame, err := parseND(b)
	if err != nil {
		if !errors.Is(err, errNotND) {
			t.Fatal(err)
		}
		return
	}
	if length := int(binary.BigEndian.Uint16(b[4:])); checksum(b[:ipv6Len+length]) != 0 {
		t.Fatal("read with a wrong checksum")
	}
	again, err := parseND(frame.marshal())
	if err != nil || again != frame {
		t.Fatalf("%+v written and read is %+v, %v", frame, again, err)
	}
	vip := ip("2001:db8::5")
	if frame.claims(vip) && frame.probes(vip) {
		t.Fatal("it both claims and probes")
	}
	heard(t, Address{Prefix: netip.PrefixFrom(vip, 64)}, b)
}

// heard: what is taken from a frame is well formed.
func heard(t *testing.T, a Address, b []byte) {
	t.Helper()
	if c, ok := a.hear(letter{alice, b}); ok != c.Found() || ok && (len(c.MAC) != 6 || c.Addr != a.Prefix.Addr()) {
		t.Fatalf("%+v, %v", c, ok)
	}
}
