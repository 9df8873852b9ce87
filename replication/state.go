package replication

import (
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// State is one look at a server, in words that fit every flavour.
type State struct {
	Flavour  gtid.Flavour
	Version  string
	ServerID uint32
	Writable bool     // read_only is off, and super_read_only where there is one
	Executed gtid.Set // MariaDB's gtid_binlog_state includes commits that still wait for an acknowledgement; MySQL's gtid_executed does not
	Received gtid.Set // received ∪ Executed; MariaDB: plus Gtid_IO_Pos; MySQL: plus Retrieved_Gtid_Set
	Fetched  gtid.Set // MySQL: Retrieved_Gtid_Set, what came from the source since it is the source; after a restart, what of it the relay log still has
	Source   *Source  // nil: no source is configured
	Receiver Thread
	Applier  Thread         // MySQL: with the failed worker's error
	Lag      *time.Duration // nil: unknown
	SemiSync SemiSync
	Durable  Durable
	Refused  string // multi-source, replication filters: named, never worked around
	Events   bool   // event scheduler on
}

// Source is where a replica gets its transactions from.
type Source struct {
	Host string
	Port int
	User string
	// Password is written only, never read back or printed.
	Password string `json:"-"`
	TLS      *TLS
	// Delay is how late the operator wants transactions applied; read only.
	Delay time.Duration
}

// TLS files for replication; nil means none is asked for.
type TLS struct{ CA, Cert, Key string }

// Thread is a replication thread.
type Thread struct {
	Running    bool // receiver: connected and receiving ("Yes"); applier: running
	Connecting bool // receiver only: running, not connected
	Errno      int
	Error      string
}

// SemiSync is both sides of semi-synchronous replication.
type SemiSync struct {
	SourceEnabled             bool
	SourceOn                  bool // status: commits do wait
	Timeout                   time.Duration
	Clients                   int    // connected semi-synchronous replicas; one that went away counts until the next heartbeat
	Waiting                   int    // sessions that wait for an acknowledgement
	Acknowledged              uint64 // commits that got one since the server started
	ReplicaEnabled, ReplicaOn bool
}

// Durable are the settings that a power loss depends on.
type Durable struct{ SyncBinlog, FlushAtCommit, SyncRelayLog int }

// Epoch is a row of our replicated table: the winner's first transaction.
type Epoch struct {
	Epoch   uint64
	Primary string     // name:data-id
	Marker  gtid.Entry // MySQL: zero
	Start   gtid.Set
	Record  string // the record's text
}

// Account is a login that each node creates for itself, unlogged.
type Account struct {
	User, Password string
	RequireTLS     bool
}
