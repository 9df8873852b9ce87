// Package story is the language of tests/scenarios: its words, what arguments they
// take, the parts that nodes play, and how a word is carried out and fails. The lab
// (tests/lab, whose doc.go explains each word) and the simulator (tests/sim) run the
// same texts; each is a Stage.
//
// It promises that a word means the same arguments on every stage: a usage is the
// grammar that arguments are checked and read by, and nobody reads them otherwise.
// The text's own grammar (comments, quotes, $VARIABLE, [condition], !) is testscript's.
//
// It may import testscript, and nothing of ours.
package story
