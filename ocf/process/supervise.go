package process

import "errors"

// SuperviseCommand is the hidden subcommand by which Start runs this binary again;
// its handler passes the arguments after it to Supervise.
const SuperviseCommand = "supervise"

// Supervise starts mysqld, waits for it and runs its exit hook.
func Supervise(_ []string) error { return errors.ErrUnsupported }
