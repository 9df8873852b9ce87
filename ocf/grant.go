package ocf

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// Grant prepares an operator's word for node: the record to write and what it
// means, to be shown before anything is done.
func (a *Agent) Grant(ctx context.Context, node string, g scoring.Grant) (rec scoring.Record, means string, err error) {
	v, err := a.Survey(ctx)
	if err != nil {
		return rec, "", err
	}
	if v.RecordError != "" {
		return rec, "", fmt.Errorf("epoch record: %s", v.RecordError)
	}
	if g == scoring.GrantReset && node == "" {
		if node, err = equalNode(v); err != nil {
			return rec, "", err
		}
	}
	i := slices.IndexFunc(v.Candidates, func(c scoring.Candidate) bool { return c.Node.Name == node })
	if i < 0 {
		return rec, "", fmt.Errorf("the cluster does not know node %q", node)
	}
	c := v.Candidates[i]
	if !c.Observed {
		return rec, "", fmt.Errorf("%s has published no position: its server must run, unpromoted", node)
	}
	for _, other := range v.Candidates {
		if other.Role == scoring.RolePrimary {
			return rec, "", fmt.Errorf("%s is a living primary: nothing to grant", other.Node.Name)
		}
	}
	switch {
	case g == scoring.GrantBootstrap && v.Record != nil:
		return rec, "", errors.New("this cluster is not fresh, it has an epoch record: see promote --accept-loss, or reset-epoch after a backup was restored everywhere")
	case g != scoring.GrantBootstrap && v.Record == nil:
		return rec, "", errors.New("there is no epoch record yet: see bootstrap")
	}
	rec = scoring.Granted(v.Record, c.Node, g, c.Position)
	return rec, a.meaning(v, c, g), nil
}

// meaning says in words what a grant does, with the bound of what may be lost.
func (a *Agent) meaning(v scoring.View, c scoring.Candidate, g scoring.Grant) string {
	proof := scoring.Rank(v).Proof
	name := c.Node.Name
	switch g {
	case scoring.GrantBootstrap:
		return fmt.Sprintf("%s becomes the first primary with the data it has now (%s).\nWhatever other nodes hold beyond it is not replicated: they will be shown as diverged.", name, show(c.Position.String()))
	case scoring.GrantReset:
		return fmt.Sprintf("The history so far is closed; %s becomes primary with the data it has now (%s).\nDo this only after the same backup was restored on every node.", name, show(c.Position.String()))
	}
	text := fmt.Sprintf("%s becomes primary with the data it has now (%s).\n", name, show(c.Position.String()))
	switch {
	case proof.Complete && c.Position.Contains(proof.Union):
		text += "It is proved to hold everything: nothing is lost, and the promotion needs no --accept-loss.\n"
	case proof.Complete:
		text += fmt.Sprintf("Lost is at least what others here hold and it lacks: %s.\n", proof.Union.Subtract(c.Position))
	default:
		text += fmt.Sprintf("The bound of the loss: everything acknowledged in epoch %d beyond that position. How much that is cannot be listed here: %s.\n", v.Record.Epoch, proof.Reason)
		if lacks := proof.Union.Subtract(c.Position); !lacks.Empty() {
			text += fmt.Sprintf("At least what others here hold and it lacks: %s.\n", lacks)
		}
		if mem, err := a.Ledger.Load(); err == nil && mem.Primary != nil {
			text += fmt.Sprintf("Last position seen of primary %s: %s at %s.\n", mem.Primary.Node, mem.Primary.Position, mem.Primary.At)
		}
	}
	return text + "Nodes that return with more will be shown as diverged; nothing of theirs is discarded."
}

func show(position string) string {
	if position == "" {
		return "no transactions"
	}
	return position
}

// equalNode is the node a reset starts from: any of them, as all must be equal.
func equalNode(v scoring.View) (string, error) {
	for _, c := range v.Candidates {
		if !c.Observed {
			return "", fmt.Errorf("%s has published no position: all servers must run, or name a node", c.Node.Name)
		}
		if !c.Position.Equal(v.Candidates[0].Position) {
			return "", fmt.Errorf("%s and %s hold different transactions: restore the same backup everywhere, or name a node", v.Candidates[0].Node.Name, c.Node.Name)
		}
	}
	if len(v.Candidates) == 0 {
		return "", errors.New("the cluster has no nodes")
	}
	return v.Candidates[0].Node.Name, nil
}

// PutGrant writes it, with quorum and read back.
func (a *Agent) PutGrant(ctx context.Context, rec scoring.Record) error {
	if err := a.quorate(ctx); err != nil {
		return err
	}
	old, _, err := a.Records.ReadRecord(ctx)
	if err != nil {
		return err
	}
	if err := a.Records.WriteRecord(ctx, old, rec.String()); err != nil {
		return err
	}
	return a.quorate(ctx)
}
