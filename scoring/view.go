package scoring

import (
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// NegInf is Pacemaker's -INFINITY: never promoted, whatever a constraint adds.
const NegInf = -1000000

// PrimaryScore is a healthy primary's score.
const PrimaryScore = 1000

// Role as observed; unknown is a role of its own and never read as another.
type Role string

const (
	RoleUnknown    Role = "unknown"
	RolePrimary    Role = "primary"
	RoleReplica    Role = "replica" // running and not writable, whether it follows or not
	RoleRecovering Role = "recovering"
	RoleStopped    Role = "stopped"
)

// Policy is what the operator chose. Zero values are not defaults.
type Policy struct {
	AllowDataLoss bool          `json:"allow_data_loss"` // data_loss=allow
	Async         bool          `json:"async"`           // durability=async
	MaxLag        time.Duration `json:"max_lag"`         // nanoseconds in JSON; 0: no bound
	WaitForPeers  time.Duration `json:"wait_for_peers"`
}

// Candidate is one instance as seen by somebody: itself, or through what it published.
type Candidate struct {
	Node        NodeID         `json:"node"`
	Role        Role           `json:"role"`
	Observed    bool           `json:"observed"`               // its state could be read and published
	Position    gtid.Set       `json:"position,omitzero"`      // received and executed
	Previous    gtid.Set       `json:"previous,omitzero"`      // the primary's position one monitor earlier
	Electable   bool           `json:"electable"`              // candidate=yes, not delayed
	Lag         *time.Duration `json:"lag,omitempty"`          // nil: unknown or not following
	Broken      string         `json:"broken,omitempty"`       // applier stopped by an error, ...
	Drain       string         `json:"drain,omitempty"`        // "draining, ~40 s": too much unapplied for a promotion
	Refused     string         `json:"refused,omitempty"`      // a refusal that still holds
	Foreign     string         `json:"foreign,omitempty"`      // diverged: what it holds too much
	Quarantined string         `json:"quarantined,omitempty"`  // not trusted
	WholeBinlog bool           `json:"whole_binlog,omitempty"` // (b) of the proof: its binary log reaches back to the epoch's marker, and was synced or never lost a boot
	RelayIntact bool           `json:"relay_intact,omitempty"` // as acker: sync_relay_log=1, or the node has not rebooted since
	Frozen      bool           `json:"frozen,omitempty"`       // its receiver is stopped and will stay so
	Tables      string         `json:"tables,omitempty"`       // digest of the list of user tables, for a fresh cluster
	Led         bool           `json:"led,omitempty"`          // a source is configured, whoever it is
	Unlinked    string         `json:"unlinked,omitempty"`     // why the virtual IP could not be used there; "" where it could
	Version     string         `json:"version,omitempty"`      // the server's own words; what cannot be ordered is no preference
}

// View is everything a ranking or an election is made from.
type View struct {
	Policy      Policy      `json:"policy"`
	ClusterSize int         `json:"cluster_size"`     // clone-max
	Record      *Record     `json:"record,omitempty"` // newest known; nil: none exists
	RecordError string      `json:"record_error,omitempty"`
	Line        Line        `json:"line,omitempty"`    // table of epochs, as far as known
	Ledgers     int         `json:"ledgers,omitempty"` // instances whose ledgers went into Record, the own included; 0: not counted
	Waited      bool        `json:"waited"`            // wait_for_peers has passed without a proof
	Candidates  []Candidate `json:"candidates"`
}
