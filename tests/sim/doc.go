// Package sim runs the real agents (package ocf) on a handful of nodes whose servers,
// cluster, addresses and clock are in memory, through misfortunes that a seed chooses.
//
// It promises: a seed is a run, always the same one; a violated invariant is reported
// with its seed, the shortest list of misfortunes that leads there, what happened, and
// scoring's own words; each mistake that can be planted in the product (package
// ocf/plant) is found within 2,000 seeds.
//
// The lab's stories that mean something here are told here, too, in virtual time.
//
// It does not model: SQL and the adapters (tests/server, tests/lab have real ones),
// servers that run without the agent's word, more than one resource.
//
// DESIGN.md says how it works and what is modelled how. It may import everything but
// cmd; nothing imports it.
package sim
