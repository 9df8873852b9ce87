package pacemaker

import (
	"context"
	"fmt"

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

// Members lists the nodes that the CIB knows, online if the controller sees them
// as members. The CIB alone learns of a loss late, and the controller alone does
// not know who was down before it started. Remote nodes are not members.
func (c *Cluster) Members(ctx context.Context) ([]ocf.Member, error) {
	members, err := c.members(ctx)
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return members, nil
}

func (c *Cluster) members(ctx context.Context) ([]ocf.Member, error) {
	out, _, err := c.run(ctx, nil, "cibadmin", "--query", "--scope=nodes")
	if err != nil {
		return nil, err
	}
	members, err := parseNodes(out)
	if err != nil {
		return nil, fmt.Errorf("cibadmin: %w", err)
	}
	if out, _, err = c.run(ctx, nil, "crm_node", "--list"); err != nil {
		return nil, err
	}
	online, err := parseMembership(out)
	if err != nil {
		return nil, fmt.Errorf("crm_node: %w", err)
	}
	for i := range members {
		members[i].Online = online[members[i].Name]
	}
	return members, nil
}

// Managed asks crm_mon, which applies what Pacemaker applies: the resource's own
// settings and its parents', defaults and rules, and the maintenance of the
// resource, the node and the cluster.
func (c *Cluster) Managed(ctx context.Context) (bool, error) {
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
