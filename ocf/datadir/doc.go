// Package datadir works on a server's files while no server runs: its id, what
// its logs hold, and the copy of them that is made before anything is discarded.
//
// It promises: what Save returned from is on the disk; what is reported as held
// was read whole from the files; a log that cannot be read is an error, never
// "nothing in it".
//
// It does not promise anything while a server runs, and changes a log by Cut alone.
//
// It may import ocf, replication/gtid and replication/binlog (the pure leaves
// that read logs), and the standard library.
package datadir
