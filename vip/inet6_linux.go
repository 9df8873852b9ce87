package vip

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// disableIPv6 is DEVCONF_DISABLE_IPV6 of linux/ipv6.h, the number of
// net.ipv6.conf.<link>.disable_ipv6.
const disableIPv6 = 26

// skipStats is RTEXT_FILTER_SKIP_STATS of linux/rtnetlink.h.
const skipStats = 1 << 3

// inet6 lists the links on which the kernel runs IPv6 by their index; false where
// it is told not to. It goes by netlink as all the rest: /proc/sys may be missing
// in a container, and goes by names, which change.
func (k *kernel) inet6() (map[int]bool, error) {
	msgs, err := list(k, func() ([][]byte, error) {
		req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		req.AddData(nl.NewRtAttr(unix.IFLA_EXT_MASK, nl.Uint32Attr(skipStats)))
		return k.execute(req, unix.RTM_NEWLINK)
	})
	if err != nil {
		return nil, k.explain("list links for ipv6", err)
	}
	runs := make(map[int]bool, len(msgs))
	for _, m := range msgs {
		if len(m) < unix.SizeofIfInfomsg {
			return nil, fmt.Errorf("list links for ipv6: an answer of %d bytes", len(m))
		}
		conf, err := inside(m[unix.SizeofIfInfomsg:], unix.IFLA_AF_SPEC, unix.AF_INET6, unix.IFLA_INET6_CONF)
		if err != nil {
			return nil, fmt.Errorf("list links for ipv6: %w", err)
		}
		if len(conf) < 4*(disableIPv6+1) {
			continue
		}
		runs[int(nl.DeserializeIfInfomsg(m).Index)] = binary.NativeEndian.Uint32(conf[4*disableIPv6:]) == 0
	}
	return runs, nil
}

// serves waits until the kernel takes what is sent to an address of ours, for a
// while at most. It lists an address of IPv6 first and puts it to work afterwards,
// in the background: who speaks to it in between gets no answer, and comes again
// only after a second.
func (k *kernel) serves(ip netip.Addr, l link) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := k.arm(); err != nil {
			return err
		}
		got, err := k.h.RouteGetWithOptions(ip.AsSlice(), &netlink.RouteGetOptions{OifIndex: l.index})
		if err == nil && len(got) > 0 && got[0].Type == unix.RTN_LOCAL {
			return nil
		}
		if err := sleep(k.ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil // it is there; how it is routed may be somebody's rule
}

// inside follows a path of nested attributes, and is empty where it ends early.
func inside(b []byte, path ...uint16) ([]byte, error) {
	for _, want := range path {
		attrs, err := nl.ParseRouteAttr(b)
		if err != nil {
			return nil, err
		}
		b = nil
		for _, a := range attrs {
			if a.Attr.Type&nl.NLA_TYPE_MASK == want {
				b = a.Value
			}
		}
	}
	return b, nil
}
