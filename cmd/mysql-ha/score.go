package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/ocf/ledger"
	"github.com/mysql-ha/mysql-ha/ocf/pacemaker"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// scoreCmd ranks the nodes of a running cluster, or of a file.
type scoreCmd struct {
	Resource string `xor:"from" help:"Resource of the cluster that runs here." placeholder:"ID"`
	File     string `xor:"from" help:"Read the nodes from a file instead: no root and no cluster is needed. scoring/testdata/cluster.json shows the form." placeholder:"JSON" type:"path"`
	JSON     bool   `help:"Print JSON."`
}

func (c *scoreCmd) Run(d *desk) error {
	v, err := c.view(d)
	if err != nil {
		return err
	}
	ranking := scoring.Rank(v)
	if c.JSON {
		enc := json.NewEncoder(d.out)
		enc.SetIndent("", "  ")
		return enc.Encode(ranking)
	}
	_, err = fmt.Fprint(d.out, ranking.Describe())
	return err
}

func (c *scoreCmd) view(d *desk) (scoring.View, error) {
	if c.File != "" {
		f, err := os.Open(c.File)
		if err != nil {
			return scoring.View{}, err
		}
		defer f.Close()
		v, err := parseView(f)
		if err != nil {
			return v, fmt.Errorf("%s: %w", c.File, err)
		}
		return v, nil
	}
	if c.Resource == "" {
		return scoring.View{}, fmt.Errorf("name the resource (--resource db) or a file (--file cluster.json)")
	}
	a, err := clusterAgent(d, c.Resource, pacemaker.Still)
	if err != nil {
		return scoring.View{}, err
	}
	return a.Survey(d.ctx)
}

// parseView takes only what a view has.
func parseView(r io.Reader) (v scoring.View, err error) {
	dec := json.NewDecoder(r)
	dec.DisallowUnknownFields()
	err = dec.Decode(&v)
	return v, err
}

// clusterAgent is an agent for operator commands: it sees the cluster, with the
// resource's own parameters, and no server.
func clusterAgent(d *desk, resource string, opts ...pacemaker.Option) (*ocf.Agent, error) {
	node, err := pacemaker.LocalNode(d.ctx, pacemaker.Environ(d.environ))
	if err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	cluster := pacemaker.New(resource, node, append(opts, pacemaker.Environ(d.environ))...)
	cfg, err := cluster.Configured(d.ctx)
	if err != nil {
		return nil, fmt.Errorf("resource %s: %w", resource, err)
	}
	params, err := ocf.ParseParams(func(name string) (string, bool) {
		v, ok := cfg.Parameters[name]
		return v, ok
	})
	if err != nil {
		return nil, err
	}
	req := ocf.Request{Action: "operator", Resource: resource, Node: node, Params: params, CloneMax: cfg.CloneMax, Cluster: true}
	return &ocf.Agent{
		Request: req, Log: logger(req, d.environ, d.err),
		Attributes: cluster, Scores: cluster, Records: cluster, Members: cluster, Failures: cluster, Surroundings: cluster,
		Ledger: ledger.Open(params.Text("state_dir") + "/" + resource + ".json"),
		Clock:  ledger.Clock{},
	}, nil
}
