package systemd

import (
	"context"
	"errors"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Unit is one transient service.
type Unit struct {
	name string
}

var _ ocf.Unit = (*Unit)(nil)

// New returns the unit of this name: "mysql-ha-db.service". Nothing is asked of
// systemd yet; it fails where systemd is not the init system.
func New(name string) (*Unit, error) {
	return &Unit{name: name}, nil
}

func (u *Unit) Look(context.Context) (ocf.Process, error) {
	return ocf.Process{}, errors.ErrUnsupported
}
func (u *Unit) Start(context.Context, ocf.Command) error { return errors.ErrUnsupported }
func (u *Unit) Terminate(context.Context) error          { return errors.ErrUnsupported }
func (u *Unit) Kill(context.Context) error               { return errors.ErrUnsupported }
