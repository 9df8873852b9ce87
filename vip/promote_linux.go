package vip

import (
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// promoteSecondaries is IPV4_DEVCONF_PROMOTE_SECONDARIES of linux/ip.h, the
// number of net.ipv4.conf.<link>.promote_secondaries.
const promoteSecondaries = 20

// removeAlone takes one entry off its link and leaves the others there. When
// the address came first on its network, the kernel made the later ones its
// secondaries, the host's own included, and would drop them with it. With the
// link's promote_secondaries set the next one takes its place instead. That
// beats putting them back afterwards: the routes over a link go with its last
// address, and nobody would put those back.
//
// The setting stays. Most distributions have it set anyway, and unsetting it
// would race with the Down of another address on the same link.
func (k *kernel) removeAlone(v view, e entry, l link) error {
	deps := v.dependents(e)
	if len(deps) == 0 {
		return k.remove(e, l)
	}
	if err := k.promote(l); err != nil {
		return err
	}
	if err := k.remove(e, l); err != nil {
		return err
	}
	after, err := k.look()
	if err != nil {
		return err
	}
	for _, d := range deps {
		if !slices.ContainsFunc(after.entries, d.same) {
			return fmt.Errorf("%s went from %s together with it: add it again", d.addr, l.name)
		}
	}
	return nil
}

// same ignores what promotion changes.
func (e entry) same(o entry) bool {
	return o.link == e.link && o.addr == e.addr && o.network == e.network
}

// promote sets the link's promote_secondaries. It goes by netlink because
// /proc/sys is read-only in many containers.
func (k *kernel) promote(l link) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(l.index)
	req.AddData(msg)
	spec := nl.NewRtAttr(unix.IFLA_AF_SPEC, nil)
	spec.AddRtAttr(unix.AF_INET, nil).
		AddRtAttr(unix.IFLA_INET_CONF, nil).
		AddRtAttr(promoteSecondaries, nl.Uint32Attr(1))
	req.AddData(spec)

	_, err := k.execute(req, 0)
	return k.explain("set promote_secondaries of "+l.name, err)
}

// execute is for what the library has no call for. Left to itself it would wait
// a minute on a socket of its own.
func (k *kernel) execute(req *nl.NetlinkRequest, want uint16) ([][]byte, error) {
	left, err := k.timeout()
	if err != nil {
		return nil, err
	}
	s, err := nl.Subscribe(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer s.Close()
	tv := unix.NsecToTimeval(left.Nanoseconds())
	if err := errors.Join(s.SetSendTimeout(&tv), s.SetReceiveTimeout(&tv)); err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	req.Sockets = map[int]*nl.SocketHandle{unix.NETLINK_ROUTE: {Socket: s}}
	return req.Execute(unix.NETLINK_ROUTE, want)
}
