package main

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/ocf/ledger"
	"github.com/mysql-ha/mysql-ha/ocf/pacemaker"
	"github.com/mysql-ha/mysql-ha/ocf/process"
	"github.com/mysql-ha/mysql-ha/vip"
)

// hookCmd runs at the death of the server process, however it came.
type hookCmd struct {
	Resource string `required:""`
	Node     string `required:""`
}

func (c *hookCmd) Run(d *desk) error {
	unit, err := unitFor(c.Resource, "", "")
	if err != nil {
		return err
	}
	req := ocf.Request{Action: "hook", Resource: c.Resource, Node: c.Node}
	cluster := pacemaker.New(c.Resource, c.Node, pacemaker.Environ(d.environ))
	a := &ocf.Agent{
		Request: req, Log: logger(req, d.environ, d.err), Attributes: cluster, Scores: cluster, Records: cluster, Members: cluster, Failures: cluster,
		Unit: unit, Clock: ledger.Clock{},
	}
	if err := a.Hook(d.ctx); err != nil {
		a.Log.Error("score and position are not withdrawn", "error", err)
		return err
	}
	return nil
}

// announceCmd tells the neighbours where the virtual IP is, for a while.
type announceCmd struct {
	Address string        `required:""`
	Nic     string        ``
	Times   int           `default:"10"`
	Every   time.Duration `default:"500ms"`
}

func (c *announceCmd) Run(d *desk) error {
	addr, err := vip.Parse(c.Address, c.Nic)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(d.ctx, time.Duration(c.Times+2)*c.Every)
	defer cancel()
	return addr.Announce(ctx, c.Times, c.Every)
}

// superviseCmd keeps a server where there is no systemd.
type superviseCmd struct {
	Args []string `arg:"" optional:"" passthrough:""`
}

func (c *superviseCmd) Run(*desk) error {
	if err := process.Supervise(c.Args); err != nil {
		return fmt.Errorf("supervise: %w", err)
	}
	return nil
}

// watchCmd waits for the end of a server that others started.
type watchCmd struct {
	Args []string `arg:"" optional:"" passthrough:""`
}

func (c *watchCmd) Run(d *desk) error {
	if err := process.Watch(c.Args, d.err); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}
