// Package lab runs a real Corosync, Pacemaker and MariaDB cluster on one machine.
//
// Every node is a systemd-nspawn container over its own overlay of one cached
// Debian root file system, in a named network namespace (db1, db2, db3) on a
// bridge that lives in a namespace of its own (lab-lan), so that the host's
// network is never touched. A further namespace (client) is where clients dial from.
//
//	db1..db3  10.77.0.11..13     client  10.77.0.20     virtual IP  10.77.0.100
//
// It promises that no call hangs (each command has its own deadline), that a
// node's files survive PowerOff, and that Down removes all that Up made, also
// what an interrupted run left. It does not show what depends on lost page
// cache: PowerOff kills every process of a node, but written data stays.
//
// It needs root, cgroup v2 (alone or beside v1), systemd-nspawn, debootstrap and iproute2.
package lab
