package main

import (
	"bufio"
	"errors"
	"fmt"
	"strings"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// errDeclined: the operator did not say yes.
var errDeclined = errors.New("nothing was done")

// grantFlags are common to the ways out. Each says what it will do and asks.
type grantFlags struct {
	Resource string `default:"db" help:"Resource of the cluster." placeholder:"ID"`
	Yes      bool   `help:"Do not ask."`
}

type bootstrapCmd struct {
	grantFlags
	Node string `required:"" help:"Node whose data counts." placeholder:"NAME"`
}

func (c *bootstrapCmd) Run(d *desk) error {
	return c.grant(d, c.Node, scoring.GrantBootstrap)
}

type promoteCmd struct {
	grantFlags
	Node       string `required:"" help:"Node to promote." placeholder:"NAME"`
	AcceptLoss bool   `help:"Accept that acknowledged transactions which this node lacks are lost."`
}

func (c *promoteCmd) Run(d *desk) error {
	if !c.AcceptLoss {
		return errors.New("a promotion with proof is the cluster's own work; without one it needs --accept-loss")
	}
	return c.grant(d, c.Node, scoring.GrantAcceptLoss)
}

type resetCmd struct {
	grantFlags
	Node string `help:"Node to start from; by default any, as all must be equal." placeholder:"NAME"`
}

func (c *resetCmd) Run(d *desk) error {
	return c.grant(d, c.Node, scoring.GrantReset)
}

func (f grantFlags) grant(d *desk, node string, g scoring.Grant) error {
	a, err := clusterAgent(d, f.Resource)
	if err != nil {
		return err
	}
	rec, means, err := a.Grant(d.ctx, node, g)
	if err != nil {
		return err
	}
	fmt.Fprintln(d.out, means)
	if !f.Yes {
		fmt.Fprint(d.out, "Type yes to go on: ")
		line, _ := bufio.NewReader(d.in).ReadString('\n') // the end of input is a no
		if strings.TrimSpace(line) != "yes" {
			return errDeclined
		}
	}
	if err := a.PutGrant(d.ctx, rec); err != nil {
		return err
	}
	_, err = fmt.Fprintf(d.out, "Epoch %d is granted to %s; its next monitor makes it promotable.\n", rec.Epoch, rec.Primary.Name)
	return err
}
