package replication

import "errors"

// Sentinels: only where somebody branches.
var (
	ErrTooManyConnections = errors.New("too many connections")
	ErrAccessDenied       = errors.New("access denied")
	ErrUnreachable        = errors.New("server does not answer")
	ErrBusy               = errors.New("locks or commits stand in the way")
	ErrApplier            = errors.New("applier stopped")
	ErrPurged             = errors.New("source has purged what is needed")
	ErrDiverged           = errors.New("source lacks what this server holds")
	ErrUnsupported        = errors.New("not supported")
)
