package scoring

import "github.com/mysql-ha/mysql-ha/replication/gtid"

// EpochStart is one row of the replicated table of epochs, written by the winner
// as its first transaction (the marker).
type EpochStart struct {
	Epoch   uint64     `json:"epoch"`
	Primary NodeID     `json:"primary"`
	Marker  gtid.Entry `json:"marker"` // MariaDB: the row's own GTID
	Start   gtid.Set   `json:"start"`  // held just before the marker
}

// Line is the table of epochs in ascending order: the history that counts.
type Line []EpochStart
