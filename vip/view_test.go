package vip

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
)

// host is a view in words: links by their order, "eth0 10.0.0.2/24".
func host(entries ...[2]string) view {
	v := view{links: []link{
		{index: 1, name: "lo", loopback: true, silent: true, up: true},
		{index: 2, name: "eth0", alt: []string{"enp1s0"}, mac: alice[:], up: true},
		{index: 3, name: "eth1", mac: bob[:], perm: []byte{2, 0, 0, 0, 0, 0xff}, up: true},
	}}
	for _, e := range entries {
		l, _ := v.byName(e[0])
		p := netip.MustParsePrefix(e[1])
		v.entries = append(v.entries, entry{link: l.index, addr: p.Addr(), network: p.Masked()})
	}
	return v
}

func TestHome(t *testing.T) {
	for name, tc := range map[string]struct {
		nic  string
		v    view
		want string // "" for ErrNoLink
	}{
		"the link of the network":       {"", host([2]string{"eth0", "10.1.0.2/24"}, [2]string{"eth1", "10.0.0.2/24"}), "eth1"},
		"the smallest network":          {"", host([2]string{"eth1", "10.0.0.3/25"}, [2]string{"eth0", "10.0.0.2/8"}), "eth1"},
		"the smallest network, later":   {"", host([2]string{"eth0", "10.0.0.2/8"}, [2]string{"eth1", "10.0.0.3/25"}), "eth1"},
		"two addresses on one link":     {"", host([2]string{"eth0", "10.0.0.2/24"}, [2]string{"eth0", "10.0.0.3/24"}), "eth0"},
		"two links on one network":      {"", host([2]string{"eth0", "10.0.0.2/24"}, [2]string{"eth1", "10.0.0.3/24"}), ""},
		"two links, one has it":         {"", host([2]string{"eth0", "10.0.0.2/24"}, [2]string{"eth1", "10.0.0.3/24"}, [2]string{"eth1", "10.0.0.5/24"}), "eth1"},
		"a stray does not count":        {"", host([2]string{"eth1", "10.0.0.5/24"}, [2]string{"eth0", "10.0.0.2/24"}), "eth0"},
		"the only one with it":          {"", host([2]string{"eth1", "10.0.0.5/24"}), "eth1"},
		"none":                          {"", host([2]string{"eth0", "10.1.0.2/24"}), ""},
		"a host route is no network":    {"", host([2]string{"eth0", "10.0.0.6/32"}), ""},
		"nobody is beyond the loopback": {"", host([2]string{"lo", "10.0.0.2/24"}), ""},
		"by name":                       {"eth1", host([2]string{"eth0", "10.0.0.2/24"}), "eth1"},
		"by alternative name":           {"enp1s0", host(), "eth0"},
		"by no name":                    {"eth9", host([2]string{"eth0", "10.0.0.2/24"}), ""},
	} {
		a := Address{Link: tc.nic, Prefix: netip.MustParsePrefix("10.0.0.5/24")}
		l, err := a.home(tc.v)
		if l.name != tc.want || errors.Is(err, ErrNoLink) != (tc.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, l.name, err, tc.want)
		}
		// The kernel's order must not matter.
		slices.Reverse(tc.v.entries)
		if again, _ := a.home(tc.v); again.name != l.name {
			t.Errorf("%s: %q the other way round", name, again.name)
		}
	}
}

func TestAmbiguityNamesTheLinks(t *testing.T) {
	a := Address{Prefix: netip.MustParsePrefix("10.0.0.5/24")}
	_, err := a.home(host([2]string{"eth0", "10.0.0.2/24"}, [2]string{"eth1", "10.0.0.3/24"}))
	if want := "no link for it: eth0 and eth1 are on its network, name the nic"; err == nil || err.Error() != want {
		t.Fatalf("%v", err)
	}
}

func TestReached(t *testing.T) {
	a := Address{Prefix: netip.MustParsePrefix("10.0.0.5/24")}
	for name, tc := range map[string]struct {
		v    view
		want bool
	}{
		"nothing there":             {host(), false},
		"its own network":           {host([2]string{"eth0", "10.0.0.2/24"}), false},
		"a larger one":              {host([2]string{"eth0", "10.0.0.2/16"}), true},
		"a smaller one":             {host([2]string{"eth0", "10.0.0.2/28"}), true},
		"a larger one and its own":  {host([2]string{"eth0", "10.0.0.2/16"}, [2]string{"eth0", "10.0.0.3/24"}), false},
		"a smaller one without it":  {host([2]string{"eth0", "10.0.0.130/25"}), false},
		"a larger one of a link":    {host([2]string{"eth1", "10.0.0.2/16"}), false},
		"itself":                    {host([2]string{"eth0", "10.0.0.5/16"}), false},
		"one address of no network": {host([2]string{"eth0", "10.0.0.2/32"}), false},
	} {
		if got := a.reached(tc.v, 2); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDependents(t *testing.T) {
	v := host(
		[2]string{"eth0", "10.0.0.5/24"}, [2]string{"eth0", "10.0.0.2/24"}, [2]string{"eth0", "10.0.0.3/24"},
		[2]string{"eth0", "10.0.0.6/25"}, [2]string{"eth1", "10.0.0.7/24"}, [2]string{"eth0", "10.1.0.2/24"},
	)
	for i := range v.entries {
		v.entries[i].secondary = i > 0
	}
	if got := v.dependents(v.entries[0]); len(got) != 2 || got[0] != v.entries[1] || got[1] != v.entries[2] {
		t.Errorf("of the first: %v", got)
	}
	if got := v.dependents(v.entries[1]); got != nil {
		t.Errorf("of a secondary: %v", got)
	}
}

func TestOurs(t *testing.T) {
	v := host()
	for m, want := range map[mac]bool{alice: true, bob: true, {2, 0, 0, 0, 0, 0xff}: true, {2, 0, 0, 0, 0, 0xfe}: false, {}: false} {
		if v.ours(m[:]) != want {
			t.Errorf("%v: %v", m.hardware(), !want)
		}
	}
}
