package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Explanation says why a node can or cannot be promoted, and what would change it.
type Explanation struct {
	Node    string         `json:"node"`
	Verdict string         `json:"verdict"` // primary | promotable | not promotable
	Score   string         `json:"score"`   // as it follows from what is published
	Rule    scoring.Rule   `json:"rule"`    // that gave it
	Reason  string         `json:"reason"`
	Facts   []Fact         `json:"facts"`
	Ways    []Way          `json:"ways"` // what would change it, what has to come first before the rest
	place   scoring.Place  // the same, unprinted
	lack    scoring.Lack   //
	proof   *scoring.Proof // nil while a primary lives
}

// Fact is one thing that bears on it.
type Fact struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Way is something that would change it: by itself, or by an operator's command.
type Way struct {
	Text    string `json:"text"`
	Command string `json:"command,omitempty"`
}

// Verdicts.
const (
	IsPrimary     = "primary"
	Promotable    = "promotable"
	NotPromotable = "not promotable"
)

// Explain answers for one node. An error: the cluster does not know it.
func (r Report) Explain(node string) (Explanation, error) {
	ranking := scoring.Rank(r.View)
	place, ok := ranking.Of(node)
	if !ok {
		return Explanation{}, fmt.Errorf("the cluster does not know node %q", node)
	}
	e := Explanation{
		Node: node, Score: scoring.FormatScore(place.Score), Rule: place.Rule, Reason: place.Reason,
		place: place, lack: scoring.LackOf(r.View, node),
	}
	if _, living := r.View.Living(); !living {
		e.proof = &ranking.Proof
	}
	held := r.heldBack(node)
	switch {
	case place.Rule == scoring.RulePrimary:
		e.Verdict = IsPrimary
	case place.Score >= 0 && len(held) == 0:
		e.Verdict = Promotable
	default:
		e.Verdict = NotPromotable
	}
	switch {
	case r.View.RecordError != "":
		e.Verdict, e.Reason = NotPromotable, "the epoch record cannot be read: "+r.View.RecordError
	case e.Verdict == NotPromotable && place.Score >= 0:
		e.Reason = strings.Join(held, "; ")
	case place.Rule == scoring.RuleUnseen:
		e.Reason = r.unseen(node)
	}
	e.Facts = r.facts(e)
	e.Ways = r.ways(e)
	return e, nil
}

// unseen is why a node could not be observed, as far as that is known.
func (r Report) unseen(node string) string {
	n := r.node(node)
	c, _ := r.candidate(node)
	switch {
	case !n.Online:
		return "the node is not in the cluster"
	case c.Role == scoring.RoleRecovering && n.Reason != "":
		return n.Reason
	case c.Role == scoring.RoleRecovering:
		return "its server is recovering"
	case n.Standby:
		return "the node is in standby"
	case c.Role == scoring.RoleStopped && strings.HasPrefix(n.Reason, "start: "):
		return "its server was not started: " + strings.TrimPrefix(n.Reason, "start: ")
	case c.Role == scoring.RoleStopped:
		return "nothing is published: its server does not run, or its monitor does not"
	}
	return "its server could not be observed"
}

// heldBack is what keeps a node from being promoted, whatever its score.
func (r Report) heldBack(node string) []string {
	var held []string
	n, c := r.node(node), r.Cluster
	if n.Standby {
		held = append(held, "the node is in standby")
	}
	switch {
	case n.Maintenance:
		held = append(held, "the node is in maintenance")
	case c.Maintenance:
		held = append(held, "the cluster is in maintenance mode")
	case c.Managed != nil && !*c.Managed:
		held = append(held, c.Resource+" is not managed")
	}
	if c.TargetRole != "" && !strings.EqualFold(c.TargetRole, "Promoted") {
		held = append(held, "target-role="+c.TargetRole)
	}
	for _, k := range r.bars(node) {
		held = append(held, "constraint "+k.ID)
	}
	return held
}

// facts lists what bears on the node's promotion; what has nothing to say is left out.
func (r Report) facts(e Explanation) []Fact {
	var all []Fact
	fact := func(name, format string, args ...any) {
		all = append(all, Fact{name, fmt.Sprintf(format, args...)})
	}
	n, said := r.node(e.Node), r.Said[e.Node]
	c, _ := r.candidate(e.Node)
	score := fmt.Sprintf("%s, by the rule: %s", e.Score, e.Rule)
	switch {
	case r.View.RecordError != "":
		score = dash(n.Score) + ", and it stays: nobody is scored without the record"
	case n.Score == "":
		score += "; none is set in the cluster, which counts as -1"
	case n.Score != e.Score:
		score += "; the cluster has " + n.Score + " until its next monitor"
		if n.Reason != "" {
			score += " (" + n.Reason + ")"
		}
	}
	fact("score", "%s", score)
	for _, note := range e.place.Notes {
		fact("", "%s", note)
	}
	fact("role", "%s", r.roleFact(e.Node, c, said))
	if c.Observed {
		holds := shorten(c.Position)
		if n := said.Executed.Missing(c.Position); n > 0 {
			holds += fmt.Sprintf("; %d of it received and not yet applied", n)
		}
		fact("holds", "%s", holds)
		fact("lacks", "%s", lackText(e))
	}
	if e.proof != nil {
		fact("proof", "%s", r.proofText(*e.proof))
	}
	fact("record", "%s", r.recordText(c.Node))
	if c.Role == scoring.RoleReplica && said.Follows != "" {
		fact("lag", "%s, of max_lag %s", lagText(c.Lag), r.View.Policy.MaxLag)
	}
	for _, f := range []Fact{
		{"link", c.Unlinked}, {"degraded", said.Ailment}, {"events", said.Asleep}, {"applier", c.Broken}, {"draining", c.Drain}, {"refused", c.Refused}, {"diverged", c.Foreign}, {"quarantined", c.Quarantined},
	} {
		if f.Text != "" {
			all = append(all, f)
		}
	}
	if said.Freeze != "" {
		fact("frozen", "it receives nothing for the election of %s", said.Freeze)
	}
	if c.Observed && !c.Electable {
		if n.Candidate != "" {
			fact("candidate", "%s-candidate=%s is set on the node", r.Cluster.Resource, n.Candidate)
		} else {
			fact("candidate", "no: it is delayed, or says so itself")
		}
	}
	for _, held := range r.heldBack(e.Node) {
		if !strings.HasPrefix(held, "constraint ") {
			fact("cluster", "%s", held)
		}
	}
	for _, k := range r.Cluster.Constraints {
		switch {
		case k.Passed(r.At) || k.Role == "unpromoted":
		case k.On(e.Node):
			fact("constraint", "%s: %s", k.ID, constraintText(k))
		case preferred(k):
			fact("constraint", "%s: another node is preferred: %s", k.ID, constraintText(k))
		}
	}
	for _, f := range n.Failures {
		fact("failed", "%s, fail-count %s", f.Action, f.Count)
	}
	if said.Turn != nil {
		fact("last", "%s", r.turnText(e.Node))
	}
	return all
}

// preferred tells whether a constraint draws the primary to a node of its own.
func preferred(c ocf.Constraint) bool {
	return c.Node != "" && c.Role != "unpromoted" && c.Score != "" && !strings.HasPrefix(c.Score, "-") && c.Score != "0"
}

func (r Report) roleFact(node string, c scoring.Candidate, said ocf.Said) string {
	text := r.roleText(node)
	switch {
	case text == "offline" || text == "silent":
		return "unknown: " + r.unseen(node)
	case c.Role != scoring.RoleReplica:
		return text
	case said.Follows == "":
		return text + ", follows nobody"
	case !said.Connected:
		return text + ", follows " + said.Follows + ", not connected"
	}
	text += ", follows " + said.Follows
	if said.Acks {
		return text + ", acknowledges"
	}
	return text + ", does not acknowledge"
}

func lackText(e Explanation) string {
	switch {
	case !e.lack.Known:
		return unknownText
	case e.lack.Count == 0:
		return "nothing that is known"
	case len(e.lack.Holders) == 0:
		return fmt.Sprintf("%d (%s); no node here that can be trusted holds all of it", e.lack.Count, shorten(e.lack.Missing))
	}
	return fmt.Sprintf("%d (%s), held by %s", e.lack.Count, shorten(e.lack.Missing), list(e.lack.Holders))
}

// proofText says whether everything is proved to be here, and who is waited for.
func (r Report) proofText(p scoring.Proof) string {
	if p.Complete {
		return p.Reason
	}
	text := "not complete: " + p.Reason
	var waited []string
	for _, name := range p.Missing {
		waited = append(waited, fmt.Sprintf("%s (%s)", name, r.roleText(name)))
	}
	if len(waited) > 0 {
		text += "; would complete it: " + strings.Join(waited, ", ")
	}
	return text
}

// recordText is the record, and what it says of this node.
func (r Report) recordText(id scoring.NodeID) string {
	rec := r.View.Record
	if rec == nil {
		if r.View.RecordError != "" {
			return "not readable: " + r.View.RecordError
		}
		return "none yet: a fresh cluster"
	}
	text := fmt.Sprintf("epoch %d, revision %d, %s, ", rec.Epoch, rec.Revision, rec.Durability)
	switch {
	case rec.Grant != scoring.GrantNone:
		text += fmt.Sprintf("granted to %s by an operator (%s)", rec.Primary.Name, rec.Grant)
	case rec.Primary == id:
		text += "primary is this node"
	case rec.Primary.Name == id.Name && id.Data != "unknown":
		text += "primary was this node with other data"
	default:
		text += "primary " + rec.Primary.Name
	}
	switch {
	case rec.Has(id):
		text += "; this node may acknowledge"
	case rec.Primary != id && id.Data != "unknown":
		text += "; this node may not acknowledge"
	}
	if rec.Final != nil {
		text += "; closed by a clean demotion"
	}
	if said := r.Said[id.Name]; said.Epoch != 0 && said.Epoch != rec.Epoch {
		text += fmt.Sprintf("; it has seen epoch %d only", said.Epoch)
	}
	return text
}

// shorten keeps a position to what a line bears.
func shorten(s gtid.Set) string {
	const room = 100
	text := cmp.Or(s.String(), "no transactions")
	if len(text) > room {
		text = text[:room-3] + "..."
	}
	return text
}

// String is the explanation as an operator reads it.
func (e Explanation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (score %s)\nbecause %s\n\n", e.Node, e.Verdict, e.Score, e.Reason)
	for _, f := range e.Facts {
		fmt.Fprintf(&b, "  %-11s %s\n", f.Name, f.Text)
	}
	b.WriteString("\nwhat would change it:\n")
	for _, w := range e.Ways {
		fmt.Fprintf(&b, "  * %s\n", w.Text)
		if w.Command != "" {
			fmt.Fprintf(&b, "      %s\n", w.Command)
		}
	}
	return b.String()
}
