package replication

import (
	"context"
	"fmt"
)

// crowded is how much of max_connections, in percent, may be taken. What is left is
// for replicas, which have no connection of their own kept for them.
const crowded = 75

// Crowded tells whether few more clients can connect.
func (s *Server) Crowded(ctx context.Context) (bool, error) {
	on, err := s.plain(ctx)
	if err != nil {
		return false, err
	}
	limit, err := on.askOne(ctx, say("SELECT @@global.max_connections AS connections"))
	if err != nil {
		return false, err
	}
	taken, err := on.askOne(ctx, say("SHOW GLOBAL STATUS LIKE 'Threads_connected'"))
	if err != nil {
		return false, fmt.Errorf("connections: %w", err)
	}
	l, t := reader{row: limit}, reader{row: taken}
	most, now := l.int("connections"), t.int("Value")
	if l.err != nil {
		return false, l.err
	}
	return now*100 >= most*crowded, t.err
}
