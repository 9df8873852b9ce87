package vip

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// everyone is Ethernet's broadcast address.
var everyone = mac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// Announce tells the neighbours, as many times as asked, that the address is
// here. It ends early, with nil, when the address is no longer on its link. A
// round that fails does not end the others: a link that flaps is announced on
// once it is back. The result is the last round's.
func (a Address) Announce(ctx context.Context, times int, every time.Duration) error {
	return a.with(ctx, func(k *kernel) error {
		var last error
		for i := range times {
			if i > 0 {
				if err := sleep(ctx, every); err != nil {
					return err
				}
			}
			held, err := a.announce(k)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err == nil && !held {
				return nil
			}
			last = err
		}
		return last
	})
}

// announce sends both forms once, if the address is on its link. It looks anew:
// the link's hardware address changes when a bond fails over.
func (a Address) announce(k *kernel) (held bool, err error) {
	v, err := k.look()
	if err != nil {
		return false, err
	}
	l, err := a.home(v)
	if err != nil || len(a.on(v, l.index)) == 0 {
		return false, nil
	}
	if l.silent {
		return true, nil
	}
	if !l.up {
		return true, fmt.Errorf("%w: %s", ErrLinkDown, l.name)
	}
	w, err := listen(k.ctx, l)
	if err != nil {
		return true, err
	}
	defer w.close()
	for _, asReply := range []bool{false, true} {
		if err := w.send(announcement(w.mac, a.Prefix.Addr(), asReply)); err != nil {
			return true, err
		}
	}
	return true, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// wire is a socket for ARP on one link. The kernel writes the Ethernet header.
type wire struct {
	ctx  context.Context
	link link
	mac  mac
	f    *os.File // in the runtime's poller: deadlines and cancellation wake it
	stop func() bool
}

func listen(ctx context.Context, l link) (*wire, error) {
	if len(l.mac) != len(mac{}) {
		return nil, fmt.Errorf("%s is not an Ethernet link: its hardware address has %d bytes", l.name, len(l.mac))
	}
	// Protocol 0 receives nothing until bind, hence nothing of other links.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open a packet socket: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: etherARP, Ifindex: l.index}); err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("bind a packet socket to %s: %w", l.name, lost(l, err))
	}
	w := &wire{ctx: ctx, link: l, mac: mac(l.mac), f: os.NewFile(uintptr(fd), "arp:"+l.name)}
	if end, ok := ctx.Deadline(); ok {
		if err := w.f.SetDeadline(end); err != nil {
			_ = w.f.Close()
			return nil, fmt.Errorf("packet socket: %w", err)
		}
	}
	w.stop = context.AfterFunc(ctx, func() { _ = w.f.SetDeadline(time.Unix(1, 0)) })
	return w, nil
}

// etherARP is ETH_P_ARP in network order, as packet sockets want it.
var etherARP = binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, unix.ETH_P_ARP))

func (w *wire) close() {
	w.stop()
	_ = w.f.Close()
}

func (w *wire) send(f arp) error {
	to := &unix.SockaddrLinklayer{Protocol: etherARP, Ifindex: w.link.index, Halen: uint8(len(everyone))}
	copy(to.Addr[:], everyone[:])
	b := f.marshal()
	raw, err := w.f.SyscallConn()
	if err != nil {
		return fmt.Errorf("send on %s: %w", w.link.name, err)
	}
	var sent error
	err = raw.Write(func(fd uintptr) bool {
		sent = unix.Sendto(int(fd), b, 0, to)
		return !errors.Is(sent, unix.EAGAIN)
	})
	if err == nil {
		err = sent
	}
	if err != nil {
		return fmt.Errorf("send on %s: %w", w.link.name, w.explain(err))
	}
	return nil
}

// receive waits for one ARP frame until the given time: ok is false when none
// came.
func (w *wire) receive(until time.Time) (f arp, ok bool, err error) {
	if end, has := w.ctx.Deadline(); has && end.Before(until) {
		until = end
	}
	if err := w.f.SetReadDeadline(until); err != nil {
		return f, false, err
	}
	// After the line above: a cancellation before it has been overwritten, one
	// after it wakes the read.
	if err := w.ctx.Err(); err != nil {
		return f, false, err
	}
	raw, err := w.f.SyscallConn()
	if err != nil {
		return f, false, err
	}
	var n int
	var got error
	buf := make([]byte, 128) // longer frames are cut, and only their head counts
	err = raw.Read(func(fd uintptr) bool {
		n, _, got = unix.Recvfrom(int(fd), buf, 0)
		return !errors.Is(got, unix.EAGAIN)
	})
	if err == nil {
		err = got
	}
	switch {
	case w.ctx.Err() != nil:
		return f, false, w.ctx.Err()
	case errors.Is(err, os.ErrDeadlineExceeded):
		return f, false, nil
	case err != nil:
		return f, false, fmt.Errorf("receive on %s: %w", w.link.name, w.explain(err))
	}
	if f, err = parseARP(buf[:n]); err != nil {
		return f, false, nil // not for us; the caller asks again while there is time
	}
	return f, true, nil
}

func (w *wire) explain(err error) error {
	if w.ctx.Err() != nil {
		return w.ctx.Err()
	}
	return lost(w.link, err)
}

// lost gives a vanished or downed link its own name.
func lost(l link, err error) error {
	switch {
	case errors.Is(err, unix.ENETDOWN):
		return fmt.Errorf("%w: %s", ErrLinkDown, l.name)
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("%w: %s has gone", ErrNoLink, l.name)
	}
	return err
}

// hardware is m as the rest of the world knows it.
func (m mac) hardware() net.HardwareAddr { return m[:] }
