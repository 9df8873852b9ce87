package ocf

import "time"

// Memory is what this node must remember across restarts of agent and server.
// Positions and records are kept as text.
type Memory struct {
	Record    string            `json:"record,omitempty"`    // newest epoch record ever seen
	Opened    uint64            `json:"opened,omitempty"`    // highest epoch that this node has opened, or was about to
	Freeze    *Freeze           `json:"freeze,omitempty"`    // the receiver stays stopped while it stands
	Promise   *Freeze           `json:"promise,omitempty"`   // an expired freeze whose election's outcome is not known
	Conceded  map[string]uint64 `json:"conceded,omitempty"`  // by node: the ballot it cast for an election of this node's that is over
	Refusal   *Refusal          `json:"refusal,omitempty"`   // why this node last refused to be promoted
	Setback   *Setback          `json:"setback,omitempty"`   // promotions that failed here, one after the other
	Data      string            `json:"data,omitempty"`      // data id that the next one is about
	Foreign   string            `json:"foreign,omitempty"`   // what this node holds too much, seen while a primary lived
	Discarded string            `json:"discarded,omitempty"` // positions that were cut off here: never to be issued again
	Held      *Held             `json:"held,omitempty"`      // what a relay log held that may be thrown away
	Cut       *Cut              `json:"cut,omitempty"`       // MySQL: a tail was cut off, and what became of it is not known to be well
	Primary   *Position         `json:"primary,omitempty"`   // last position seen of a living primary: for the bound of a loss
	Boot      string            `json:"boot,omitempty"`      // boot id at the last start of mysqld
	Waiting   string            `json:"waiting,omitempty"`   // since when (RFC 3339) an election has lacked a proof
	Absent    map[string]string `json:"absent,omitempty"`    // ackers that are away: since when (RFC 3339)
	Stalled   string            `json:"stalled,omitempty"`   // since when (RFC 3339) commits wait and no acknowledgement has come
	Acked     uint64            `json:"acked,omitempty"`     // acknowledgements the server had counted by then
	Loss      string            `json:"loss,omitempty"`      // this node was last promoted without proof: the bound of what may be lost
	Ailment   *Ailment          `json:"ailment,omitempty"`   // what the last monitor of depth 20 found
	Asleep    uint64            `json:"asleep,omitempty"`    // epoch in which it was last said that events do not run here
	Turn      *Turn             `json:"turn,omitempty"`      // last change of this node's role, for people
	Current   string            `json:"current,omitempty"`   // while the lag is unknown: when (RFC 3339) this node last had all that the primary had
}

// Freeze is the promise not to receive while an election goes on.
type Freeze struct {
	Epoch   uint64        `json:"epoch"`   // epoch of the record at the time of the freeze
	Counter uint64        `json:"counter"` // new for each freeze
	Target  string        `json:"target"`  // node that was to be promoted
	Boot    string        `json:"boot"`    // boot id the expiry belongs to
	Expires time.Duration `json:"expires"` // boot-time clock
}

// Refusal is a refused promotion: monitors do not recompute the score until the
// node holds what it lacked or the record moves.
type Refusal struct {
	Reason string `json:"reason"`
	Record string `json:"record"` // record at the time
	Lacked string `json:"lacked"` // position it would have needed
	// Epoch, where it is not 0, is all that counts: it stands until a newer one.
	Epoch uint64 `json:"epoch,omitempty"`
	// Until (RFC 3339), where it is not "", ends it.
	Until string `json:"until,omitempty"`
	// Link: it also ends when the virtual IP has its link again.
	Link bool `json:"link,omitempty"`
}

// Setback counts promotions that failed one soon after the other.
type Setback struct {
	At    string `json:"at"` // RFC 3339, of the last
	Times int    `json:"times"`
}

// Held is what this node held when its relay log was given up, or put where a server's
// administrator may throw it away by starting replication: less than that is not all
// that it acknowledged.
type Held struct {
	Epoch    uint64 `json:"epoch"`    // of the record then: it counts in no other
	Data     string `json:"data"`     // data id
	Position string `json:"position"` // "": nobody knows how much
}

// Ailment is what is wrong with a server that works.
type Ailment struct {
	Text  string `json:"text"`
	Until string `json:"until"` // RFC 3339: nothing is known later, if no monitor has looked again
}

// Turn is a change of role. The record and the table of epochs have no times, and
// need none: this is for people, and where it is lost it is shown as unknown.
type Turn struct {
	What string `json:"what"` // promoted | demoted
	At   string `json:"at"`   // RFC 3339
	Why  string `json:"why"`
}

// Cut is a tail that was cut out of MySQL's binary log. It is written before the
// cut, and gone when the server was seen to have rolled it back.
type Cut struct {
	Data     string `json:"data"` // data id since: another one has nothing to do with it
	Position string `json:"position"`
	Count    int    `json:"count"`
	Why      string `json:"why,omitempty"` // what is wrong; "" while it was not looked at
}

// Position is a position with the wall-clock time it was seen.
type Position struct {
	Node, At, Position string
}

// Ledger keeps the memory: a reader sees a whole version, a write is durable
// when it returns.
type Ledger interface {
	Load() (Memory, error)
	Save(Memory) error
	// Lock excludes other agents of this resource; release is idempotent.
	Lock(wait time.Duration) (release func(), err error)
}

// Clock tells time: the boot-time clock runs on while the machine sleeps and
// does not jump.
type Clock interface {
	Now() time.Time
	Boot() (id string, since time.Duration)
	Sleep(d time.Duration)
}

// Datadir is the server's files, looked at while no server runs.
type Datadir interface {
	// ID reads the data id, creating it where there is none.
	ID() (string, error)
	// Renew gives the data a new id: what it was is cut off, so it is no longer
	// the data that acknowledged.
	Renew() (string, error)
	// Save copies the server's binary logs to quarantine and syncs; it returns
	// the directory. A copy of the same files for the same name is kept as is.
	Save(name string) (dir string, err error)
	// Relay reads the relay log: what was received, and for what is not in
	// executed, the file and offset to apply from. Of a damaged one that is what
	// stands before the damage.
	Relay(executed string) (Relay, error)
	// Binlogs reads the binary logs offline: everything in them.
	Binlogs() (position string, err error)
	Exists() (bool, error)
}

// Tails are the ends of MySQL's binary logs.
type Tails interface {
	// Beyond reads, while no server runs, what the binary log holds beyond have.
	Beyond(have string) (Beyond, error)
	// Cut ends the binary log before it, durably.
	Cut(b Beyond) error
	// RolledBack reads from the server's error log how many transactions the start
	// of this process rolled back; 0 where it does not say.
	RolledBack(log string, pid int) (int, error)
}

// Beyond is what a binary log holds that others do not.
type Beyond struct {
	Position string // complete transactions
	Count    int
	File     string // where the first of them begins
	Offset   int64
	Stuck    string // why they cannot be cut off; "" where they can
}

// Relay is what lies in the relay log.
type Relay struct {
	Received string // complete transactions, as a position
	File     string // first file with an unexecuted transaction; "" where all is executed
	Offset   int64
	Damaged  string // why it cannot be read to its end; "" where it can
}
