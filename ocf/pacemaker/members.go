package pacemaker

import (
	"context"
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Quorate asks the controller.
func (c *Cluster) Quorate(ctx context.Context) (bool, error) {
	out, _, err := c.run(ctx, nil, "crm_node", "--quorum")
	if err == nil {
		var quorate bool
		if quorate, err = parseQuorum(out); err == nil {
			return quorate, nil
		}
		err = fmt.Errorf("crm_node: %w", err)
	}
	return false, fmt.Errorf("ask for quorum: %w", err)
}

// Members lists the nodes that the CIB knows, online if they are in the cluster's
// membership. Remote nodes are not members.
func (c *Cluster) Members(ctx context.Context) ([]ocf.Member, error) {
	s, err := c.look(ctx)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return slices.Clone(s.members), nil
}

// Fail has Pacemaker recover the instance on this node, as after a failed monitor.
func (c *Cluster) Fail(ctx context.Context) error {
	if _, _, err := c.run(ctx, nil, "crm_resource", "--fail", "--resource="+c.resource, "--node="+c.node); err != nil {
		return fmt.Errorf("report the failure of %s: %w", c.resource, err)
	}
	return nil
}

// Managed looks for a word of the operator's about it, which is rare. Where there is
// one it asks crm_mon, which applies what Pacemaker applies: the resource's own
// settings and its parents', defaults and rules, and the maintenance of the
// resource, the node and the cluster.
func (c *Cluster) Managed(ctx context.Context) (bool, error) {
	if s, err := c.look(ctx); err != nil {
		return false, fmt.Errorf("ask whether %s is managed: %w", c.resource, err)
	} else if !s.ids(c.resource) {
		return false, fmt.Errorf("ask whether %s is managed: %w", c.resource, ocf.ErrNoResource)
	} else if !s.unmanaging {
		return true, nil
	}
	out, _, err := c.run(ctx, nil, "crm_mon", "--one-shot", "--output-as=xml", "--resource="+c.resource,
		"--inactive", "--include=none,nodes,resources")
	if err == nil {
		var managed bool
		if managed, err = parseManaged(out, c.resource, c.node); err == nil {
			return managed, nil
		}
		err = fmt.Errorf("crm_mon: %w", err)
	}
	return false, fmt.Errorf("ask whether %s is managed: %w", c.resource, err)
}
