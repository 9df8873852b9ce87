// Package ledger keeps what a node must remember in one file, and tells the time
// that its promises expire by.
//
// It promises: a reader sees a whole version; what Save returned from survives a
// power loss; a file that cannot be understood is an error, never an empty
// memory; Lock excludes other processes and dies with its holder.
//
// It does not promise that a memory read outside the lock is still the newest.
//
// It may import ocf, the standard library and x/sys/unix.
package ledger
