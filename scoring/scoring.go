package scoring

import (
	"cmp"
	"fmt"
	"math/bits"
	"slices"
)

// Place is one line of a ranking: a node's score with the reason for it.
type Place struct {
	Node   NodeID   `json:"node"`
	Score  int      `json:"score"` // NegInf, or -999999..1000
	Rule   Rule     `json:"rule"`  // what decided
	Reason string   `json:"reason"`
	Notes  []string `json:"notes,omitempty"`
}

// Rule names what decided a place, for whoever has to act on it: the reason's
// words are for reading.
type Rule string

const (
	RulePrimary     Rule = "primary"
	RuleInSync      Rule = "in sync"
	RuleBehind      Rule = "behind"     // it may win, after others
	RuleMaxLag      Rule = "max_lag"    // over the bound while a primary lives
	RuleLagUnknown  Rule = "lag"        // behind, and nobody knows how long
	RuleProof       Rule = "proof"      // no primary: everything is proved to be here
	RuleWaiting     Rule = "waiting"    // no primary: a proof, or the policy, lacks something
	RuleGranted     Rule = "granted"    // an operator's word names another node
	RuleHolder      Rule = "holder"     // what it lacks cannot be sent now
	RuleUnseen      Rule = "unseen"     // could not be observed
	RuleQuarantined Rule = "quarantine" // not trusted
	RuleDiverged    Rule = "diverged"
	RuleDeposed     Rule = "deposed" // writable without the record's word
	RuleState       Rule = "state"   // recovering, stopped or unknown
	RuleSpare       Rule = "spare"
	RuleRefused     Rule = "refused"
	RuleDraining    Rule = "draining"
	RuleBroken      Rule = "broken"  // the applier
	RuleFlavour     Rule = "flavour" // positions that cannot be compared
)

// Ranking lists every candidate, best first.
type Ranking struct {
	Places []Place `json:"places"`
	Proof  Proof   `json:"proof,omitzero"` // meaningful while no primary lives
}

// Of returns the node's place.
func (r Ranking) Of(node string) (Place, bool) {
	for _, p := range r.Places {
		if p.Node.Name == node {
			return p, true
		}
	}
	return Place{}, false
}

// Rank scores every candidate from what was published. It is a hint: positions
// are taken as if frozen, and the election decides on frozen ones.
func Rank(v View) Ranking {
	t := v.trusted(true)
	var r Ranking
	if living, ok := t.living(); ok {
		for _, c := range v.Candidates {
			r.Places = append(r.Places, t.beside(living, c))
		}
	} else {
		r.Proof = t.prove()
		r.Places = t.orphaned(r.Proof)
	}
	for i := range r.Places {
		r.Places[i].Reason = clip(r.Places[i].Reason)
	}
	slices.SortFunc(r.Places, func(a, b Place) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), a.Node.compare(b.Node))
	})
	return r
}

// living returns the healthy primary that the record names.
func (t trust) living() (Candidate, bool) {
	for _, c := range t.view.Candidates {
		if c.Observed && t.primary(c) {
			return c, true
		}
	}
	return Candidate{}, false
}

func place(c Candidate, score int, rule Rule, format string, args ...any) Place {
	return Place{Node: c.Node, Score: score, Rule: rule, Reason: fmt.Sprintf(format, args...)}
}

// unfit returns the rule and the reason for which a candidate is not promoted
// whatever the others hold, or "".
func (t trust) unfit(c Candidate) (Rule, string) {
	if rule, why := t.distrust(c); why != "" {
		return rule, why
	}
	switch {
	case c.Role == RolePrimary && t.record == nil:
		return RuleDeposed, "writable, but no record names a primary"
	case c.Role == RolePrimary:
		return RuleDeposed, fmt.Sprintf("writable, but the record names %s", t.record.Primary.Name)
	case c.Role == RoleRecovering, c.Role == RoleStopped:
		return RuleState, string(c.Role)
	case c.Role != RoleReplica:
		return RuleState, "its role is unknown"
	case !c.Electable:
		return RuleSpare, "spare (candidate=no, or delayed)"
	case c.Refused != "":
		return RuleRefused, "refused: " + c.Refused
	case c.Drain != "":
		return RuleDraining, c.Drain
	case c.Broken != "":
		return RuleBroken, "applier stopped: " + c.Broken
	}
	return "", ""
}

// beside scores a candidate while a primary lives: by what the primary had
// published at its previous monitor, so that a replica under load is in sync.
func (t trust) beside(living, c Candidate) Place {
	if c.Node == living.Node {
		return place(c, PrimaryScore, RulePrimary, "primary of epoch %d", t.record.Epoch)
	}
	if rule, why := t.unfit(c); why != "" {
		return place(c, NegInf, rule, "%s", why)
	}
	floor, err := living.Previous.Union(t.record.Start)
	if err != nil {
		return place(c, NegInf, RuleFlavour, "the primary's position is of another flavour")
	}
	lacks := c.Position.Missing(floor)
	limit := t.view.Policy.MaxLag
	switch {
	case limit > 0 && c.Lag != nil && *c.Lag > limit:
		return place(c, NegInf, RuleMaxLag, "lag %s is over max_lag %s", *c.Lag, limit)
	case lacks == 0:
		return t.prefer(place(c, 0, RuleInSync, "in sync with %s", living.Node.Name), c)
	case c.Lag == nil:
		return place(c, NegInf, RuleLagUnknown, "lacks %d that %s holds, and its lag is unknown", lacks, living.Node.Name)
	}
	return place(c, behind(lacks), RuleBehind, "lacks %d that %s holds", lacks, living.Node.Name)
}

// orphaned scores the candidates while no primary lives. The best that can win
// gets 0, or Pacemaker would not start the promotion in which it fetches the rest.
func (t trust) orphaned(p Proof) []Place {
	verdict := t.hold(p)
	var places []Place
	best, found, linked := uint64(0), false, false
	lacks := make([]uint64, len(t.view.Candidates))
	for i, c := range t.view.Candidates {
		rule, why := t.unfit(c)
		if why == "" {
			rule, why = RuleWaiting, verdict
		}
		if why == "" && p.By == ByGrant && c.Node != t.record.Primary {
			rule, why = RuleGranted, fmt.Sprintf("only %s may be promoted (%s)", t.record.Primary.Name, t.record.Grant)
		}
		lacks[i] = c.Position.Missing(p.Union)
		if _, ok := t.holder(c, p.Union); why == "" && lacks[i] > 0 && !ok {
			rule, why = RuleHolder, t.unsent(c)
		}
		if why != "" {
			places = append(places, place(c, NegInf, rule, "%s", why))
			continue
		}
		// A node that clients would not reach is no measure for one that fetches from it.
		if l := c.Unlinked == ""; !found || l && !linked || l == linked && lacks[i] < best {
			best, found, linked = lacks[i], true, l
		}
		places = append(places, place(c, 0, RuleProof, "%s", p.Reason))
	}
	for i := range places {
		if places[i].Score == NegInf {
			continue
		}
		if lacks[i] > best {
			places[i].Score, places[i].Rule = behind(lacks[i]-best), RuleBehind
			places[i].Reason = fmt.Sprintf("lacks %d of what is held", lacks[i])
			continue
		}
		if lacks[i] > 0 {
			places[i].Notes = []string{fmt.Sprintf("will fetch %d first", lacks[i])}
		}
		places[i] = t.prefer(places[i], t.view.Candidates[i])
	}
	if p.By == ByFresh {
		t.continued(places)
	}
	return places
}

// hold says why nobody is promoted now, or "".
func (t trust) hold(p Proof) string {
	switch {
	case t.refusal != "":
		return t.refusal
	case !p.Complete && t.record != nil && t.record.Grant == GrantNone && t.view.Waited && t.view.Policy.AllowDataLoss:
	case !p.Complete:
		return p.Reason
	case p.By == ByAckers && !t.view.Waited && t.recovering():
		return fmt.Sprintf("%s, the last primary, is recovering", t.record.Primary.Name)
	}
	if p.By != ByGrant {
		if a, b, differ := t.diverged(); differ {
			return fmt.Sprintf("%s and %s hold different transactions", a, b)
		}
	}
	return ""
}

// recovering reports whether the record's primary may come back with its tail.
func (t trust) recovering() bool {
	return slices.ContainsFunc(t.view.Candidates, func(c Candidate) bool {
		return t.record != nil && c.Node == t.record.Primary && c.Role == RoleRecovering
	})
}

// behind is minus the number missing, rounded up to a power of two: the score
// changes seldom, and each change aborts a running transition.
func behind(missing uint64) int {
	const worst = 999999
	if missing > worst/2 {
		return -worst
	}
	return -(1 << max(1, bits.Len64(missing-1)))
}
