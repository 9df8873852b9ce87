package vip

import (
	"context"
	"errors"
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
		{"0.0.0.0/0", "", "unspecified"},
		{"0.0.0.5/24", "", "0.0.0.0/8"},
		{"10.0.0.5/0", "", "prefix length of 0"},
		{"127.0.0.1/8", "", "loopback"},
		{"224.0.0.18/24", "", "multicast"},
		{"239.1.1.1/32", "", "multicast"},
		{"2001:db8::5/64", "", "ipv6 is not supported yet"},
		{"::ffff:10.0.0.5/120", "", "ipv6"},
		{"10.0.0.5/24", "eth0 ", "not a link name"},
		{"10.0.0.5/24", "..", "not a link name"},
		{"10.0.0.5/24", "eth0/1", "not a link name"},
		{"10.0.0.5/24", strings.Repeat("e", 128), "too long"},
	} {
		_, err := Parse(tc.prefix, tc.nic)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %q: %v; want ... %s", tc.prefix, tc.nic, err, tc.want)
			continue
		}
		if v6 := strings.Contains(tc.want, "ipv6"); errors.Is(err, ErrIPv6) != v6 {
			t.Errorf("%q: ErrIPv6 is not told apart: %v", tc.prefix, err)
		}
		if len(err.Error()) > 128 || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: no short line: %v", tc.prefix, err)
		}
	}
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
