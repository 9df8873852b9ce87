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

func TestReached6(t *testing.T) {
	a := Address{Prefix: netip.MustParsePrefix("2001:db8::5/64")}
	for name, tc := range map[string]struct {
		v            view
		reached, shy bool
	}{
		"nothing there":             {host(), false, false},
		"its own network":           {host([2]string{"eth0", "2001:db8::2/64"}), true, true},
		"a larger one":              {host([2]string{"eth0", "2001:db8::2/48"}), true, true},
		"a smaller one":             {host([2]string{"eth0", "2001:db8::2/120"}), true, true},
		"a smaller one without it":  {host([2]string{"eth0", "2001:db8::1:2/112"}), false, true},
		"another one":               {host([2]string{"eth0", "2001:db8:1::2/64"}), false, true},
		"its own of a link":         {host([2]string{"eth1", "2001:db8::2/64"}), false, false},
		"itself":                    {host([2]string{"eth0", "2001:db8::5/48"}), false, false},
		"one address of no network": {host([2]string{"eth0", "2001:db8::2/128"}), false, true},
		"a link-local one":          {host([2]string{"eth0", "fe80::2/64"}), false, false},
	} {
		if reached, shy := a.reached(tc.v, 2), a.shy(tc.v, 2); reached != tc.reached || shy != tc.shy {
			t.Errorf("%s: reached %v, shy %v", name, reached, shy)
		}
	}
	// What is no source itself is no reason; what will be one in a second is.
	v := host([2]string{"eth0", "2001:db8::2/64"})
	v.entries[0].deprecated = true
	if a.shy(v, 2) || !a.reached(v, 2) {
		t.Errorf("beside a deprecated one: shy %v, reached %v", a.shy(v, 2), a.reached(v, 2))
	}
	v.entries[0].deprecated, v.entries[0].unsettled = false, true
	if !a.shy(v, 2) || !a.reached(v, 2) {
		t.Errorf("beside an unsettled one: shy %v, reached %v", a.shy(v, 2), a.reached(v, 2))
	}
	local := Address{Link: "eth0", Prefix: netip.MustParsePrefix("fe80::5/64")}
	if v := host([2]string{"eth0", "2001:db8::2/64"}); local.shy(v, 2) {
		t.Error("link-local, and kept from being a source by one that is not")
	}
	if v := host([2]string{"eth0", "fe80::2/64"}); !local.shy(v, 2) {
		t.Error("link-local beside another")
	}
	four := Address{Prefix: netip.MustParsePrefix("10.0.0.5/24")}
	if four.shy(host([2]string{"eth0", "10.0.0.2/24"}), 2) {
		t.Error("IPv4 knows nothing like it")
	}
}

func TestHome6(t *testing.T) {
	for name, tc := range map[string]struct {
		nic, prefix string
		v           view
		want        string // "" for ErrNoLink
	}{
		"the link of the network":    {"", "2001:db8::5/64", host([2]string{"eth0", "2001:db8:1::2/64"}, [2]string{"eth1", "2001:db8::2/64"}), "eth1"},
		"the smallest network":       {"", "2001:db8::5/64", host([2]string{"eth1", "2001:db8::3/64"}, [2]string{"eth0", "2001:db8::2/32"}), "eth1"},
		"two links on one network":   {"", "2001:db8::5/64", host([2]string{"eth0", "2001:db8::2/64"}, [2]string{"eth1", "2001:db8::3/64"}), ""},
		"a host route is no network": {"", "2001:db8::5/64", host([2]string{"eth0", "2001:db8::2/128"}), ""},
		"link-local is no network":   {"", "2001:db8::5/64", host([2]string{"eth0", "fe80::2/64"}), ""},
		"the other family's":         {"", "2001:db8::5/64", host([2]string{"eth0", "10.0.0.2/24"}), ""},
		"link-local by name":         {"eth1", "fe80::5/64", host([2]string{"eth0", "fe80::5/64"}, [2]string{"eth0", "fe80::2/64"}), "eth1"},
	} {
		a := Address{Link: tc.nic, Prefix: netip.MustParsePrefix(tc.prefix)}
		l, err := a.home(tc.v)
		if l.name != tc.want || errors.Is(err, ErrNoLink) != (tc.want == "") {
			t.Errorf("%s: %q, %v; want %q", name, l.name, err, tc.want)
		}
	}
}

// On another link a link-local address is another address.
func TestElsewhereIsNotLinkLocal(t *testing.T) {
	for prefix, want := range map[string]bool{"fe80::5/64": false, "169.254.0.5/16": true, "2001:db8::5/64": true} {
		a := Address{Link: "eth0", Prefix: netip.MustParsePrefix(prefix)}
		if err := a.elsewhere(host([2]string{"eth1", prefix}), 2); errors.Is(err, ErrElsewhere) != want {
			t.Errorf("%s: %v", prefix, err)
		}
	}
}

func TestReady(t *testing.T) {
	four, six := ip("10.0.0.5"), ip("2001:db8::5")
	up := link{name: "eth0", on: true, up: true, mtu: 1500}
	with := func(change func(*link)) link { l := up; change(&l); return l }
	for name, tc := range map[string]struct {
		l    link
		ip   netip.Addr
		want string
	}{
		"fine":              {up, four, ""},
		"fine, too":         {with(func(l *link) { l.inet6 = true }), six, ""},
		"switched off":      {with(func(l *link) { l.on, l.up = false, false }), six, "link is down: eth0 is switched off, use ip link set eth0 up"},
		"no carrier":        {with(func(l *link) { l.up = false }), four, "link is down: eth0 has no carrier, see to its cable or port"},
		"disable_ipv6":      {with(func(l *link) { l.inet6, l.off6 = true, true }), six, "no ipv6 on eth0: set net.ipv6.conf.eth0.disable_ipv6=0"},
		"an mtu too small":  {with(func(l *link) { l.mtu = 1000 }), six, "no ipv6 on eth0: its mtu is 1000, and has to be 1280 at least"},
		"no ipv6 at all":    {up, six, "no ipv6 on eth0: the kernel runs without it"},
		"as ipv4 may do so": {with(func(l *link) { l.mtu, l.inet6, l.off6 = 1000, true, true }), four, ""},
	} {
		got := ""
		if err := tc.l.ready(tc.ip); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, tc.want)
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
