package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// ApplyRelay executes the relay log from file:pos until target is executed,
// without connecting to a source, and stops the applier again. pos is where a
// transaction begins. Nothing happens where target is executed already.
//
// When target is reached the relay log has served and is thrown away; when it
// is not, the relay log stays as it was and the applier is stopped, so that the
// attempt can be repeated from what is executed by then.
//
// MySQL knows its relay log and keeps it: file and pos are MariaDB's, and nothing
// is thrown away before Follow.
func (s *Server) ApplyRelay(ctx context.Context, file string, pos int64, target gtid.Set) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	st, _, err := on.look(ctx)
	if err != nil || st.Executed.Contains(target) {
		return err
	}
	if st.receiving() || st.Applier.Running {
		return fmt.Errorf("%w: replication threads run", ErrBusy)
	}
	if err := on.do(ctx, on.d.point(file, pos, st.Source != nil)...); err != nil {
		return fmt.Errorf("point the applier to %s:%d: %w", file, pos, err)
	}
	// START returns when the thread runs.
	if err = on.do(ctx, on.d.start(false, true)); err == nil {
		err = on.drain(ctx, target)
	}
	// Also when ctx is over: an applier left running would go on behind the
	// caller's back.
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), max(s.bound, time.Second))
	defer cancel()
	if stop := on.stopAll(end); err == nil {
		err = stop
	}
	if err != nil {
		return err
	}
	return on.do(ctx, on.d.unpoint(st.Source != nil)...)
}
