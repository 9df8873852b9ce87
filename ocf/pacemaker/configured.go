package pacemaker

import (
	"context"
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
	s, err := c.look(ctx)
	if err != nil {
		return Configuration{}, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := s.resources.configuration(c.resource)
	if err != nil {
		return cfg, fmt.Errorf("read the configuration: %w", err)
	}
	if cfg.CloneMax == 0 {
		cfg.CloneMax = len(s.members)
	}
	return cfg, nil
}

type cibPrimitive struct {
	ID     string      `xml:"id,attr"`
	Params []cibNVPair `xml:"instance_attributes>nvpair"`
	Meta   []cibMeta   `xml:"meta_attributes"`
}

// cibMeta is a set of meta attributes, perhaps under a rule.
type cibMeta struct {
	Pairs []cibNVPair `xml:"nvpair"`
	Rule  *struct{}   `xml:"rule"`
}

type cibNVPair struct {
	Name  string `xml:"name,attr"`
	Value string `xml:"value,attr"`
}

type cibResources struct {
	Primitives []cibPrimitive `xml:"primitive"`
	Clones     []cibClone     `xml:"clone"`
}

type cibClone struct {
	ID        string       `xml:"id,attr"`
	Meta      []cibMeta    `xml:"meta_attributes"`
	Primitive cibPrimitive `xml:"primitive"`
}

// find returns the primitive with its clone, which has no id where there is none.
func (r cibResources) find(resource string) (cibPrimitive, cibClone, bool) {
	for _, p := range r.Primitives {
		if p.ID == resource {
			return p, cibClone{}, true
		}
	}
	for _, clone := range r.Clones {
		if clone.Primitive.ID == resource {
			return clone.Primitive, clone, true
		}
	}
	return cibPrimitive{}, cibClone{}, false
}

func (r cibResources) configuration(resource string) (Configuration, error) {
	cfg := Configuration{Parameters: map[string]string{}}
	p, clone, ok := r.find(resource)
	if !ok {
		return cfg, fmt.Errorf("there is no primitive %q: %w", resource, ocf.ErrNoResource)
	}
	for _, nv := range p.Params {
		cfg.Parameters[nv.Name] = nv.Value
	}
	if clone.ID == "" {
		cfg.CloneMax = 1
		return cfg, nil
	}
	for _, set := range clone.Meta {
		for _, nv := range set.Pairs {
			if nv.Name != "clone-max" {
				continue
			}
			n, err := strconv.Atoi(nv.Value)
			if err != nil || n < 0 {
				return cfg, fmt.Errorf("clone-max=%q is not a number", nv.Value)
			}
			cfg.CloneMax = n
		}
	}
	return cfg, nil
}
