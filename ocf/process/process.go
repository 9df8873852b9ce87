package process

import (
	"context"
	"errors"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Unit is mysqld as a process of its own session.
type Unit struct {
	runDir, resource string
}

var _ ocf.Unit = (*Unit)(nil)

// New returns the unit of a resource; its state is kept under runDir.
func New(runDir, resource string) *Unit { return &Unit{runDir: runDir, resource: resource} }

func (u *Unit) Look(context.Context) (ocf.Process, error) {
	return ocf.Process{}, errors.ErrUnsupported
}
func (u *Unit) Start(context.Context, ocf.Command) error { return errors.ErrUnsupported }
func (u *Unit) Terminate(context.Context) error          { return errors.ErrUnsupported }
func (u *Unit) Kill(context.Context) error               { return errors.ErrUnsupported }
