// Package scoring decides who may be promoted, and says why.
//
// It promises: the same input gives the same output, in any order, each score
// with its reason; nothing is ranked from what is unknown. It holds the epoch
// record, the proof that a set of participants is complete for an epoch, the
// lineage that tells a foreign transaction from our own, and the election.
//
// It does not: observe, wait, write, log or look at a clock. Whoever calls it
// brings the facts and carries out the answer.
//
// It may import replication/gtid and the parts of the standard library that do
// no I/O.
package scoring
