// Package server drives package replication against real mariadbd processes on
// the loopback.
//
// It promises: each test starts its own servers and ends them; where no server is
// installed it says so and skips.
//
// It does not: know of clusters, agents or elections.
//
// It may import replication and the standard library; nothing imports it.
package server
