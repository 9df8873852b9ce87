package vip

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct{ prefix, nic, want string }{
		{"10.0.0.5/24", "", "10.0.0.5/24"},
		{"10.0.0.5/24", "eth0", "10.0.0.5/24 on eth0"},
		{"10.0.0.5/24", "bond0.100", "10.0.0.5/24 on bond0.100"},
		{"10.0.0.5/32", "", "10.0.0.5/32"},
		{"10.0.0.4/31", "", "10.0.0.4/31"},
		{"10.0.0.5/31", "", "10.0.0.5/31"},
		{"10.0.1.0/16", "", "10.0.1.0/16"},
		{"10.0.0.255/16", "", "10.0.0.255/16"},
		{"169.254.1.1/16", "", "169.254.1.1/16"},
		{"2001:db8::5/64", "", "2001:db8::5/64"},
		{"2001:0DB8:0::5/64", "eth0", "2001:db8::5/64 on eth0"},
		{"2001:db8::5/128", "", "2001:db8::5/128"},
		{"2001:db8::4/127", "", "2001:db8::4/127"},
		{"2001:db8::ffff/112", "", "2001:db8::ffff/112"},
		{"fd00::5/8", "", "fd00::5/8"},
		{"fe80::5/64", "eth0", "fe80::5/64 on eth0"},
	} {
		a, err := Parse(tc.prefix, tc.nic)
		if err != nil || a.String() != tc.want || a.Link != tc.nic {
			t.Errorf("%s: %v, %v", tc.prefix, a, err)
		}
	}
}

func TestParseSays(t *testing.T) {
	for _, tc := range []struct{ prefix, nic, want string }{
		{"10.0.0.5", "", "has no prefix length: write it as 10.0.0.5/24"},
		{"", "", "not an address with a prefix length"},
		{"10.0.0.5/33", "", "not an address"},
		{"10.0.0.5/255.255.255.0", "", "not an address"},
		{"10.0.0/24", "", "not an address"},
		{" 10.0.0.5/24", "", "not an address"},
		{"db1/24", "", "not an address"},
		{"10.0.0.0/24", "", "the network's own address"},
		{"10.0.0.0/8", "", "the network's own address"},
		{"10.0.0.255/24", "", "the network's broadcast address"},
		{"10.0.0.7/30", "", "the network's broadcast address"},
		{"255.255.255.255/32", "", "broadcast address of every network"},
		{"0.0.0.0/0", "", "is the unspecified address: use a host's, such as "},
		{"0.0.0.5/24", "", "0.0.0.0/8"},
		{"10.0.0.5/0", "", "prefix length of 0"},
		{"127.0.0.1/8", "", "loopback"},
		{"224.0.0.18/24", "", "multicast"},
		{"239.1.1.1/32", "", "multicast"},
		{"2001:db8::5", "", "has no prefix length: write it as 2001:db8::5/64"},
		{"2001:db8::5/129", "", "not an address"},
		{"2001:db8::g/64", "", "not an address"},
		{"[2001:db8::5]/64", "", "not an address"},
		{"fe80::5%eth0", "", "fe80::5 has a zone: leave \"%eth0\" out and name the nic instead"},
		{"fe80::5%eth0/64", "", "fe80::5 has a zone: leave \"%eth0\" out and name the nic instead"},
		{"fe80::5/64", "", "no link name: fe80::5/64 is link-local and needs one"},
		{"::ffff:10.0.0.5/120", "eth0", "is an IPv4 address: write it as 10.0.0.5/24"},
		{"::ffff:10.0.0.5/64", "", "is an IPv4 address: write it as 10.0.0.5/24"},
		{"::/64", "", "is the unspecified address: use a host's, such as "},
		{"::1/128", "", "loopback"},
		{"ff02::1/16", "eth0", "multicast"},
		{"ff05::5/128", "", "multicast"},
		{"2001:db8::5/0", "", "prefix length of 0"},
		{"2001:db8::/64", "", "the network's own address"},
		{"2001:db8::4/126", "", "the network's own address"},
		{"10.0.0.5/24", "eth0 ", "no link name"},
		{"10.0.0.5/24", "..", "no link name"},
		{"2001:db8::5/64", "eth0/1", "no link name"},
		{"10.0.0.5/24", strings.Repeat("e", 128), "no link name: 128 bytes are too long"},
	} {
		_, err := Parse(tc.prefix, tc.nic)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q: %v; want ... %s", tc.prefix, tc.nic, err, tc.want)
			continue
		}
		if named := strings.Contains(tc.want, "link"); errors.Is(err, ErrLinkName) != named {
			t.Errorf("%q %q: ErrLinkName is not told apart: %v", tc.prefix, tc.nic, err)
		}
		if len(err.Error()) > 128 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: no short line: %v", tc.prefix, err)
		}
	}
}

// Nothing makes it panic; what is accepted is written and read again as the same,
// and is an address a host can hold. What is refused is refused in one line.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"10.0.0.5/24", "2001:db8::5/64", "fe80::5/64", "fe80::5%eth0/64", "::ffff:10.0.0.5/120", "::ffff:0:0/96", "10.0.0.4/31", "::/0", "ff02::1/16", "/", "%", "",
	} {
		f.Add(s, "")
		f.Add(s, "eth0")
	}
	f.Fuzz(func(t *testing.T, prefix, nic string) {
		a, err := Parse(prefix, nic)
		if err != nil {
			if a != (Address{}) || strings.ContainsAny(err.Error(), "\n\x00") {
				t.Fatalf("%v with %v", a, err)
			}
			return
		}
		ip := a.Prefix.Addr()
		if ip.IsMulticast() || ip.IsLoopback() || ip.IsUnspecified() || ip.Is4In6() || ip.Zone() != "" || a.Prefix.Bits() < 1 {
			t.Fatalf("%q is accepted as %v", prefix, a)
		}
		again, err := Parse(a.Prefix.String(), a.Link)
		if err != nil || again != a {
			t.Fatalf("%v is read again as %v, %v", a, again, err)
		}
		if six := ip.Is6(); a.broadcast().IsValid() != (!six && a.Prefix.Bits() < 31) {
			t.Fatalf("%v has broadcast %v", a, a.broadcast())
		}
	})
}

func TestErrorsReadAsOneSentence(t *testing.T) {
	a := parse(t, "10.0.0.5/24", "eth0")
	_, err := a.home(view{})
	for err, want := range map[error]string{
		a.wrap(err):              "vip 10.0.0.5/24 on eth0: no link for it: eth0 does not exist",
		a.wrap(context.Canceled): "vip 10.0.0.5/24 on eth0: context canceled",
	} {
		if err.Error() != want {
			t.Errorf("\n got %s\nwant %s", err, want)
		}
	}
	if a.wrap(nil) != nil {
		t.Error("an error out of nothing")
	}
	// Of an exit reason the cluster keeps 128 bytes: who has it is among them.
	long := parse(t, "2001:db8:1234:5678:9abc:def0:1234:5678/64", "enp193s0f0np0")
	who := Conflict{Addr: long.Prefix.Addr(), Link: long.Link, MAC: hw(t, "02:00:00:00:00:99")}
	reason := "virtual ip: " + long.wrap(fmt.Errorf("%w: %s", ErrConflict, who)).Error()
	if !strings.Contains(reason[:125], who.MAC.String()) {
		t.Errorf("cut before it says who: %s", reason[:125])
	}
	c := Conflict{Addr: ip("10.0.0.5"), Link: "eth0", MAC: hw(t, "02:00:00:00:00:99")}
	asks := c
	asks.Probing = true
	for c, want := range map[string]string{
		Conflict{}.String(): "no conflict",
		c.String():          "02:00:00:00:00:99 has 10.0.0.5 on eth0",
		asks.String():       "02:00:00:00:00:99 probes for 10.0.0.5 on eth0 too",
	} {
		if c != want {
			t.Errorf("got %q, want %q", c, want)
		}
	}
}
