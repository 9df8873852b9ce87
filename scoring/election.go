package scoring

import "github.com/mysql-ha/mysql-ha/replication/gtid"

// Verdict is the answer of an election to the node that asks to be promoted.
type Verdict int

const (
	// Refuse: this node must not open; Reason says why and what would change it.
	Refuse Verdict = iota
	// Fetch: this node may win once it holds Target, which From has.
	Fetch
	// Win: this node holds everything; open with Next as the new record.
	Win
)

// Election is what the winner-to-be does next, and why.
type Election struct {
	Verdict Verdict
	From    string   // with Fetch: the peer that has what is missing
	Target  gtid.Set // what must be held (and applied) before opening
	Next    Record   // with Win: the record to write, its Start filled from Target
	Proof   Proof
	Loss    string // with data_loss=allow or a grant: the bound of what may be lost
	Reason  string
}
