package ocf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/vip"
)

// Delayed begins the reason that is shown while a promotion waits for the virtual IP.
const Delayed = "promotion waits: "

// unlinked tells an address that has no link to be on from one that others hold, and
// from a look at it that failed.
func unlinked(err error) bool {
	return errors.Is(err, vip.ErrNoLink) || errors.Is(err, vip.ErrLinkDown) || errors.Is(err, vip.ErrNoIPv6)
}

// probe is a look for another host on the virtual IP, beside the election.
type probe struct {
	free chan error // its end: nil where nobody answers
	held chan error // the first that did, while it goes on
}

// probeAddress looks for somebody else on the virtual IP while the election goes
// on; while there is a conflict it keeps probing, for a quarter of its time: who holds
// the address may be a node whose cluster software has died and come back, and the
// cluster does not look at that one before this promotion is over. A link that is down
// is not waited for: another node may have one.
func (a *Agent) probeAddress(ctx context.Context) probe {
	p := probe{make(chan error, 1), make(chan error, 1)}
	if a.Address == nil {
		p.free <- nil
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, a.Request.Budget()/4)
	go func() {
		defer cancel()
		defer func() {
			if r := recover(); r != nil {
				p.free <- fmt.Errorf("probe: %v", r)
			}
		}()
		var last error
		for {
			err := a.Address.Free(ctx)
			if err != nil && ctx.Err() != nil && last != nil {
				err = last // who it is, not that time is over
			}
			if err == nil || ctx.Err() != nil || unlinked(err) {
				p.free <- err
				return
			}
			last = err
			a.Log.Warn("virtual ip is still held elsewhere", "error", err)
			select {
			case p.held <- err:
			default:
			}
			a.Clock.Sleep(electionPoll)
		}
	}()
	return p
}

// awaitAddress waits for the probe's end. Who holds the promotion up is shown, once:
// the cluster begins its transition anew at each change.
func (a *Agent) awaitAddress(ctx context.Context, p probe) error {
	select {
	case err := <-p.free:
		return err
	default:
	}
	select {
	case err := <-p.free:
		return err
	case held := <-p.held:
		if err := a.show(ctx, attrReason, oneLine(Delayed+held.Error(), reasonLimit)); err != nil {
			a.Log.Warn("what the promotion waits for is not shown", "error", err)
		}
	}
	return <-p.free
}

// linkPatience is how long a link may be down before the primary makes room for
// another node.
const linkPatience = 2 * time.Second

// linked looks at the virtual IP's link: down is what is wrong with it, seen all the
// while. An address whose link is down stays where it is, and reaches nobody.
func (a *Agent) linked(ctx context.Context) (down, err error) {
	for until := a.Clock.Now().Add(linkPatience); ; a.Clock.Sleep(linkPatience / 10) {
		down = a.Address.Usable(ctx)
		switch {
		case down == nil:
			return nil, nil
		case !unlinked(down):
			return nil, fail(ErrGeneric, down, "virtual ip")
		case ctx.Err() != nil || !a.Clock.Now().Before(until):
			return down, nil
		}
	}
}

// keepAddress puts the virtual IP back where it was taken away.
func (a *Agent) keepAddress(ctx context.Context) error {
	held, err := a.Address.Held(ctx)
	if err != nil {
		return fail(ErrGeneric, err, "virtual ip")
	}
	if held {
		return nil
	}
	a.Log.Warn("virtual ip was gone, adding it again")
	if err := a.Address.Up(ctx); err != nil {
		return fail(ErrGeneric, err, "virtual ip")
	}
	a.announce(ctx)
	return nil
}

// undisputed: another host that has come to answer for it takes clients
// away. The address is announced again, which wins them back for a while, and the
// rest is an operator's.
func (a *Agent) undisputed(ctx context.Context) error {
	if a.Address == nil {
		return nil
	}
	err := a.Address.Rival(ctx)
	if errors.Is(err, vip.ErrConflict) {
		a.announce(ctx)
		return err
	}
	if err != nil {
		a.Log.Warn("whether another host has the virtual ip is not known", "error", err)
	}
	return nil
}

// announce tells the neighbours in the background: it must not hold up the action.
func (a *Agent) announce(ctx context.Context) {
	p := a.Request.Params
	err := a.Background.Spawn(ctx, "announce-"+a.Request.Resource, "announce",
		"--address", p.Text("virtual_ip"), "--nic", p.Text("virtual_ip_nic"))
	if err != nil {
		a.Log.Warn("virtual ip is not announced again", "error", err)
	}
}
