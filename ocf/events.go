package ocf

import (
	"context"
	"fmt"
	"strings"
)

// schedule has the primary run the events that the operator's configuration wants
// run. Nobody else does: every server is started without.
func (a *Agent) schedule(ctx context.Context, running bool) {
	if running {
		return
	}
	set, err := Configured(ctx, a.Options, a.Request.Params)
	if err != nil {
		a.Log.Warn("whether events are to run is not known", "error", err)
		return
	}
	if want := set["event_scheduler"]; want != "1" && !strings.EqualFold(want, "ON") {
		return
	}
	if err := a.Local.SetEvents(ctx, true); err != nil {
		a.Log.Error("events do not run", "error", err)
	}
}

// unschedule stops the events of a server that is, or is about to be, no primary:
// what one of them wrote there would make it diverge.
func (a *Agent) unschedule(ctx context.Context, running bool) {
	if !running {
		return
	}
	if err := a.Local.SetEvents(ctx, false); err != nil {
		a.Log.Warn("events still run", "error", err)
	}
}

// asleep names the events that do not run on this primary because they were made on
// another one: a replica keeps them disabled, also once it is the primary. They are the
// operator's to enable, since some may have been disabled where they were made. It is
// said in the log once an epoch.
func (a *Agent) asleep(ctx context.Context, s *sight) (which, wake string, err error) {
	if !s.state.Events {
		return "", "", nil
	}
	if s.state.SemiSync.Waiting > 0 { // one of them may be what waits, and keep us waiting
		before := s.pubs[a.node()]
		return before.Asleep, before.Wake, nil
	}
	events, err := a.Local.Asleep(ctx)
	switch {
	case err != nil:
		which = "not known: " + err.Error()
	case len(events) == 0:
		return "", "", nil
	default:
		const named = 3
		var names []string
		for _, e := range events[:min(named, len(events))] {
			names = append(names, e.String())
		}
		which = fmt.Sprintf("%d: %s", len(events), strings.Join(names, ", "))
		if text := events[0].Enable(); text == oneLine(text, len(text)) { // what is not for every terminal is not shown
			wake = text
		}
	}
	which = oneLine(which, reasonLimit)
	if s.mem.Asleep == s.record.newest.Epoch {
		return which, wake, nil
	}
	a.Log.Warn("events that were made on another server do not run here until they are enabled", "events", which)
	s.mem.Asleep = s.record.newest.Epoch
	return which, wake, a.Ledger.Save(s.mem)
}
