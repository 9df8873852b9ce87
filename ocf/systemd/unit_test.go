package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// fakeBus answers each look with the next of its states, the last one for ever.
type fakeBus struct {
	states []map[string]any
	start  func(properties []dbus.Property, done chan<- string) error
	kill   func(target dbus.Who, signal int32) error
	log    []string
	closed int
}

func (f *fakeBus) GetAllPropertiesContext(ctx context.Context, _ string) (map[string]any, error) {
	s := f.states[0]
	if len(f.states) > 1 {
		f.states = f.states[1:]
	}
	if s == nil {
		return nil, errors.New("no reply")
	}
	return s, ctx.Err()
}

func (f *fakeBus) StartTransientUnitContext(_ context.Context, name, mode string, p []dbus.Property, ch chan<- string) (int, error) {
	f.log = append(f.log, "start "+name+" "+mode)
	return 1, f.start(p, ch)
}

func (f *fakeBus) KillUnitWithTarget(_ context.Context, name string, target dbus.Who, signal int32) error {
	f.log = append(f.log, fmt.Sprintf("kill %s %s %d", name, target, signal))
	if f.kill == nil {
		return nil
	}
	return f.kill(target, signal)
}

func (f *fakeBus) ResetFailedUnitContext(context.Context, string) error {
	f.log = append(f.log, "reset")
	return errors.New("it is not loaded")
}

func (f *fakeBus) Close() { f.closed++ }

func (f *fakeBus) unit(t *testing.T) *Unit {
	t.Cleanup(func() {
		if f.closed == 0 {
			t.Error("the connection was not closed")
		}
	})
	return &Unit{"db.service", func(context.Context) (bus, error) { return f, nil }}
}

func shown(active, sub string, pid int, result string) map[string]any {
	return map[string]any{
		"LoadState": "loaded", "ActiveState": active, "SubState": sub, "MainPID": uint32(pid),
		"ExecMainStartTimestamp": uint64(1_700_000_000_000_000), "Result": result, "StatusText": "words",
	}
}

func unknown() map[string]any {
	s := shown("inactive", "dead", 0, "success")
	maps.Copy(s, map[string]any{"LoadState": "not-found", "ExecMainStartTimestamp": uint64(0), "StatusText": ""})
	return s
}

func TestLook(t *testing.T) {
	since := time.Unix(1_700_000_000, 0)
	tests := map[string]struct {
		shown map[string]any
		want  ocf.Process
		err   string
	}{
		"no such unit":   {shown: unknown()},
		"starting":       {shown: shown("activating", "start", 7, "success"), want: ocf.Process{Running: true, PID: 7, Status: "words", Since: since}},
		"queued":         {shown: shown("activating", "start", 0, "success"), want: ocf.Process{Result: "success"}},
		"running":        {shown: shown("active", "running", 7, "success"), want: ocf.Process{Running: true, Ready: true, PID: 7, Status: "words", Since: since}},
		"stopping":       {shown: shown("deactivating", "stop-sigterm", 7, "success"), want: ocf.Process{Running: true, PID: 7, Status: "words", Since: since}},
		"in its hook":    {shown: shown("deactivating", "stop-post", 0, "signal"), want: ocf.Process{Result: "signal"}},
		"killed":         {shown: shown("failed", "failed", 0, "signal"), want: ocf.Process{Result: "signal"}},
		"what is that":   {shown: shown("maintenance", "x", 0, ""), err: "look at db.service: it is maintenance (x)"},
		"no reply":       {err: "look at db.service: no reply"},
		"missing":        {shown: map[string]any{"ActiveState": "active"}, err: "look at db.service: property SubState is a <nil>"},
		"of other types": {shown: func() map[string]any { s := unknown(); s["MainPID"] = "7"; return s }(), err: "look at db.service: property MainPID is a string"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeBus{states: []map[string]any{tt.shown}}
			got, err := f.unit(t).Look(t.Context())
			if diff := cmp.Diff(tt.want, got); diff != "" || text(err) != tt.err {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLookFailsWithoutSystemd(t *testing.T) {
	u := &Unit{"db.service", func(context.Context) (bus, error) { return nil, errors.New("refused") }}
	if p, err := u.Look(t.Context()); err == nil {
		t.Errorf("Look = %+v", p)
	}
}

func TestStart(t *testing.T) {
	hook, failed := shown("deactivating", "stop-post", 0, "signal"), shown("failed", "failed", 0, "exit-code")
	starting := shown("activating", "start", 7, "success")
	ok := func([]dbus.Property, chan<- string) error { return nil }
	started := []string{"reset", "start db.service ignore-dependencies"}
	tests := map[string]struct {
		states []map[string]any
		start  func([]dbus.Property, chan<- string) error
		err    string
		log    []string
	}{
		"returns before it is ready":   {states: []map[string]any{unknown(), unknown(), starting}, start: ok, log: started},
		"waits for the last run's end": {states: []map[string]any{hook, hook, failed, starting}, start: ok, log: started},
		"runs already":                 {states: []map[string]any{starting}, err: "start db.service: it runs already as process 7"},
		"is refused": {
			states: []map[string]any{unknown()},
			start:  func([]dbus.Property, chan<- string) error { return errors.New("bad property") },
			err:    "start db.service: bad property", log: started,
		},
		"ends at once": {
			states: []map[string]any{unknown(), unknown(), failed},
			start:  func(_ []dbus.Property, done chan<- string) error { done <- "failed"; return nil },
			err:    "start db.service: it ended at once (exit-code)", log: started,
		},
		"is not to be seen": {states: []map[string]any{unknown(), nil}, start: ok, err: "start db.service: no reply", log: started},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := &fakeBus{states: tt.states, start: tt.start}
			err := f.unit(t).Start(t.Context(), ocf.Command{Binary: "/usr/sbin/mariadbd"})
			if diff := cmp.Diff(tt.log, f.log); diff != "" || text(err) != tt.err {
				t.Errorf("%v %s", err, diff)
			}
		})
	}
}

func TestStartObeysItsDeadline(t *testing.T) {
	f := &fakeBus{states: []map[string]any{shown("deactivating", "stop-post", 0, "signal")}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.unit(t).Start(ctx, ocf.Command{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestTerminateAndKill(t *testing.T) {
	running, gone := shown("active", "running", 7, "success"), shown("deactivating", "stop-post", 0, "signal")
	noProcess := func(dbus.Who, int32) error { return errors.New("no such process") }
	tests := map[string]struct {
		states []map[string]any
		kill   func(dbus.Who, int32) error
		err    string
		sent   bool
	}{
		"sent":             {states: []map[string]any{running, running, gone}, sent: true},
		"not running":      {states: []map[string]any{gone}},
		"not known":        {states: []map[string]any{unknown()}},
		"ended in between": {states: []map[string]any{running, gone}, kill: noProcess, sent: true},
		"not allowed":      {states: []map[string]any{running}, kill: noProcess, sent: true, err: "no such process"},
		"cannot be told":   {states: []map[string]any{nil}, err: "no reply"},
	}
	for name, tt := range tests {
		for doing, sig := range map[string]syscall.Signal{"terminate": syscall.SIGTERM, "kill": syscall.SIGKILL} {
			t.Run(name+" "+doing, func(t *testing.T) {
				f := &fakeBus{states: tt.states, kill: tt.kill}
				do := map[string]func(context.Context) error{"terminate": f.unit(t).Terminate, "kill": f.unit(t).Kill}[doing]
				err := do(t.Context())
				want := ""
				if tt.err != "" {
					want = doing + " db.service: " + tt.err
				}
				var log []string
				if tt.sent {
					log = []string{fmt.Sprintf("kill db.service main %d", sig)}
				}
				if diff := cmp.Diff(log, f.log); diff != "" || text(err) != want {
					t.Errorf("%v %s", err, diff)
				}
			})
		}
	}
}

func TestKillWaitsForTheEnd(t *testing.T) {
	f := &fakeBus{states: []map[string]any{shown("active", "running", 7, "success")}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.unit(t).Kill(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestNewRefusesOtherNames(t *testing.T) {
	for _, name := range []string{"", "db", "db.socket", "a/b.service", "a b.service"} {
		if _, err := New(name); err == nil {
			t.Errorf("New(%q)", name)
		}
	}
}

func TestEnabled(t *testing.T) {
	file := func(load, file, active string) map[string]any {
		return map[string]any{"LoadState": load, "UnitFileState": file, "ActiveState": active}
	}
	f := &fakeBus{states: []map[string]any{
		file("loaded", "enabled", "inactive"), file("loaded", "disabled", "active"), file("loaded", "disabled", "inactive"),
		file("masked", "masked", "inactive"), file("not-found", "", "inactive"), file("loaded", "static", "activating"), nil,
	}}
	got, err := enabled(t.Context(), f, []string{"1", "2", "3", "4", "5", "6"})
	if diff := cmp.Diff([]string{"1"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if got, err := enabled(t.Context(), f, []string{"7"}); err == nil {
		t.Errorf("enabled without an answer: %v", got)
	}
	f = &fakeBus{states: []map[string]any{
		file("loaded", "enabled", "inactive"), file("loaded", "disabled", "inactive"), // the socket, then its service
		file("loaded", "disabled", "active"), file("loaded", "disabled", "inactive"),
		file("loaded", "disabled", "inactive"),
		file("loaded", "enabled", "failed"), file("masked", "masked", "inactive"),
		file("not-found", "", "inactive"),
	}}
	got, err = enabled(t.Context(), f, []string{"1.socket", "2.socket", "3.socket", "4.socket", "5.socket"})
	if diff := cmp.Diff([]string{"1.socket", "2.socket"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
}
