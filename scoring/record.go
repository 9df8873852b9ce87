package scoring

import (
	"errors"
	"slices"

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
	// Marker is the GTID chosen for the marker before it is written (MariaDB), so
	// that the line is exact while nobody has applied the epoch's row yet. The
	// zero entry means not known.
	Marker gtid.Entry
}

// Errors of records.
var (
	ErrRecordSyntax = errors.New("record is not readable")
	// ErrSplit: two records of one epoch name different primaries. Nobody may act.
	ErrSplit = errors.New("two primaries in one epoch")
)

// Newer reports whether r supersedes o: a higher epoch, or a higher revision of
// the same one.
func (r Record) Newer(o Record) bool {
	if r.Epoch != o.Epoch {
		return r.Epoch > o.Epoch
	}
	return r.Revision > o.Revision
}

// Has reports whether the node, with this data, may acknowledge.
func (r Record) Has(n NodeID) bool { return slices.Contains(r.Ackers, n) }

// Newest returns the record that counts; ok is false when there is none. It is
// ErrSplit when the highest epoch has two primaries, or a grant beside an
// election: a split in an older epoch was settled by whoever raised it.
func Newest(records ...Record) (newest Record, ok bool, err error) {
	for _, r := range records {
		if !ok || r.Epoch > newest.Epoch {
			newest, ok = r, true
		}
	}
	for _, r := range records {
		if r.Epoch != newest.Epoch {
			continue
		}
		if r.Primary != newest.Primary || r.Grant != newest.Grant {
			return Record{}, false, ErrSplit
		}
		if r.Newer(newest) || r.Revision == newest.Revision && r.stricter(newest) {
			newest = r
		}
	}
	return newest, ok, nil
}

// stricter orders two versions of one revision, which a primary that died
// between ledger and CIB may leave behind: the one that is harder to prove wins.
func (r Record) stricter(o Record) bool {
	if r.Durability != o.Durability {
		return r.Durability == Async
	}
	if len(r.Ackers) != len(o.Ackers) {
		return len(r.Ackers) > len(o.Ackers)
	}
	if (r.Final == nil) != (o.Final == nil) {
		return r.Final == nil
	}
	return r.String() > o.String()
}
