package scoring

import (
	"fmt"
	"slices"
	"strings"
)

// granted proves an operator's word: the named node, with the data it had, and
// nobody else.
func (t trust) granted(p Proof) Proof {
	r := t.record
	node, here := find(t.members, r.Primary)
	if !here {
		p.Missing = []string{r.Primary.Name}
		p.Reason = fmt.Sprintf("waiting for %s, granted by the operator (%s)", r.Primary.Name, r.Grant)
		return p
	}
	p.Union = node.Position
	if !node.Position.Contains(r.Start) {
		p.Reason = fmt.Sprintf("%s lost what it held when it was granted: grant again", r.Primary.Name)
		return p
	}
	return p.complete(ByGrant, "complete: the operator's word (%s)", r.Grant)
}

// fresh proves a cluster that never had a primary: every instance is here, and
// all are equal.
func (t trust) fresh(p Proof) Proof {
	for _, c := range t.view.Candidates {
		if _, in := find(t.members, c.Node); in {
			continue
		}
		p.Missing = append(p.Missing, c.Node.Name)
	}
	slices.Sort(p.Missing)
	size, unnamed := t.view.ClusterSize, t.view.ClusterSize-len(t.view.Candidates)
	switch {
	case size < 1:
		p.Reason = "fresh cluster, and its size is not known"
	case unnamed < 0:
		p.Reason = fmt.Sprintf("fresh cluster: more than the %d configured instances", size)
	case len(p.Missing) > 0:
		p.Reason = "fresh cluster: waiting for " + strings.Join(p.Missing, " and ")
	case unnamed > 0:
		p.Reason = fmt.Sprintf("fresh cluster: waiting for %d of %d instances", unnamed, size)
	default:
		first := t.members[0]
		for _, m := range t.members[1:] {
			if !m.Position.Equal(first.Position) {
				p.Reason = fmt.Sprintf("fresh cluster: %s and %s hold different transactions: %s", first.Node.Name, m.Node.Name, bootstrapHint)
				return p
			}
			if m.Tables != first.Tables {
				p.Reason = fmt.Sprintf("fresh cluster: %s and %s have different tables: %s", first.Node.Name, m.Node.Name, bootstrapHint)
				return p
			}
		}
		return p.complete(ByFresh, "complete: all %d instances are equal", size)
	}
	return p
}

// continued prefers who was the primary of the others before there was a cluster.
// They come behind it, below 0: whoever scores first would be promoted at once.
func (t trust) continued(places []Place) {
	i := slices.IndexFunc(t.view.Candidates, t.led)
	if i < 0 || places[i].Score < 0 {
		return
	}
	for k := range places {
		switch {
		case k == i:
			places[k].Reason += "; the others were its replicas"
		case places[k].Score >= 0:
			places[k].Score = behind(1)
			places[k].Reason = "replica of " + t.view.Candidates[i].Node.Name + " until now, which is promoted first"
		}
	}
}

// led tells whether the candidate was the primary of the others before there was a
// cluster: it alone follows nobody. Clients are used to it.
func (t trust) led(c Candidate) bool {
	for _, m := range t.members {
		if m.Led == (m.Node == c.Node) {
			return false
		}
	}
	return len(t.members) > 1
}

const bootstrapHint = "mysql-ha bootstrap --node N"
