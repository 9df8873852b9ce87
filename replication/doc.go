// Package replication speaks to MySQL and MariaDB servers.
//
// It promises: every statement has a deadline; an answer is a fact that was
// read, and a failure is an error, never a default; all flavours in one
// vocabulary; values are bound, not quoted by hand.
//
// It does not: know of clusters, elect, or decide what a server should be.
//
// It may import replication/gtid, database/sql and go-sql-driver; not ocf,
// scoring, vip or os/exec.
package replication
