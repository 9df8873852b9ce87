// Package bench measures what clients see of a failover.
//
// A Meter writes rows through the virtual IP with several connections and notes
// what was acknowledged when, and by which node; beside that it tries to write to
// every node directly all the time, also from inside a node that is cut off.
// Afterwards Gaps lists the times without writes, Check compares the rows of every
// node with what was acknowledged, and Overlaps finds two nodes that acknowledged
// during the same time.
//
// A row whose outcome is unknown (the connection broke in its commit) is neither
// required nor forbidden. Times are those of one process, so they compare; the
// resolution is the pace of the writers. It may import go-sql-driver and nothing of ours.
package bench
