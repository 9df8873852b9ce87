// Package report reads a situation to an operator: what is wrong, who does what, why
// a node can or cannot be promoted, and what would change it.
//
// It promises: the same situation, the same answer, later and elsewhere; what is not
// known is said not to be, and never taken for health; a node that cannot be promoted
// has a reason, and a way where there is one.
//
// It does not look at anything, change anything or evaluate Pacemaker's rules, and
// asks no clock: it is as old as what it reads.
//
// It may import ocf (its words), scoring, replication/gtid and the standard library
// without I/O.
package report
