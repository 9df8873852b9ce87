// Package server drives package replication against real mysqld and mariadbd
// processes on the loopback: one suite for MariaDB 10.11, MariaDB 11.8 and MySQL
// 9.7 (`make test-server`), of which -short runs the first.
//
// It promises: each test starts its own servers and ends them; what is under test has
// the rights that Grants gives and no others; where a server is missing it says so and
// skips, and fails where CI=true.
//
// It does not: know of clusters, agents or elections.
//
// It may import replication and the standard library; nothing imports it.
package server
