// Package process runs mysqld where there is no systemd: in a session of its own,
// under a small supervisor that hears its readiness and runs the exit hook.
//
// It promises: mysqld holds none of the agent's pipes and outlives it; what is
// taken for our mysqld has its pid, its start time and its data directory, never
// a pid file alone; what could not be read is an error, never "not running".
//
// It does not promise the hook when the supervisor itself was killed.
//
// It may import ocf and the standard library, os/exec included.
package process
