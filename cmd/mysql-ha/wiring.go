package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/ocf/ledger"
	"github.com/mysql-ha/mysql-ha/ocf/pacemaker"
	"github.com/mysql-ha/mysql-ha/ocf/process"
	"github.com/mysql-ha/mysql-ha/ocf/systemd"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/vip"
)

// runDir holds what a reboot may forget.
const runDir = "/run/mysql-ha"

// statementTimeout bounds every statement.
const statementTimeout = 5 * time.Second

// wired is an agent with its adapters, to be closed.
type wired struct {
	agent  *ocf.Agent
	server *replication.Server
}

func (w *wired) close() {
	if w.server != nil {
		_ = w.server.Close() // the action has answered already
	}
}

// wire joins the hall with its adapters. It is the only place that knows them all.
func wire(req ocf.Request, environ []string, stderr io.Writer) (*wired, error) {
	if req.Node == "" {
		node, err := localNode(environ)
		if err != nil {
			return nil, err
		}
		req.Node = node
	}
	req.Params.Settle(func(path string) bool { _, err := os.Stat(path); return err == nil })
	cred, misconfigured := readCredentials(req.Params)
	switch {
	case misconfigured == nil, req.Action == ocf.Stop, req.Action == ocf.Demote, req.Action == ocf.Monitor:
		// Stop needs no login, demote kills what it cannot ask, and monitor says it
		// where a server runs.
	case req.Action == ocf.ValidateAll && req.Depth == 0 && errors.Is(misconfigured, os.ErrNotExist):
		misconfigured = nil // level 0 asks about the parameters, not about this machine
	default:
		return nil, &ocf.Failure{Code: ocf.ErrArgs, Reason: "credentials", Err: misconfigured}
	}
	p := req.Params
	// A stop that was told nothing would look on the data directory of others.
	datadir := ""
	if req.Told {
		datadir = p.Text("datadir")
	}
	unit, err := unitFor(req.Resource, datadir, p.Text("binary"))
	if err != nil {
		return nil, err
	}
	w := &wired{}
	w.server, err = replication.Open(replication.Config{
		Socket: p.Text("socket"), User: cred.Admin.User, Password: cred.Admin.Password, Statement: statementTimeout,
		Owner: func(ctx context.Context, pid int) error {
			switch proc, err := unit.Look(ctx); {
			case err != nil:
				return err
			case proc.PID != pid:
				return fmt.Errorf("another server (process %d) answers there", pid)
			}
			return nil
		},
	})
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		w.close()
		return nil, fmt.Errorf("own path: %w", err)
	}
	cluster := pacemaker.New(req.Resource, req.Node, pacemaker.Environ(environ))
	options := process.Options{}
	dir := &files{params: p, options: options}
	a := &ocf.Agent{
		Request:    req,
		Log:        logger(req, environ, stderr),
		Attributes: cluster, Scores: cluster, Records: cluster, Members: cluster, Failures: cluster,
		Unit:       unit,
		Strays:     unit,
		Background: process.Background{Environ: []string{"PATH=" + lookup(environ, "PATH"), "LC_ALL=C"}},
		Ledger:     ledger.Open(filepath.Join(p.Text("state_dir"), req.Resource+".json")),
		Clock:      ledger.Clock{},
		Datadir:    dir,
		Tails:      dir,
		Options:    options,
		Local:      w.server,
		Secrets:    ocf.Secrets{ReplicationUser: cred.Replication.User, ReplicationPassword: cred.Replication.Password},
		Self:       self, Misconfigured: misconfigured,
		Host: host{},
	}
	a.Dial = func(ctx context.Context, node string) (ocf.Peer, error) {
		src, err := a.Source(ctx, node)
		if err != nil {
			return nil, err
		}
		return replication.Open(replication.Config{
			Host: src.Host, Port: src.Port, User: src.User, Password: src.Password, TLS: src.TLS, Statement: 2 * time.Second,
		})
	}
	if v := p.Text("virtual_ip"); v != "" {
		addr, err := vip.Parse(v, p.Text("virtual_ip_nic"))
		if err != nil {
			if req.Action != ocf.Stop && req.Action != ocf.Demote {
				w.close()
				name := "virtual_ip"
				if errors.Is(err, vip.ErrLinkName) {
					name = "virtual_ip_nic"
				}
				return nil, &ocf.Failure{Code: ocf.ErrConfigured, Reason: fmt.Sprintf("%s=%q", name, p.Text(name)), Err: err}
			}
		} else {
			a.Address = address{addr}
		}
	}
	w.agent = a
	return w, nil
}

// localNode is this node's name by hand or under ocf-tester: the cluster's, where
// one runs, else the host's.
func localNode(environ []string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	name, err := pacemaker.LocalNode(ctx, pacemaker.Environ(environ))
	if errors.Is(err, ocf.ErrNoCluster) {
		return os.Hostname()
	}
	return name, err
}

// booted tells whether systemd is the init system here (sd_booted(3)).
func booted() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

// unitFor runs the server under systemd where it is, else as our own process.
// A server on the data directory that was started by others is known, too.
func unitFor(resource, datadir, binary string) (*process.Adopter, error) {
	if booted() {
		u, err := systemd.New("mysql-ha-" + resource + ".service")
		if err != nil {
			return nil, fmt.Errorf("systemd: %w", err)
		}
		return process.NewAdopter(u, runDir, resource, datadir, binary, systemd.Tame), nil
	}
	return process.NewAdopter(process.New(runDir, resource), runDir, resource, datadir, binary, nil), nil
}

// address adapts vip to the hall's port.
type address struct{ vip.Address }

// probeWait is one probe for the address (RFC 5227, RFC 4862), short because the
// election runs beside it.
const probeWait = 200 * time.Millisecond

func (a address) Free(ctx context.Context) error {
	held, err := a.Held(ctx)
	if err != nil || held {
		return err
	}
	return a.Rival(ctx)
}

func (a address) Rival(ctx context.Context) error {
	c, err := a.Probe(ctx, probeWait)
	if err != nil {
		return err
	}
	if c.Found() {
		return fmt.Errorf("%w: %s", vip.ErrConflict, c)
	}
	return nil
}

func (a address) Usable(ctx context.Context) error {
	_, err := a.Resolve(ctx)
	return err
}
