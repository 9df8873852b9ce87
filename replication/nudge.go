package replication

import "context"

// Nudge writes something to the binary log that changes no data, so that its
// acknowledgement lets older commits go whose own one was lost: neither MariaDB
// (10.11.19, 11.8.9) nor MySQL (8.4.8, 9.7.4) takes a replica's reconnection behind
// them as an acknowledgement. The caller has seen that an acker holds them. It waits for
// the acknowledgement, and holds no lock that anybody else wants while it does.
func (s *Server) Nudge(ctx context.Context) error {
	return s.apart(ctx, func(d dialect) []statement { return d.patient(lockWait) }, func(on session) error {
		return on.do(ctx, on.d.nudge())
	})
}
