package scoring

import (
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Lack is what a node would have to hold to be in sync, and who has it.
type Lack struct {
	Known   bool     `json:"known"` // false: the node, or everybody else, says nothing
	Missing gtid.Set `json:"missing,omitzero"`
	Count   uint64   `json:"count"`
	Holders []string `json:"holders,omitempty"` // nodes that hold all of it, by name
}

// LackOf measures as Rank does: against what the living primary had published at
// its previous monitor, or with none against everything that is held here. A node
// whose transactions do not count is not measured.
func LackOf(v View, node string) Lack {
	t := v.trusted(true)
	me, why := v.self(node)
	if why != "" || t.distrusted(me) || t.refusal != "" {
		return Lack{}
	}
	var target gtid.Set
	if living, ok := t.living(); ok {
		floor, err := living.Previous.Union(t.record.Start)
		if err != nil {
			return Lack{}
		}
		target = floor
	} else {
		// Here or on the disk of the last primary.
		all, ok := union(append(slices.Clone(t.members), t.stopped...))
		if !ok || len(t.members) == 0 {
			return Lack{}
		}
		target = all
	}
	l := Lack{Known: true, Missing: target.Subtract(me.Position), Count: me.Position.Missing(target)}
	if l.Count == 0 {
		return l
	}
	for _, c := range v.Candidates {
		if c.Node != me.Node && !t.distrusted(c) && c.Position.Contains(l.Missing) {
			l.Holders = append(l.Holders, c.Node.Name)
		}
	}
	slices.Sort(l.Holders)
	return l
}

// Living returns the healthy primary that the record names.
func (v View) Living() (Candidate, bool) {
	t := v.trusted(true)
	return t.living()
}
