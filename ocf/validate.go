package ocf

import (
	"context"
	"errors"
	"strings"
)

// Host answers questions about this machine that validation needs.
type Host interface {
	// Executable, Readable, Account and Writable return nil or what is wrong.
	Executable(path string) error
	Readable(path string) error
	Account(user, group string) error
	// Writable asks as that user, who need not exist.
	Writable(ctx context.Context, dir, user, group string) error
	// Free is the space that a server can still use there, in bytes.
	Free(dir string) (uint64, error)
	// Enabled lists distribution units that would start a server of their own.
	Enabled(ctx context.Context) ([]string, error)
}

// reload takes up changed parameters: each action reads those that are reloadable
// anew, so what is left is to say that they are good.
func (a *Agent) reload(ctx context.Context) error { return a.validate(ctx) }

// validate checks the configuration. Level 0 looks at the parameters only
// (ParseRequest has done that); level 10 at this machine, too.
func (a *Agent) validate(ctx context.Context) error {
	p := a.Request.Params
	if a.Request.CloneMax > 1 && !a.Request.Notify {
		return fail(ErrConfigured, nil, "the clone lacks notify=true: elections need it")
	}
	if a.Request.Clone && a.Request.CloneMax == 2 && p.Text("durability") == "degrade" && p.Text("data_loss") == "refuse" {
		return fail(ErrConfigured, nil, "durability=degrade with two nodes needs fencing or data_loss=allow: both halves of a cut are quorate")
	}
	if a.Request.Depth < 10 {
		return nil
	}
	if err := a.fit(ctx); err != nil {
		return err
	}
	_, err := a.program(ctx)
	return err
}

// fit tells whether this machine has what a server needs. Nothing of it is the same
// everywhere, so nothing of it stops the resource on other nodes.
func (a *Agent) fit(ctx context.Context) error {
	p := a.Request.Params
	if err := a.Host.Executable(p.Text("binary")); err != nil {
		return fail(ErrInstalled, err, "binary=%q", p.Text("binary"))
	}
	if err := a.Host.Readable(p.Text("config")); err != nil {
		return fail(ErrInstalled, err, "config=%q", p.Text("config"))
	}
	if err := a.Host.Account(p.Text("user"), p.Text("group")); err != nil {
		return fail(ErrInstalled, err, "user=%q group=%q", p.Text("user"), p.Text("group"))
	}
	exists, err := a.Datadir.Exists()
	if err != nil {
		return fail(ErrPerm, err, "datadir=%q", p.Text("datadir"))
	}
	if !exists {
		return fail(ErrInstalled, nil, "datadir=%q holds no database: initialise it first", p.Text("datadir"))
	}
	if err := a.Host.Writable(ctx, p.Text("datadir"), p.Text("user"), p.Text("group")); err != nil {
		return fail(ErrPerm, err, "datadir=%q", p.Text("datadir"))
	}
	if a.Request.CloneMax > 1 && a.Secrets.ReplicationUser == "" {
		return fail(ErrArgs, nil, "no replication account: [replication] in %s has none", p.Text("credentials"))
	}
	return a.unclaimed(ctx)
}

// unclaimed refuses a machine whose distribution would start the server, too: at boot,
// or when somebody connects (a look of ours would do), writable, before any cluster
// could say who is primary.
func (a *Agent) unclaimed(ctx context.Context) error {
	units, err := a.Host.Enabled(ctx)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return fail(ErrGeneric, err, "units of the distribution")
	}
	if len(units) > 0 {
		when := "at boot"
		if strings.HasSuffix(units[0], ".socket") {
			when = "for whoever connects"
		}
		return fail(ErrInstalled, nil, "%s starts a writable server %s: systemctl disable --now %s", units[0], when, strings.Join(units, " "))
	}
	return nil
}
