// Package tests is the proving ground: how the house is laid out is checked here,
// stories and models are in the folders below.
//
// It promises: whatever breaks a rule of the house (who may import whom, sizes,
// names) fails by name, with the rule in words.
//
// It does not: run servers or clusters itself.
//
// It may import anything of the standard library; nothing imports it.
package tests
