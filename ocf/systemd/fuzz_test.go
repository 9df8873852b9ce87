package systemd

import "testing"

// What systemd says is read as running or not; what it leaves out, or says in a word
// of another version, is an error and never "not running".
func FuzzState(f *testing.F) {
	f.Add("loaded", "active", "running", uint32(7), uint64(1_700_000_000_000_000), "success", "words", byte(7))
	f.Add("loaded", "activating", "start-pre", uint32(0), uint64(0), "success", "", byte(7))
	f.Add("loaded", "deactivating", "stop-post", uint32(0), uint64(1), "signal", "", byte(7))
	f.Add("loaded", "failed", "failed", uint32(0), uint64(1), "signal", "", byte(7))
	f.Add("not-found", "inactive", "dead", uint32(0), uint64(0), "success", "", byte(7))
	f.Add("loaded", "maintenance", "dead", uint32(9), uint64(0), "success", "", byte(3))
	f.Fuzz(func(t *testing.T, load, active, sub string, pid uint32, started uint64, result, status string, which byte) {
		properties := map[string]any{
			"LoadState": load, "ActiveState": active, "SubState": sub, "MainPID": pid,
			"ExecMainStartTimestamp": started, "Result": result, "StatusText": status,
		}
		s, err := parseState(properties)
		switch {
		case err != nil && s != (state{}):
			t.Errorf("%+v with %v", s, err)
		case s.Running && (s.over || s.PID != int(pid) || pid == 0 || s.Result != ""), s.Ready && !s.Running:
			t.Errorf("%q of %d: %+v", active, pid, s)
		case err == nil && s.over != (active == "inactive" || active == "failed"):
			t.Errorf("%q: %+v", active, s)
		}
		names := []string{"LoadState", "ActiveState", "SubState", "MainPID", "ExecMainStartTimestamp", "Result", "StatusText"}
		name := names[int(which)%len(names)]
		for _, odd := range []any{nil, int64(pid)} {
			properties[name] = odd
			if s, err := parseState(properties); err == nil {
				t.Errorf("%s as %T is read as %+v", name, odd, s)
			}
		}
		delete(properties, name)
		if s, err := parseState(properties); err == nil {
			t.Errorf("without %s: %+v", name, s)
		}
	})
}
