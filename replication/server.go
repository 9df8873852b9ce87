package replication

import (
	"context"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Config says how to reach one server. Socket wins over Host.
type Config struct {
	Socket         string
	Host           string
	Port           int
	User, Password string
	TLS            *TLS
	// Statement bounds every single statement; the caller's ctx may be shorter.
	Statement time.Duration
}

// Server is one mysqld or mariadbd.
type Server interface {
	Close() error
	// Ping connects; ErrTooManyConnections means alive.
	Ping(ctx context.Context) error
	Observe(ctx context.Context) (State, error)
	// Position is the cheap look a peer takes: executed set and writability.
	Position(ctx context.Context) (executed gtid.Set, writable bool, err error)
	UserTables(ctx context.Context) ([]string, error)
	// Epochs reads our table, oldest first; no table reads as none.
	Epochs(ctx context.Context) ([]Epoch, error)

	// Prepare creates, unlogged and only where missing, our schema with its empty
	// table and the accounts; and sets the settings that lossless needs.
	Prepare(ctx context.Context, accounts []Account) error

	// Freeze starts the applier if it does not run, then stops the receiver.
	Freeze(ctx context.Context) error
	// StopAll stops applier and receiver. The caller has made sure that nothing
	// received is unapplied (MariaDB purges the relay log at the next start).
	StopAll(ctx context.Context) error
	// Drain waits until everything in target is executed.
	Drain(ctx context.Context, target gtid.Set) error
	// ApplyRelay executes the relay log from file:pos until target is executed,
	// without connecting to a source, and stops the applier again.
	ApplyRelay(ctx context.Context, file string, pos int64, target gtid.Set) error
	// Follow makes the server a replica of src by GTID from what it has executed,
	// both threads started. It does nothing where it already follows src and runs.
	// The caller has made sure that nothing received is unapplied.
	Follow(ctx context.Context, src Source) error
	// Detach stops replication and forgets the source.
	Detach(ctx context.Context) error

	// Protect makes the server read-only; nil means that it was seen not writable
	// afterwards. It fails (ErrBusy) where commits or locks stand in the way.
	Protect(ctx context.Context) error
	// Unprotect ends read-only.
	Unprotect(ctx context.Context) error
	// Refuse stops (or again admits) new client connections.
	Refuse(ctx context.Context, refuse bool) error
	// Busy counts client sessions inside a transaction or statement, and those
	// that wait for an acknowledgement.
	Busy(ctx context.Context) (active, waiting int, err error)
	// Evict ends client sessions; never one that waits for an acknowledgement
	// (killing it would commit what nobody acknowledged).
	Evict(ctx context.Context) error
	// Mark writes the epoch's row as the first transaction of the epoch, with a
	// sequence number above every one in seen, and returns the row as written.
	Mark(ctx context.Context, e Epoch, seen gtid.Set) (Epoch, error)

	// ArmSource switches waiting for acknowledgements on, without end; and off.
	ArmSource(ctx context.Context, on bool) error
	// ArmReplica switches acknowledging on or off and restarts a running
	// receiver for it, only while the applier runs.
	ArmReplica(ctx context.Context, on bool) error
	// Attached lists the accounts with a dump thread.
	Attached(ctx context.Context) ([]string, error)
	// Exclude locks a replication account (or unlocks it) and kills its dump thread.
	Exclude(ctx context.Context, user string, lock bool) error
}
