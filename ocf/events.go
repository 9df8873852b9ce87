package ocf

import (
	"context"
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
