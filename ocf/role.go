package ocf

import (
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// roleOf is PURE: what this server is, and what is wrong about it. A primary is
// writable and the record says so; nothing unknown is ever read as a role.
func roleOf(self scoring.NodeID, st replication.State, rec *scoring.Record) (role scoring.Role, deposed bool) {
	if !st.Writable {
		return scoring.RoleReplica, false
	}
	if rec != nil && rec.Grant == scoring.GrantNone && rec.Primary == self {
		return scoring.RolePrimary, false
	}
	return scoring.RoleReplica, true
}

// reigns is PURE: whether the record's epoch is this node's and has not been ended by
// a demote.
func reigns(self scoring.NodeID, rec *scoring.Record) bool {
	return rec != nil && rec.Grant == scoring.GrantNone && rec.Primary == self && rec.Final == nil
}
