// Package ocf is the agent: an OCF action in, an exit code out.
//
// It promises: observe, decide (purely), act, observe again; an own deadline for
// every action; each action idempotent; a reason for each refusal; unknown is
// never read as a role, a position or "not running".
//
// It does not: speak SQL, run cluster tools, talk to systemd or read files. It
// orders ports (ports.go) about, which adapters and replication implement.
//
// It may import scoring, replication (types, sentinels) and vip (sentinels).
package ocf
