// Package election is a small model of the election rules: nodes that die and return,
// a CIB that goes back in time, notifications that come late or never, writers,
// semi-sync acknowledgements, and the real scoring package deciding.
//
// It promises: a seed is a run, always the same one; a violated invariant is
// reported with its seed and a shrunk list of events; each of the mistakes in
// Plant is found.
//
// It does not model: servers, SQL, Pacemaker's scheduler beyond what it may do to
// an election, time beyond the order of events, power loss of unsynced writes.
//
// It may import scoring, replication/gtid and the standard library; nothing
// imports it.
package election
