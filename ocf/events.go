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
	p := a.Request.Params
	set, err := a.Options.Configured(ctx, p.Text("binary"), p.Text("config"))
	if err != nil {
		a.Log.Warn("whether events are to run is not known", "error", err)
		return
	}
	want := set["event_scheduler"]
	for option := range strings.FieldsSeq(p.Text("additional_parameters")) {
		name, value, _ := strings.Cut(strings.TrimLeft(option, "-"), "=")
		if strings.ReplaceAll(name, "-", "_") == "event_scheduler" {
			want = value
		}
	}
	if want != "1" && !strings.EqualFold(want, "ON") {
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
