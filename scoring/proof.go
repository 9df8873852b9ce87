package scoring

import "github.com/mysql-ha/mysql-ha/replication/gtid"

// Proof says whether a set of participants surely holds everything that was
// acknowledged in the record's epoch.
type Proof struct {
	Complete bool     `json:"complete"`
	By       string   `json:"by"`      // final | primary | ackers | grant | fresh | ""
	Missing  []string `json:"missing"` // names of nodes whose presence would complete it
	Union    gtid.Set `json:"union"`   // everything the trusted participants hold
	Reason   string   `json:"reason"`  // "waiting for db2", "complete: both ackers are here"
}
