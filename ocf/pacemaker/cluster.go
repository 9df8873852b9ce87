package pacemaker

import (
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Cluster is the cluster as one node sees it, for one resource.
type Cluster struct {
	resource, node string
	environ        []string
	deadline       time.Duration
	fresh          time.Duration // how old a snapshot may be
	seen           *snapshot     // last look at the CIB; nil after a write
	sockets        string        // the kernel's list of local sockets; tests have their own
}

var (
	_ ocf.Attributes  = (*Cluster)(nil)
	_ ocf.Scores      = (*Cluster)(nil)
	_ ocf.RecordStore = (*Cluster)(nil)
	_ ocf.Members     = (*Cluster)(nil)
	_ ocf.Failures    = (*Cluster)(nil)

	_ ocf.Surroundings = (*Cluster)(nil)
)

// Option changes how the tools are run.
type Option func(*Cluster)

// Environ is the environment to take PATH, HA_SBIN_DIR and Pacemaker's own
// settings (PCMK_*) from. Nothing else of it reaches the tools.
func Environ(environ []string) Option { return func(c *Cluster) { c.environ = environ } }

// Deadline bounds each process, and how long a written value may take to show;
// the context's own deadline holds as well.
func Deadline(d time.Duration) Option { return func(c *Cluster) { c.deadline = d } }

// Still answers all questions from one look at the CIB: for a command that only
// reads, and would mix two pictures.
func Still(c *Cluster) { c.fresh = time.Hour }

// New returns the cluster as node sees it. resource is the primitive's name,
// without an instance number.
func New(resource, node string, opts ...Option) *Cluster {
	c := &Cluster{resource: resource, node: node, deadline: 10 * time.Second, fresh: fresh, sockets: "/proc/net/unix"}
	for _, o := range opts {
		o(c)
	}
	return c
}
