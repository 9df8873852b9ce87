package vip

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	alice = mac{0x02, 0, 0, 0, 0, 0xa1}
	bob   = mac{0x02, 0, 0, 0, 0, 0xb0}
	same  = cmp.Options{cmp.AllowUnexported(arp{}), cmpopts.EquateComparable(netip.Addr{})}
)

func TestFrames(t *testing.T) {
	vip := ip("192.0.2.5")
	for name, tc := range map[string]struct {
		frame arp
		want  string
	}{
		"probe": {
			probe(alice, vip),
			"\x00\x01\x08\x00\x06\x04\x00\x01" + "\x02\x00\x00\x00\x00\xa1\x00\x00\x00\x00" + "\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x05",
		},
		"announcement": {
			announcement(alice, vip, false),
			"\x00\x01\x08\x00\x06\x04\x00\x01" + "\x02\x00\x00\x00\x00\xa1\xc0\x00\x02\x05" + "\x00\x00\x00\x00\x00\x00\xc0\x00\x02\x05",
		},
		"announcement as a reply": {
			announcement(alice, vip, true),
			"\x00\x01\x08\x00\x06\x04\x00\x02" + "\x02\x00\x00\x00\x00\xa1\xc0\x00\x02\x05" + "\x02\x00\x00\x00\x00\xa1\xc0\x00\x02\x05",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.frame.marshal()
			if diff := cmp.Diff([]byte(tc.want), got); diff != "" {
				t.Fatalf("-want +got\n%s", diff)
			}
			// Ethernet pads to 46 bytes, with anything.
			back, err := parseARP(append(got, bytes.Repeat([]byte{0xaa}, 18)...))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.frame, back, same); diff != "" {
				t.Fatalf("-want +got\n%s", diff)
			}
		})
	}
}

func TestClaimsAndProbes(t *testing.T) {
	vip, other := ip("192.0.2.5"), ip("192.0.2.6")
	for name, tc := range map[string]struct {
		frame          arp
		claims, probes bool
	}{
		"probe":                 {probe(bob, vip), false, true},
		"probe for another":     {probe(bob, other), false, false},
		"announcement":          {announcement(bob, vip, false), true, false},
		"announcement as reply": {announcement(bob, vip, true), true, false},
		"announces another":     {announcement(bob, other, false), false, false},
		"answer to our probe":   {arp{op: arpReply, sender: bob, senderIP: vip, target: alice, targetIP: netip.IPv4Unspecified()}, true, false},
		"asks for it":           {arp{op: arpRequest, sender: bob, senderIP: other, targetIP: vip}, false, false},
		"asks with it":          {arp{op: arpRequest, sender: bob, senderIP: vip, targetIP: other}, true, false},
		"reply from nobody":     {arp{op: arpReply, sender: bob, senderIP: netip.IPv4Unspecified(), targetIP: vip}, false, false},
	} {
		if tc.frame.claims(vip) != tc.claims || tc.frame.probes(vip) != tc.probes {
			t.Errorf("%s: claims %v, probes %v", name, tc.frame.claims(vip), tc.frame.probes(vip))
		}
	}
}

func TestParseRefuses(t *testing.T) {
	whole := announcement(alice, ip("192.0.2.5"), false).marshal()
	for at, name := range map[int]string{1: "hardware type", 2: "protocol type", 4: "hardware length", 5: "protocol length"} {
		b := bytes.Clone(whole)
		b[at]++
		if _, err := parseARP(b); !errors.Is(err, errNotARP) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range whole {
		if _, err := parseARP(whole[:n]); !errors.Is(err, errNotARP) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// Whatever is read is written again as it was, and nothing makes it panic.
func FuzzARP(f *testing.F) {
	f.Add([]byte{})
	f.Add(probe(alice, ip("192.0.2.5")).marshal())
	f.Add(announcement(bob, ip("192.0.2.5"), true).marshal())
	f.Add(make([]byte, arpLen-1))
	f.Add(append(probe(bob, ip("255.255.255.255")).marshal(), 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		frame, err := parseARP(b)
		if err != nil {
			if !errors.Is(err, errNotARP) {
				t.Fatal(err)
			}
			return
		}
		if got := frame.marshal(); !bytes.Equal(got, b[:arpLen]) {
			t.Fatalf("\n got % x\nwant % x", got, b[:arpLen])
		}
		if frame.claims(ip("192.0.2.5")) && frame.probes(ip("192.0.2.5")) {
			t.Fatal("it both claims and probes")
		}
		heard(t, Address{Prefix: netip.PrefixFrom(ip("192.0.2.5"), 24)}, b)
	})
}
