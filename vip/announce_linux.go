package vip

import (
	"context"
	"time"
)

// Announce tells the neighbours, as many times as asked, that the address is
// here. It ends early, with nil, when the address is no longer on its link. A
// round that fails does not end the others: a link that flaps is announced on
// once it is back. The result is the last round's.
//
// RFC 4861, 7.2.6 has hosts say it three times, a second apart, for the sake of
// networks where all of them do. Here one does, once a failover, and every client
// waits for it: the caller may say it more often.
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

// announce sends one round, if the address is on its link. It looks anew:
// the link's hardware address changes when a bond fails over.
func (a Address) announce(k *kernel) (held bool, err error) {
	v, err := k.look()
	if err != nil {
		return false, err
	}
	l, err := a.home(v)
	if err != nil || !a.answers(v, l.index) {
		return false, nil
	}
	if l.silent {
		return true, nil
	}
	if err := l.down(); err != nil {
		return true, err
	}
	w, err := listen(k.ctx, l, a.etherType())
	if err != nil {
		return true, err
	}
	defer w.close()
	for _, said := range a.announcements(w.mac) {
		if err := w.send(said); err != nil {
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
