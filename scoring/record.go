package scoring

import (
	"errors"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// NodeID names a node together with its data: "db1:3f9a2c". The data id lives in
// a file in the data directory and is new after a reseed, so a re-imaged node is
// not the one that acknowledged.
type NodeID struct{ Name, Data string }

// Durability is what an epoch promises about an acknowledged commit.
type Durability string

const (
	// Lossless means every acknowledged commit was received by an acker.
	Lossless Durability = "lossless"
	// Async means commits were acknowledged without waiting.
	Async Durability = "async"
)

// Grant is an operator's word that stands in for a proof.
type Grant string

const (
	GrantNone       Grant = ""
	GrantBootstrap  Grant = "bootstrap"   // a fresh cluster starts from this node
	GrantAcceptLoss Grant = "accept-loss" // promote this node although a proof is missing
	GrantReset      Grant = "reset"       // a backup was restored everywhere: start as if fresh, at a higher epoch
)

// Record is the cluster's memory of who was primary and whose acknowledgements
// counted. Its text form is words key=value without quotes, as crm_attribute
// prints quotes escaped.
type Record struct {
	Epoch, Revision uint64
	Primary         NodeID     // with a Grant: the node that may be promoted, not yet a primary
	Start           gtid.Set   // position of the epoch's primary just before its marker
	Durability      Durability // lossless until async was ever in force in this epoch
	Waited          int        // acknowledgements waited for (k); MariaDB: 1
	Ackers          []NodeID   // nodes that may acknowledge, sorted
	Final           *gtid.Set  // set by a clean demote: everything this epoch ever held
	Grant           Grant
}

// Errors of records.
var (
	ErrRecordSyntax = errors.New("record is not readable")
	// ErrSplit: two records of one epoch name different primaries. Nobody may act.
	ErrSplit = errors.New("two primaries in one epoch")
)
