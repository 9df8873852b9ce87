package pacemaker

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Configuration is what the CIB says of the resource.
type Configuration struct {
	Parameters map[string]string
	CloneMax   int // number of nodes where nothing is configured
}

// LocalNode asks the cluster for this node's name; ocf.ErrNoCluster where none runs.
func LocalNode(ctx context.Context, opts ...Option) (string, error) {
	c := New("", "", opts...)
	out, _, err := c.run(ctx, nil, "crm_node", "--name")
	if err != nil {
		return "", fmt.Errorf("ask for the node's name: %w", err)
	}
	name := strings.TrimSpace(string(out))
	if name == "" {
		return "", errors.New("ask for the node's name: crm_node says nothing")
	}
	return name, nil
}

// Configured reads the resource's parameters and the size of its clone, without
// rules: the agent's parameters must be the same everywhere.
func (c *Cluster) Configured(ctx context.Context) (Configuration, error) {
	out, _, err := c.run(ctx, nil, "cibadmin", "--query", "--scope=resources")
	if err != nil {
		return Configuration{}, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := parseConfiguration(out, c.resource)
	if err != nil {
		return cfg, fmt.Errorf("read the configuration: %w", err)
	}
	if cfg.CloneMax == 0 {
		members, err := c.Members(ctx)
		if err != nil {
			return cfg, err
		}
		cfg.CloneMax = len(members)
	}
	return cfg, nil
}

type cibPrimitive struct {
	ID     string      `xml:"id,attr"`
	Params []cibNVPair `xml:"instance_attributes>nvpair"`
}

type cibNVPair struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type cibResources struct {
	Primitives []cibPrimitive `xml:"primitive"`
	Clones     []struct {
		Meta      []cibNVPair  `xml:"meta_attributes>nvpair"`
		Primitive cibPrimitive `xml:"primitive"`
	} `xml:"clone"`
}

func parseConfiguration(text []byte, resource string) (Configuration, error) {
	cfg := Configuration{Parameters: map[string]string{}}
	var r cibResources
	if err := xml.Unmarshal(text, &r); err != nil {
		return cfg, fmt.Errorf("cibadmin: %w", err)
	}
	take := func(p cibPrimitive) {
		for _, nv := range p.Params {
			cfg.Parameters[nv.Name] = nv.Value
		}
	}
	for _, p := range r.Primitives {
		if p.ID == resource {
			take(p)
			cfg.CloneMax = 1
			return cfg, nil
		}
	}
	for _, clone := range r.Clones {
		if clone.Primitive.ID != resource {
			continue
		}
		take(clone.Primitive)
		for _, nv := range clone.Meta {
			if nv.Name != "clone-max" {
				continue
			}
			n, err := strconv.Atoi(nv.Value)
			if err != nil || n < 0 {
				return cfg, fmt.Errorf("clone-max=%q is not a number", nv.Value)
			}
			cfg.CloneMax = n
		}
		return cfg, nil
	}
	return cfg, fmt.Errorf("there is no primitive %q: %w", resource, ocf.ErrNoResource)
}
