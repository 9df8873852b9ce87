package process

import (
	"context"
	"errors"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Background runs this binary again, detached: `<this binary> name args…`.
type Background struct {
	Environ []string // the whole environment of the companion; it must hold no secret
}

var _ ocf.Background = Background{}

// Spawn returns when the companion runs.
func (b Background) Spawn(context.Context, string, ...string) error { return errors.ErrUnsupported }
