package vip

import (
	"context"
	"fmt"
)

// Held reports whether the address is on its link, with any prefix length. An
// IPv6 address that the kernel still checks for duplicates, or has found to be one,
// is not held. On another link it is an error that wraps ErrElsewhere. It says
// nothing of the link's state: Resolve does.
func (a Address) Held(ctx context.Context) (bool, error) {
	var held bool
	err := a.with(ctx, func(k *kernel) error {
		v, err := k.look()
		if err != nil || len(v.holding(a.Prefix.Addr())) == 0 {
			return err
		}
		// Without a home it can only be in the wrong place.
		index := 0
		if l, err := a.home(v); err == nil {
			index = l.index
		}
		held = a.answers(v, index)
		return a.elsewhere(v, index)
	})
	return held, err
}

// Resolve names the link the address belongs on, and says whether Up could use
// it: ErrNoLink, ErrLinkDown, ErrNoIPv6, ErrElsewhere.
func (a Address) Resolve(ctx context.Context) (Address, error) {
	err := a.with(ctx, func(k *kernel) error {
		v, err := k.look()
		if err != nil {
			return err
		}
		l, err := a.usable(v)
		if l.name != "" {
			a.Link = l.name
		}
		return err
	})
	return a, err
}

// Up puts the address on its link, or finds it there, and announces it once.
// Announce repeats the announcement; Probe comes before. An error after the
// address was added leaves it there: call Up again or Down.
func (a Address) Up(ctx context.Context) error {
	return a.with(ctx, func(k *kernel) error {
		v, err := k.look()
		if err != nil {
			return err
		}
		l, err := a.usable(v)
		if err != nil {
			return err
		}
		if !a.answers(v, l.index) {
			// The kernel's own check takes a second or more, and one that has failed
			// is never repeated: Probe has asked, so ours takes its place.
			for _, e := range a.on(v, l.index) {
				if err := k.remove(e, l); err != nil {
					return err
				}
			}
			if err := k.add(a, l, v); err != nil {
				return err
			}
			if err := k.serves(a.Prefix.Addr(), l); err != nil {
				return err
			}
		}
		if v, err = k.look(); err != nil {
			return err
		}
		switch {
		case a.answers(v, l.index):
		case len(a.on(v, l.index)) > 0:
			return fmt.Errorf("added to %s, yet the kernel still checks it for duplicates", l.name)
		default:
			return fmt.Errorf("added to %s, yet it is not there", l.name)
		}
		if err := a.elsewhere(v, l.index); err != nil {
			return err
		}
		_, err = a.announce(k)
		return err
	})
}

// Down takes the address off its link; without a named link, off any link. It
// is nil when neither was there, and ErrElsewhere when a link other than the
// named one has it: this host would go on answering for it.
func (a Address) Down(ctx context.Context) error {
	return a.with(ctx, func(k *kernel) error {
		v, err := k.look()
		if err != nil {
			return err
		}
		for _, e := range v.holding(a.Prefix.Addr()) {
			l, ok := v.byIndex(e.link)
			if !ok || !a.mine(v, l) {
				continue
			}
			if err := k.removeAlone(v, e, l); err != nil {
				return err
			}
		}
		if v, err = k.look(); err != nil {
			return err
		}
		for _, e := range v.holding(a.Prefix.Addr()) {
			if l, ok := v.byIndex(e.link); ok && a.mine(v, l) {
				return fmt.Errorf("removed from %s, yet it is still there", l.name)
			}
		}
		return a.elsewhere(v, 0)
	})
}

// mine reports whether Down may take the address off l.
func (a Address) mine(v view, l link) bool {
	if a.Link == "" {
		return true
	}
	named, ok := v.byName(a.Link)
	return ok && named.index == l.index
}

// usable is the link the address belongs on, with the reason Up cannot use it.
func (a Address) usable(v view) (link, error) {
	l, err := a.home(v)
	if err != nil {
		return l, err
	}
	if err := a.elsewhere(v, l.index); err != nil {
		return l, err
	}
	return l, l.ready(a.Prefix.Addr())
}

// with checks the address and opens the conversation every method needs.
func (a Address) with(ctx context.Context, do func(*kernel) error) error {
	if err := a.check(); err != nil {
		return a.wrap(err)
	}
	k, err := open(ctx, a.family())
	if err != nil {
		return a.wrap(err)
	}
	defer k.close()
	return a.wrap(do(k))
}
