package ocf

import (
	"context"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Observer looks at a server.
type Observer interface {
	Ping(ctx context.Context) error
	Observe(ctx context.Context) (replication.State, error)
	UserTables(ctx context.Context) ([]string, error)
	// Crowded tells whether few more connections are left.
	Crowded(ctx context.Context) (bool, error)
	Epochs(ctx context.Context) ([]replication.Epoch, error)
	// Asleep are the events that do not run here because they were made elsewhere.
	Asleep(ctx context.Context) ([]replication.Event, error)
}

// Receiver is the replica's side.
type Receiver interface {
	Freeze(ctx context.Context) error
	StopAll(ctx context.Context) error
	Drain(ctx context.Context, target gtid.Set) error
	ApplyRelay(ctx context.Context, file string, pos int64, target gtid.Set) error
	Follow(ctx context.Context, src replication.Source) error
	Detach(ctx context.Context) error
}

// Gate is who may write.
type Gate interface {
	Protect(ctx context.Context) error
	Unprotect(ctx context.Context) error
	Refuse(ctx context.Context) error
	Admit(ctx context.Context) error
	Busy(ctx context.Context) (active, waiting int, err error)
	Evict(ctx context.Context) error
}

// Writer is what the agent itself writes into a server.
type Writer interface {
	Prepare(ctx context.Context, accounts []replication.Account) error
	Mark(ctx context.Context, e replication.Epoch, seen gtid.Set) (replication.Epoch, error)
	Nudge(ctx context.Context, held gtid.Set) error
	// Suits is nil where a server that others started can be a member of the cluster
	// as it runs, and makes it one as far as that can be set.
	Suits(ctx context.Context, l replication.Layout) error
	Touch(ctx context.Context) error
	SetEvents(ctx context.Context, on bool) error
}

// Acks is who acknowledges, and whether commits wait.
type Acks interface {
	ArmSource(ctx context.Context, on bool) error
	ArmReplica(ctx context.Context, on bool) error
	Attached(ctx context.Context) ([]string, error)
	Exclude(ctx context.Context, user string, lock bool) error
	// HangUp ends an account's dump threads that have lasted, and returns their number.
	HangUp(ctx context.Context, user string, lasting time.Duration) (int, error)
	Dismiss(ctx context.Context) error
}

// Database is this node's server.
type Database interface {
	Observer
	Receiver
	Gate
	Writer
	Acks
}

// Peer is another node's server, seen through the replication account.
type Peer interface {
	Position(ctx context.Context) (executed gtid.Set, writable bool, err error)
	Epochs(ctx context.Context) ([]replication.Epoch, error)
	Close() error
}
