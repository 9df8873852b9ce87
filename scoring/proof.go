package scoring

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Proof says whether a set of participants surely holds everything that was
// acknowledged in the record's epoch.
type Proof struct {
	Complete bool     `json:"complete"`
	By       string   `json:"by"`             // final | primary | ackers | grant | fresh | ""
	Missing  []string `json:"missing"`        // names of nodes whose presence would complete it
	Union    gtid.Set `json:"union,omitzero"` // everything the trusted participants hold
	Reason   string   `json:"reason"`         // "waiting for db2", "complete: both ackers are here"
}

// What a proof stands on.
const (
	ByFinal   = "final"
	ByPrimary = "primary"
	ByAckers  = "ackers"
	ByGrant   = "grant"
	ByFresh   = "fresh"
)

// Prove judges the frozen candidates. One that is not frozen may still receive
// and acknowledge, so its ballot counts only where the record has a final position.
func Prove(v View) Proof {
	t := v.trusted(false)
	return t.prove()
}

// trust is a view reduced to what may be believed.
type trust struct {
	view    View
	record  *Record     // newest known, also from the table of epochs
	line    Line        // with the record's own epoch
	members []Candidate // S, by name
	stopped []Candidate // the record's primary, not running, its binary log whole
	refusal string      // why nobody may act
}

// trusted selects S. loose takes unfrozen candidates: for hints, and where the
// node to be promoted is the primary that the others follow.
func (v View) trusted(loose bool) trust {
	t := trust{view: v}
	t.record, t.refusal = v.known()
	t.line = v.Line.With(t.record)
	loose = loose || t.record != nil && t.record.Final != nil
	for _, c := range v.Candidates {
		switch {
		case t.distrusted(c):
		case c.Role == RoleReplica && (c.Frozen || loose):
			t.members = append(t.members, c)
		case c.Role == RoleStopped && c.WholeBinlog && t.record != nil && c.Node == t.record.Primary:
			t.stopped = append(t.stopped, c)
		}
	}
	slices.SortFunc(t.members, byNode)
	return t
}

func byNode(a, b Candidate) int { return a.Node.compare(b.Node) }

// known returns the record to judge by. A table of epochs that is ahead of every
// record tells who was primary, but not whose acknowledgements counted.
func (v View) known() (*Record, string) {
	if v.RecordError != "" {
		return nil, v.RecordError
	}
	if len(v.Line) == 0 {
		return v.Record, ""
	}
	last := v.Line[len(v.Line)-1]
	if v.Record == nil || last.Epoch > v.Record.Epoch {
		return &Record{
			Epoch: last.Epoch, Primary: last.Primary, Start: last.Start, Marker: last.Marker,
			Durability: Async, Waited: 1,
		}, ""
	}
	if last.Epoch == v.Record.Epoch && (last.Primary != v.Record.Primary || v.Record.Grant != GrantNone) {
		return nil, ErrSplit.Error()
	}
	return v.Record, ""
}

// distrust returns the rule and the reason for which the candidate's transactions
// do not count, or "".
func (t trust) distrust(c Candidate) (Rule, string) {
	switch {
	case !c.Observed:
		return RuleUnseen, "could not be observed"
	case c.Quarantined != "":
		return RuleQuarantined, "quarantined: " + c.Quarantined
	case c.Foreign != "":
		return RuleDiverged, "diverged: " + c.Foreign
	}
	if f := t.line.Foreign(c.Position, nil); !f.Empty() {
		return RuleDiverged, "diverged: " + short(f)
	}
	return "", ""
}

func (t trust) distrusted(c Candidate) bool {
	_, why := t.distrust(c)
	return why != ""
}

func (t trust) prove() Proof {
	p := Proof{}
	if t.refusal != "" {
		p.Reason = t.refusal
		return p
	}
	var ok bool
	if p.Union, ok = union(t.members); !ok {
		p.Reason = "positions of different flavours"
		return p
	}
	switch r := t.record; {
	case r == nil:
		return t.fresh(p)
	case r.Grant != GrantNone:
		return t.granted(p)
	default:
		return t.elected(p)
	}
}

// elected proves an epoch that had a primary.
func (t trust) elected(p Proof) Proof {
	r := t.record
	if r.Final != nil && p.Union.Contains(*r.Final) {
		return p.complete(ByFinal, "complete: the final position is held")
	}
	primary, here := find(t.members, r.Primary)
	whole := here && primary.WholeBinlog
	acks, need := t.acks()
	byAckers := r.Durability == Lossless && len(r.Ackers) > 0 && acks >= need
	started := p.Union.Contains(r.Start)
	switch {
	case !t.ended(p.Union): // nobody vouches for less than is known to have been
	case whole && started:
		return p.complete(ByPrimary, "complete: %s, the last primary, is here", r.Primary.Name)
	case byAckers && started:
		return p.complete(ByAckers, "complete: %d of %d ackers are here", acks, len(r.Ackers))
	}
	// A primary that does not run counts by what is on its disk, but only where
	// nothing else proves: its unacknowledged tail must not hold up the others.
	if len(t.stopped) > 0 {
		if all, ok := union(append(slices.Clone(t.members), t.stopped...)); ok && all.Contains(r.Start) && t.ended(all) {
			p.Union = all
			return p.complete(ByPrimary, "complete: the binary log of %s is here", r.Primary.Name)
		}
	}
	return t.waiting(p, whole || byAckers)
}

// ended tells whether the set holds what the epoch ended with, where that is on record.
// Data that holds less went back in time, as a backup does. The marker alone may be
// nowhere else, and is nobody's loss.
func (t trust) ended(held gtid.Set) bool {
	r := t.record
	if r.Final == nil {
		return true
	}
	if r.Marker != (gtid.Entry{}) {
		if all, err := held.Union(gtid.FromEntries([]gtid.Entry{r.Marker})); err == nil {
			held = all
		}
	}
	return held.Contains(*r.Final)
}

// acks counts the ackers in S, and how many would do.
func (t trust) acks() (have, need int) {
	for _, m := range t.members {
		if m.RelayIntact && t.record.Has(m.Node) {
			have++
		}
	}
	return have, max(1, len(t.record.Ackers)-t.record.Waited+1)
}

// waiting names who would complete the proof: the primary, or the ackers. A node
// that is here and does not count, since it was reseeded, lost its relay log or
// diverged, is not waited for.
func (t trust) waiting(p Proof, startOnly bool) Proof {
	r := t.record
	var absent []string
	for _, a := range r.Ackers {
		if !t.present(a.Name) {
			absent = append(absent, a.Name)
		}
	}
	have, need := t.acks()
	need -= have
	byAckers := r.Durability == Lossless && need > 0 && need <= len(absent)
	ended, end := t.ended(p.Union), "end"
	if ended {
		end = "start"
	}
	if byAckers || startOnly || !ended {
		p.Missing = append(p.Missing, absent...)
	}
	here := t.present(r.Primary.Name)
	if !here {
		p.Missing = append(p.Missing, r.Primary.Name)
	}
	slices.Sort(p.Missing)
	last := fmt.Sprintf("%s, primary of epoch %d", r.Primary.Name, r.Epoch)
	switch {
	case len(p.Missing) == 0 && (startOnly || !ended):
		p.Reason = fmt.Sprintf("nobody holds the %s of epoch %d: restored from a backup? mysql-ha reset-epoch", end, r.Epoch)
	case !ended:
		p.Reason = fmt.Sprintf("waiting for %s: nobody here holds the end of epoch %d", oneOfNames(p.Missing), r.Epoch)
	case startOnly:
		p.Reason = fmt.Sprintf("waiting for %s: nobody here holds the start of epoch %d", oneOfNames(p.Missing), r.Epoch)
	case byAckers:
		p.Reason = "waiting for " + strings.Join(absent, " and ")
		if need < len(absent) {
			p.Reason = fmt.Sprintf("waiting for %d of %s", need, strings.Join(absent, ", "))
		}
		if !here {
			p.Reason += ", or for the last primary " + r.Primary.Name
		}
	case !here:
		p.Reason = "waiting for " + last + ": no acker can vouch for it"
	default:
		p.Reason = last + ", cannot vouch for it, nor can an acker: mysql-ha promote --accept-loss"
	}
	return p
}

// present reports whether a node of that name could be observed.
func (t trust) present(name string) bool {
	return slices.ContainsFunc(t.view.Candidates, func(c Candidate) bool {
		return c.Node.Name == name && c.Observed && (c.Role == RoleReplica || c.Role == RolePrimary)
	})
}

func (p Proof) complete(by, format string, args ...any) Proof {
	p.Complete, p.By, p.Reason = true, by, fmt.Sprintf(format, args...)
	return p
}

func find(cs []Candidate, n NodeID) (Candidate, bool) {
	i := slices.IndexFunc(cs, func(c Candidate) bool { return c.Node == n })
	if i < 0 {
		return Candidate{}, false
	}
	return cs[i], true
}

// union returns everything the candidates hold; false where flavours differ.
func union(cs []Candidate) (gtid.Set, bool) {
	all := gtid.Set{}
	for _, c := range cs {
		u, err := all.Union(c.Position)
		if err != nil {
			return gtid.Set{}, false
		}
		all = u
	}
	return all, true
}
