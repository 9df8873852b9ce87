package replication

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrStorage means that the server cannot write to its files.
var ErrStorage = errors.New("storage fails")

// touchWait bounds a test write: it waits for nobody, so only storage can hold it up.
const touchWait = 3 * time.Second

// storageNumbers are the servers' ways to say so; they are the same in both flavours.
var storageNumbers = []int{
	3,    // EE_WRITE
	20,   // EE_DISKFULL
	1021, // ER_DISK_FULL
	1026, // ER_ERROR_ON_WRITE
	1030, // ER_GET_ERRNO: the storage engine's
	1036, // ER_OPEN_AS_READONLY
	1114, // ER_RECORD_FILE_FULL
}

// Touch writes to a table of ours that is on this server alone. It is not in the
// binary log, so it neither waits for an acknowledgement nor for those who do. An
// error is ErrStorage where the server says so; a write that does not come back
// in time is ErrUnreachable, and proves nothing.
func (s *Server) Touch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, touchWait)
	defer cancel()
	err := s.apart(ctx, unlogged(lockWait), func(on session) error {
		write := say("REPLACE INTO " + home + ".touch (id, at) VALUES (1, NOW())")
		err := on.do(ctx, write)
		if isNumber(err, erNoSuchTable) {
			err = on.do(ctx, say("CREATE TABLE IF NOT EXISTS "+home+".touch (id TINYINT NOT NULL PRIMARY KEY, at TIMESTAMP NOT NULL) ENGINE=InnoDB"), write)
		}
		return err
	})
	if e, ok := errors.AsType[*Error](err); ok && slices.Contains(storageNumbers, e.Number) {
		return fmt.Errorf("%w: %w", ErrStorage, err)
	}
	return err
}
