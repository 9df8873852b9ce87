// Package systemd runs mysqld as a transient unit of systemd, over D-Bus.
//
// It promises: mysqld outlives the agent, Pacemaker and the action's cgroup; only
// Terminate ever sends SIGTERM; the exit hook runs as root however mysqld died; a
// question that D-Bus did not answer is an error, never "not running".
//
// It does not promise that a started mysqld is ready, and never stops one by a
// job: during a shutdown a job would wait for Pacemaker, which waits for us.
//
// It may import ocf, go-systemd/dbus and godbus.
package systemd
