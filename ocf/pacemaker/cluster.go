package pacemaker

import (
	"context"
	"errors"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Cluster is the cluster as one node sees it, for one resource.
type Cluster struct {
	resource, node string
	environ        []string
	deadline       time.Duration
}

var (
	_ ocf.Attributes  = (*Cluster)(nil)
	_ ocf.RecordStore = (*Cluster)(nil)
	_ ocf.Members     = (*Cluster)(nil)
)

// Option changes how the tools are run.
type Option func(*Cluster)

// Environ is the environment to take PATH, HA_SBIN_DIR and Pacemaker's own
// settings (PCMK_*) from. Nothing else of it reaches the tools.
func Environ(environ []string) Option { return func(c *Cluster) { c.environ = environ } }

// Deadline bounds each single process; the context's own deadline holds as well.
func Deadline(d time.Duration) Option { return func(c *Cluster) { c.deadline = d } }

// New returns the cluster as node sees it. resource is the primitive's name, without
// an instance number.
func New(resource, node string, opts ...Option) *Cluster {
	c := &Cluster{resource: resource, node: node, deadline: 10 * time.Second}
	for _, o := range opts {
		o(c)
	}
	return c
}

func (c *Cluster) SetScore(context.Context, int) error { return errors.ErrUnsupported }
func (c *Cluster) Score(context.Context, string) (int, bool, error) {
	return 0, false, errors.ErrUnsupported
}
func (c *Cluster) Publish(context.Context, bool, string, string) error { return errors.ErrUnsupported }
func (c *Cluster) Withdraw(context.Context, bool, string) error        { return errors.ErrUnsupported }
func (c *Cluster) Collect(context.Context, string) (map[string]string, error) {
	return nil, errors.ErrUnsupported
}
func (c *Cluster) Permanent(context.Context, string, string) (string, bool, error) {
	return "", false, errors.ErrUnsupported
}
func (c *Cluster) ReadRecord(context.Context) (string, bool, error) {
	return "", false, errors.ErrUnsupported
}
func (c *Cluster) WriteRecord(context.Context, string) error      { return errors.ErrUnsupported }
func (c *Cluster) Quorate(context.Context) (bool, error)          { return false, errors.ErrUnsupported }
func (c *Cluster) Members(context.Context) ([]ocf.Member, error) { return nil, errors.ErrUnsupported }
func (c *Cluster) Managed(context.Context) (bool, error)          { return false, errors.ErrUnsupported }
