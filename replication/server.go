package replication

import (
	"context"
	"errors"
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

// Server is one mysqld or mariadbd. Its methods are meant to be used through
// small interfaces that the caller declares.
type Server struct{ cfg Config }

// Open prepares to speak to a server; it connects with the first question.
func Open(cfg Config) (*Server, error) { return &Server{cfg: cfg}, nil }

// Close ends the connections.
func (s *Server) Close() error { return nil }

// Ping connects; ErrTooManyConnections means alive.
func (s *Server) Ping(ctx context.Context) error { return errors.ErrUnsupported }

// Observe looks at everything at once.
func (s *Server) Observe(ctx context.Context) (State, error) { return State{}, errors.ErrUnsupported }

// Position is the cheap look a peer takes: executed set and writability.
func (s *Server) Position(ctx context.Context) (executed gtid.Set, writable bool, err error) {
	return gtid.Set{}, false, errors.ErrUnsupported
}

// UserTables looks at everything at once.
func (s *Server) UserTables(ctx context.Context) ([]string, error) { return nil, errors.ErrUnsupported }

// Epochs reads our table, oldest first; no table reads as none.
func (s *Server) Epochs(ctx context.Context) ([]Epoch, error) { return nil, errors.ErrUnsupported }

// Prepare creates, unlogged and only where missing, our schema with its empty
// table and the accounts; and sets the settings that lossless needs.
func (s *Server) Prepare(ctx context.Context, accounts []Account) error { return errors.ErrUnsupported }

// Freeze starts the applier if it does not run, then stops the receiver.
func (s *Server) Freeze(ctx context.Context) error { return errors.ErrUnsupported }

// StopAll stops applier and receiver. The caller has made sure that nothing
// received is unapplied (MariaDB purges the relay log at the next start).
func (s *Server) StopAll(ctx context.Context) error { return errors.ErrUnsupported }

// Drain waits until everything in target is executed.
func (s *Server) Drain(ctx context.Context, target gtid.Set) error { return errors.ErrUnsupported }

// ApplyRelay executes the relay log from file:pos until target is executed,
// without connecting to a source, and stops the applier again.
func (s *Server) ApplyRelay(ctx context.Context, file string, pos int64, target gtid.Set) error {
	return errors.ErrUnsupported
}

// Follow makes the server a replica of src by GTID from what it has executed,
// both threads started. It does nothing where it already follows src and runs.
// The caller has made sure that nothing received is unapplied.
func (s *Server) Follow(ctx context.Context, src Source) error { return errors.ErrUnsupported }

// Detach stops replication and forgets the source.
func (s *Server) Detach(ctx context.Context) error { return errors.ErrUnsupported }

// Protect makes the server read-only; nil means that it was seen not writable
// afterwards. It fails (ErrBusy) where commits or locks stand in the way.
func (s *Server) Protect(ctx context.Context) error { return errors.ErrUnsupported }

// Unprotect ends read-only.
func (s *Server) Unprotect(ctx context.Context) error { return errors.ErrUnsupported }

// Refuse stops (or again admits) new client connections.
func (s *Server) Refuse(ctx context.Context, refuse bool) error { return errors.ErrUnsupported }

// Busy counts client sessions inside a transaction or statement, and those
// that wait for an acknowledgement.
func (s *Server) Busy(ctx context.Context) (active, waiting int, err error) {
	return 0, 0, errors.ErrUnsupported
}

// Evict ends client sessions; never one that waits for an acknowledgement
// (killing it would commit what nobody acknowledged).
func (s *Server) Evict(ctx context.Context) error { return errors.ErrUnsupported }

// Mark writes the epoch's row as the first transaction of the epoch, with a
// sequence number above every one in seen, and returns the row as written.
func (s *Server) Mark(ctx context.Context, e Epoch, seen gtid.Set) (Epoch, error) {
	return Epoch{}, errors.ErrUnsupported
}

// ArmSource switches waiting for acknowledgements on, without end; and off.
func (s *Server) ArmSource(ctx context.Context, on bool) error { return errors.ErrUnsupported }

// ArmReplica switches acknowledging on or off and restarts a running
// receiver for it, only while the applier runs.
func (s *Server) ArmReplica(ctx context.Context, on bool) error { return errors.ErrUnsupported }

// Attached lists the accounts with a dump thread.
func (s *Server) Attached(ctx context.Context) ([]string, error) { return nil, errors.ErrUnsupported }

// Exclude locks a replication account (or unlocks it) and kills its dump thread.
func (s *Server) Exclude(ctx context.Context, user string, lock bool) error {
	return errors.ErrUnsupported
}
