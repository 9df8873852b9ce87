package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Health is the answer in one number, which is also the exit code of status.
type Health int

const (
	Healthy   Health = 0
	Attention Health = 1 // it works, and somebody has to look
	Critical  Health = 2 // nobody can write, or nobody may rely on what is written
	Untold    Health = 3 // from here it cannot be told
)

func (h Health) String() string {
	switch h {
	case Healthy:
		return "healthy"
	case Attention:
		return "needs attention"
	case Critical:
		return "CRITICAL"
	case Untold:
		return "CANNOT TELL"
	}
	return fmt.Sprintf("health %d", int(h))
}

// Finding is one thing that is not as it should be.
type Finding struct {
	Health Health `json:"health"`
	Node   string `json:"node,omitempty"`
	Text   string `json:"text"`
}

// Health is the worst that was found. What cannot be told outweighs all: the rest may
// be wrong with it.
func (r Report) Health() Health {
	worst := Healthy
	for _, f := range r.Findings() {
		worst = max(worst, f.Health)
	}
	return worst
}

// Findings lists what is not as it should be, the worst first.
func (r Report) Findings() []Finding {
	var all []Finding
	found := func(h Health, node, format string, args ...any) {
		all = append(all, Finding{h, node, fmt.Sprintf(format, args...)})
	}
	switch q := r.Cluster.Quorate; {
	case q == nil:
		found(Untold, "", "whether this partition has quorum is not known")
	case !*q:
		found(Untold, "", "this partition has no quorum: what the other one does is not known here")
	}
	if why := r.View.RecordError; why != "" {
		h := Untold
		if strings.Contains(why, scoring.ErrSplit.Error()) {
			h = Critical
		}
		found(h, "", "%s", why)
	}
	r.reign(found)
	r.setting(found)
	for _, node := range r.names() {
		r.condition(node, found)
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return int(b.Health - a.Health) })
	return all
}

// reign is about the primary: one, with the address, and somebody who acknowledges.
func (r Report) reign(found func(h Health, node, format string, args ...any)) {
	var primaries []string
	for _, c := range r.View.Candidates {
		if c.Role == scoring.RolePrimary {
			primaries = append(primaries, c.Node.Name)
		}
	}
	slices.Sort(primaries)
	living, ok := r.View.Living()
	switch {
	case len(primaries) > 1:
		found(Critical, "", "%s say that they are primary", strings.Join(primaries, " and "))
	case r.View.RecordError != "":
		return // nobody can say who is meant to be
	case len(primaries) == 1 && !ok:
		found(Critical, primaries[0], "%s says that it is primary, but the record does not", primaries[0])
	case len(primaries) == 0:
		found(Critical, "", "no primary: %s", r.vacancy())
	}
	for _, node := range slices.Sorted(maps.Keys(r.Said)) {
		held := r.Said[node].Address
		if held != nil && *held && (!ok || node != living.Node.Name) {
			found(Critical, node, "%s holds the virtual IP without being primary", node)
		}
	}
	if !ok {
		return
	}
	name := living.Node.Name
	if held := r.Said[name].Address; held != nil && !*held {
		found(Critical, name, "%s is primary and does not hold the virtual IP", name)
	}
	rec := r.View.Record
	switch {
	case rec == nil:
		found(Attention, "", "only the table of epochs names the primary: whose acknowledgements count is not known")
	case r.View.ClusterSize == 1 || r.Durability == "async":
	case rec.Durability == scoring.Async:
		found(Attention, "", "degraded: commits are acknowledged without waiting for a replica")
	case len(r.acking()) == 0:
		found(Critical, name, "no replica acknowledges: commits wait (%d now)", r.Said[name].Waiting)
	}
	if r.Shown != "" {
		found(Attention, "", "the CIB does not show the newest record; %s writes it again", name)
	}
}

// acking are the nodes that acknowledge to the primary and count.
func (r Report) acking() []string {
	var names []string
	if r.View.Record == nil {
		return nil
	}
	for _, id := range r.View.Record.Ackers {
		c, _ := r.candidate(id.Name)
		if s := r.Said[id.Name]; c.Node == id && c.Role == scoring.RoleReplica && s.Acks && s.Connected {
			names = append(names, id.Name)
		}
	}
	return names
}

// vacancy says why there is no primary: what an election lacks, or what holds up the
// cluster.
func (r Report) vacancy() string {
	ranking := scoring.Rank(r.View)
	if !ranking.Proof.Complete {
		return ranking.Proof.Reason
	}
	for _, n := range r.Cluster.Nodes {
		if strings.HasPrefix(n.Reason, ocf.Delayed) {
			return n.Name + ": " + n.Reason // whoever would be the choice by now
		}
	}
	var each []string
	for _, p := range ranking.Places {
		name := p.Node.Name
		held := r.heldBack(name)
		switch {
		case p.Rule == scoring.RuleWaiting:
			return p.Reason
		case p.Score >= 0 && len(held) == 0:
			return "the cluster should promote " + name + " now"
		case p.Score >= 0:
			each = append(each, name+": "+strings.Join(held, ", "))
		case p.Rule != scoring.RuleUnseen:
			each = append(each, name+": "+strings.TrimPrefix(p.Reason, name+" "))
		}
	}
	return "nobody can be promoted: " + strings.Join(each, "; ")
}

// setting is about what the operator has set.
func (r Report) setting(found func(h Health, node, format string, args ...any)) {
	c := r.Cluster
	switch {
	case c.Maintenance:
		found(Attention, "", "the cluster is in maintenance mode: nothing is monitored or promoted")
	case c.Managed != nil && !*c.Managed:
		found(Attention, "", "%s is not managed: nothing is promoted", c.Resource)
	}
	if c.TargetRole != "" && !strings.EqualFold(c.TargetRole, "Promoted") {
		found(Attention, "", "target-role=%s is set", c.TargetRole)
	}
	for _, k := range c.Constraints {
		// What is meant to stay has a name of its own.
		if strings.HasPrefix(k.ID, "cli-") && !k.Passed(r.At) {
			found(Attention, k.Node, "%s is left from a command: %s", k.ID, constraintText(k))
		}
	}
}

// constraintText says what a constraint does.
func constraintText(c ocf.Constraint) string {
	what := map[string]string{"": "to run", "promoted": "to be promoted", "unpromoted": "to be a replica"}[c.Role]
	who := c.Node
	switch {
	case c.Except != "":
		who = "every node but " + c.Except
	case who == "":
		who = "nodes of its rule"
	}
	text := fmt.Sprintf("%s on %s: score %s", what, who, c.Score)
	if c.Score == "-INFINITY" {
		text = fmt.Sprintf("never %s on %s", what, who)
	}
	if !c.Until.IsZero() {
		text += ", until " + c.Until.Format(stamp)
	}
	if c.Rule {
		text += ", under a rule that is not evaluated here"
	}
	return text
}

// condition is about one node.
func (r Report) condition(node string, found func(h Health, node, format string, args ...any)) {
	n, said := r.node(node), r.Said[node]
	c, _ := r.candidate(node)
	switch {
	case !n.Online:
		found(Attention, node, "%s is not in the cluster", node)
	case n.Standby:
		found(Attention, node, "%s is in standby", node)
	case c.Role == scoring.RoleStopped:
		found(Attention, node, "%s has published nothing: its server does not run, or its monitor does not", node)
	default:
		place, _ := scoring.Rank(r.View).Of(node)
		_, living := r.View.Living()
		switch {
		case c.Role == scoring.RoleRecovering:
			found(Attention, node, "%s is recovering", node)
		case c.Broken != "":
			found(Attention, node, "%s does not apply: %s", node, c.Broken)
		case living && place.Score == scoring.NegInf && place.Rule != scoring.RuleSpare:
			found(Attention, node, "%s cannot be promoted: %s", node, place.Reason)
		case living && c.Role == scoring.RoleReplica && !said.Connected:
			found(Attention, node, "%s is not connected to the primary", node)
		case !living && (place.Rule == scoring.RuleDiverged || place.Rule == scoring.RuleQuarantined || place.Rule == scoring.RuleRefused):
			found(Attention, node, "%s cannot be promoted: %s", node, place.Reason)
		}
		if c.Unlinked != "" {
			found(Attention, node, "%s: %s", node, c.Unlinked)
		}
		if said.Ailment != "" {
			found(Attention, node, "%s is degraded: %s", node, said.Ailment)
		}
		switch {
		case strings.HasPrefix(said.Asleep, "not known"):
			found(Attention, node, "which events do not run on %s is %s", node, said.Asleep)
		case said.Asleep != "":
			found(Attention, node, "%s does not run events that were made on another server: %s", node, said.Asleep)
		}
		if rec := r.View.Record; rec != nil && c.Observed && said.Epoch < rec.Epoch {
			found(Attention, node, "%s has not seen epoch %d", node, rec.Epoch)
		}
	}
	if n.Maintenance {
		found(Attention, node, "%s is in maintenance: nothing is done there", node)
	}
	for _, f := range n.Failures {
		text := fmt.Sprintf("%s failed on %s, fail-count %s", f.Action, node, f.Count)
		if !f.Last.IsZero() {
			text += ", last " + ago(r.At, f.Last)
		}
		found(Attention, node, "%s", text)
	}
}
