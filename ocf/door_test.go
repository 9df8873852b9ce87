package ocf

import "testing"

// Commits wait in vain, and clients that gave up come back, each for a new connection.
func TestDoor(t *testing.T) {
	stalled := func(w *world) {
		w.reign()
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			w.t.Fatal(err)
		}
		w.server.state.SemiSync.Waiting = 3
		w.clear()
	}
	story(t, "few connections are left", func(t *testing.T, w *world) {
		stalled(w)
		w.server.crowded = true
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.crowded", "server.refuse")
		w.never("server.admit")
		// It must not keep out what ends it.
		w.inOrder("server.refuse", "server.nudge")
		w.clear()
		w.server.state.SemiSync.Waiting = 0
		w.twice(Monitor, RunningPromoted)
		w.inOrder("server.admit")
		if w.server.closed {
			t.Error("clients are still refused")
		}
	})
	story(t, "enough are left", func(t *testing.T, w *world) {
		stalled(w)
		w.twice(Monitor, RunningPromoted)
		w.never("server.refuse")
	})
	story(t, "it moves on", func(t *testing.T, w *world) {
		stalled(w)
		w.server.crowded = true
		w.server.state.Executed = position(t, "0-1-151")
		w.server.state.Received = w.server.state.Executed
		if err := w.do(Monitor); CodeOf(err) != RunningPromoted {
			t.Error(err)
		}
		w.never("server.refuse")
	})
	story(t, "nobody can count them", func(t *testing.T, w *world) {
		stalled(w)
		w.fails("server.crowded", errInjected)
		w.twice(Monitor, RunningPromoted)
		w.never("server.refuse", "server.admit")
		w.inOrder("server.crowded", "server.nudge")
	})
}
