package replication

import (
	"context"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Nudge writes something to the binary log that changes no data, so that its
// acknowledgement lets older commits go whose own one was lost: neither MariaDB
// (10.11.19, 11.8.9) nor MySQL (8.4.8, 9.7.4) takes a replica's reconnection behind
// them as an acknowledgement. Held is what an acker was seen to hold; where the server
// has gone on from there, nothing is done. It waits for the acknowledgement, and holds
// no lock that anybody else wants while it does.
func (s *Server) Nudge(ctx context.Context, held gtid.Set) error {
	return s.apart(ctx, func(d dialect) []statement { return d.patient(lockWait) }, func(on session) error {
		all, err := on.everyone(ctx)
		if err != nil {
			return err
		}
		// Afterwards: whoever waits has its transaction in the binary log, others in the
		// line behind may not yet.
		executed, _, err := on.position(ctx)
		if err != nil || !held.Contains(executed) {
			return err
		}
		for _, c := range all {
			if !c.Waits {
				continue
			}
			if err := on.do(ctx, on.d.release(c)...); err != nil && !isNumber(err, erMariaDBNoSuchQuery) {
				return err
			}
		}
		return on.do(ctx, on.d.nudge())
	})
}
