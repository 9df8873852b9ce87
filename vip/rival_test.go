package vip

import (
	"bytes"
	"testing"
	"time"
)

// A holder that probes does not hear itself, and hears another that came later.
func TestProbeWhileHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a := w.parse(virtual, "vp0")
		w.ok(a.Up(bg))
		c, err := a.Probe(bg, 200*time.Millisecond)
		w.ok(err)
		if c.Found() {
			t.Fatal(c)
		}
		w.addr(w.far, "vp1", virtual)
		c, err = a.Probe(bg, time.Minute)
		is(t, err, ErrConflict)
		if m := w.mac(w.far, "vp1"); !bytes.Equal(c.MAC, m[:]) || c.Probing {
			t.Fatalf("%+v", c)
		}
		w.held(a, true)
	})
}
