package systemd

import (
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// state is the unit as systemd tells it.
type state struct {
	ocf.Process
	over bool // neither mysqld nor its exit hook runs any more
}

// parseState reads the properties of the unit and of its service. One that is
// missing is an error: it would read as "not running".
func parseState(properties map[string]any) (state, error) {
	r := reader{properties: properties}
	active, sub, load := read[string](&r, "ActiveState"), read[string](&r, "SubState"), read[string](&r, "LoadState")
	pid, started := read[uint32](&r, "MainPID"), read[uint64](&r, "ExecMainStartTimestamp")
	result, status := read[string](&r, "Result"), read[string](&r, "StatusText")
	if r.err != nil {
		return state{}, r.err
	}
	s := state{}
	switch active {
	case "inactive", "failed":
		s.over = true
	case "activating", "active", "reloading", "refreshing", "deactivating":
		// Without a process it has not started yet, or only the exit hook runs.
		s.Running = pid != 0
	default:
		return state{}, fmt.Errorf("it is %s (%s)", active, sub)
	}
	switch {
	case s.Running:
		s.PID, s.Status, s.Since = int(pid), status, time.UnixMicro(int64(started))
		s.Ready = active != "activating" && active != "deactivating"
	case load != "not-found": // it says "success" of what it does not know
		s.Result = result
	}
	return s, nil
}

// reader reads properties of known types and remembers the first that is not so.
type reader struct {
	properties map[string]any
	err        error
}

func read[T any](r *reader, name string) T {
	value, ok := r.properties[name].(T)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("property %s is a %T", name, r.properties[name])
	}
	return value
}
