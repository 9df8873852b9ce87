package vip

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// probeNum is how many probes share the wait (PROBE_NUM, RFC 5227, 1.1): one
// lost frame must not read as "nobody has it".
const probeNum = 3

// Probe asks the link's neighbours whether they have the address, and listens
// for wait. RFC 5227 takes seconds over it; a failover has less, and its peers
// are near. A conflict is both the value and an error that wraps ErrConflict,
// so that nobody goes on by overlooking it. Where no ARP is spoken there is
// nobody to ask, and no conflict.
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
		switch {
		case err != nil:
			return err
		case !l.up:
			return fmt.Errorf("%w: %s", ErrLinkDown, l.name)
		case l.silent:
			return nil
		}
		w, err := listen(ctx, l)
		if err != nil {
			return err
		}
		defer w.close()
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
	ip, start := a.Prefix.Addr(), time.Now()
	for i := range probeNum {
		if err := w.send(probe(w.mac, ip)); err != nil {
			return Conflict{}, err
		}
		until := start.Add(wait * time.Duration(i+1) / probeNum)
		for time.Now().Before(until) {
			f, ok, err := w.receive(until)
			if err != nil {
				return Conflict{}, err
			}
			if !ok || !f.claims(ip) && !f.probes(ip) || v.ours(f.sender.hardware()) {
				continue
			}
			return Conflict{Addr: ip, Link: w.link.name, MAC: f.sender.hardware(), Probing: f.probes(ip)}, nil
		}
	}
	return Conflict{}, nil
}
