package vip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probeNum is how many probes share the wait (PROBE_NUM, RFC 5227, 1.1, and
// DupAddrDetectTransmits, RFC 4862, 5.1): one lost frame must not read as "nobody
// has it".
const probeNum = 3

// backlog is how many frames that came in time are looked at when it is over: a
// flood must not make it endless.
const backlog = 1000

// Probe asks the link's neighbours whether they have the address, and listens
// for wait. RFC 5227 and RFC 4862 take seconds over it; a failover has less, and
// its peers are near. A conflict is both the value and an error that wraps
// ErrConflict, so that nobody goes on by overlooking it. Where the link has no
// neighbours there is nobody to ask, and no conflict.
func (a Address) Probe(ctx context.Context, wait time.Duration) (Conflict, error) {
	var found Conflict
	err := a.with(ctx, func(k *kernel) error {
		if wait <= 0 {
			return errors.New("a probe that does not wait finds nothing out")
		}
		v, err := k.look()
		if err != nil {
			return err
		}
		l, err := a.home(v)
		if err != nil {
			return err
		}
		if err := l.ready(a.Prefix.Addr()); err != nil {
			return err
		}
		if l.silent {
			return nil
		}
		w, err := listen(ctx, l, a.etherType())
		if err != nil {
			return err
		}
		defer w.close()
		if a.Prefix.Addr().Is6() {
			// Those who probe at the same time are heard only there (RFC 4862, 5.4.2).
			if err := w.join(solicitedNode(a.Prefix.Addr())); err != nil {
				return err
			}
		}
		if found, err = a.ask(v, w, wait); err != nil {
			return err
		}
		if found.Found() {
			return fmt.Errorf("%w: %s", ErrConflict, found)
		}
		return nil
	})
	return found, err
}

func (a Address) ask(v view, w *wire, wait time.Duration) (Conflict, error) {
	start := time.Now()
	for i := range probeNum {
		if err := w.send(a.question(w.mac)); err != nil {
			return Conflict{}, err
		}
		until := start.Add(wait * time.Duration(i+1) / probeNum)
		for late := 0; late < backlog; {
			past := !time.Now().Before(until)
			heard, ok, err := w.receive(until)
			if err != nil {
				return Conflict{}, err
			}
			if past && !ok {
				break
			}
			if past {
				late++
			}
			if c, ok := a.hear(heard); ok && !v.ours(c.MAC) {
				c.Link = w.link.name
				return c, nil
			}
		}
	}
	return Conflict{}, nil
}
