package scoring

import (
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Verdict is the answer of an election to the node that asks to be promoted.
type Verdict int

const (
	// Refuse: this node must not open; Reason says why and what would change it.
	Refuse Verdict = iota
	// Fetch: this node may win once it holds Target, which From has.
	Fetch
	// Win: this node holds everything; open with Next as the new record.
	Win
)

// String names the verdict in lower case.
func (v Verdict) String() string {
	switch v {
	case Refuse:
		return "refuse"
	case Fetch:
		return "fetch"
	case Win:
		return "win"
	}
	return "invalid"
}

// Election is what the winner-to-be does next, and why.
type Election struct {
	Verdict Verdict
	From    string   // with Fetch: the peer that has what is missing
	Target  gtid.Set // what must be held (and applied) before opening
	Next    Record   // with Win: the record to write, its Start filled from Target
	Proof   Proof
	Loss    string // with data_loss=allow or a grant: the bound of what may be lost
	Reason  string
}

// Elect answers the node named self, whose ballot and whose peers' ballots are
// the view's candidates. It judges one look; the caller asks again after a Fetch,
// and until its deadline while the answer is to wait.
func Elect(v View, self string) Election {
	e := v.elect(self)
	e.Reason = clip(e.Reason)
	return e
}

func (v View) elect(self string) Election {
	me, why := v.self(self)
	if why != "" {
		return refuse("%s", why)
	}
	record, refusal := v.known()
	if refusal != "" {
		return refuse("%s: nobody may be promoted; see mysql-ha promote --accept-loss", refusal)
	}
	granted := record != nil && record.Grant != GrantNone // an operator's word is newer than any ledger
	if n := v.Ledgers; !granted && v.ClusterSize > 2 && n > 0 && 2*n <= v.ClusterSize {
		return refuse("only %d of %d ledgers could be read: an election needs a majority", n, v.ClusterSize)
	}
	again := record != nil && record.Grant == GrantNone && record.Primary == me.Node
	t := v.trusted(again)
	if why := t.barred(me, again); why != "" {
		return refuse("%s", why)
	}
	e := Election{Proof: t.prove()}
	if e.Reason = t.impeded(me, &e); e.Reason != "" {
		return e
	}
	return t.decide(me, again, e)
}

// self finds the one candidate of that name.
func (v View) self(name string) (Candidate, string) {
	i := slices.IndexFunc(v.Candidates, func(c Candidate) bool { return c.Node.Name == name })
	if i < 0 {
		return Candidate{}, fmt.Sprintf("%s has no ballot in this election", name)
	}
	return v.Candidates[i], ""
}

// barred says why this node cannot win whatever the others hold.
func (t trust) barred(me Candidate, again bool) string {
	if _, why := t.distrust(me); why != "" {
		return me.Node.Name + " " + why
	}
	for _, c := range t.view.Candidates {
		if c.Node != me.Node && c.Observed && t.primary(c) {
			return fmt.Sprintf("%s is primary of epoch %d", c.Node.Name, t.record.Epoch)
		}
	}
	_, in := find(t.members, me.Node)
	switch {
	case !me.Electable:
		return me.Node.Name + " is a spare (candidate=no, or delayed)"
	case me.Broken != "":
		return fmt.Sprintf("%s cannot apply: %s", me.Node.Name, me.Broken)
	case me.Role == RolePrimary:
		return me.Node.Name + " is writable already: demote it first"
	case me.Role != RoleReplica:
		return fmt.Sprintf("%s is %s", me.Node.Name, orUnknown(me.Role))
	case !me.Frozen && !again && !in:
		return me.Node.Name + " is not frozen: pre-promote notify has not run (notify=true?)"
	}
	return ""
}

func orUnknown(r Role) Role {
	if r == "" {
		return RoleUnknown
	}
	return r
}

// primary reports whether the candidate is the writable primary of the record.
func (t trust) primary(c Candidate) bool {
	r := t.record
	return c.Role == RolePrimary && r != nil && r.Grant == GrantNone && c.Node == r.Primary
}

// impeded says why nobody may win yet, and states the loss where the policy
// allows to go on without a proof.
func (t trust) impeded(me Candidate, e *Election) string {
	r := t.record
	if r != nil && r.Grant != GrantNone && r.Primary != me.Node {
		return fmt.Sprintf("only %s may be promoted (%s)", r.Primary, r.Grant)
	}
	waited, allowed := t.view.Waited, t.view.Policy.AllowDataLoss
	switch {
	case e.Proof.Complete && e.Proof.By == ByAckers && !waited && t.recovering():
		return fmt.Sprintf("%s, the last primary, is recovering", r.Primary.Name)
	case e.Proof.Complete && e.Proof.By == ByGrant && r.Grant == GrantAcceptLoss:
		e.Loss = fmt.Sprintf("whatever was acknowledged before epoch %d and is not in %s", r.Epoch, e.Proof.Union.Position())
	case e.Proof.Complete:
	case r == nil || r.Grant != GrantNone || !allowed:
		return e.Proof.Reason
	case !waited:
		return e.Proof.Reason + " (data_loss=allow after wait_for_peers)"
	default:
		e.Loss = fmt.Sprintf("whatever was acknowledged in epoch %d beyond %s: %s", r.Epoch, e.Proof.Union.Position(), e.Proof.Reason)
	}
	return ""
}

// decide lets the node win, or sends it to fetch what it lacks.
func (t trust) decide(me Candidate, again bool, e Election) Election {
	e.Target = e.Proof.Union
	if e.Proof.By != ByGrant {
		if a, b, differ := t.diverged(); differ {
			e.Reason = fmt.Sprintf("%s and %s hold different transactions, and the table of epochs does not tell which count", a, b)
			e.Loss = ""
			return e
		}
	}
	if me.Position.Contains(e.Target) {
		e.Verdict, e.Next = Win, t.next(me, again, e.Target)
		e.Reason = e.Proof.Reason
		if e.Loss != "" && e.Proof.By != ByGrant {
			e.Reason = "data_loss=allow: " + e.Proof.Reason
		}
		return e
	}
	holder, ok := t.holder(me, e.Target)
	switch {
	case !ok:
		e.Reason, e.Loss = t.unsent(me), ""
	default:
		e.Verdict, e.From = Fetch, holder.Node.Name
		e.Reason = fmt.Sprintf("%s lacks %d that %s holds", me.Node.Name, me.Position.Missing(e.Target), holder.Node.Name)
	}
	return e
}

// diverged names two members of which each holds what the other lacks, although
// the line excludes neither.
func (t trust) diverged() (a, b string, differ bool) {
	for i, m := range t.members {
		for _, n := range t.members[i+1:] {
			if r := m.Position.Compare(n.Position); r == gtid.Diverged || r == gtid.Unknown {
				return m.Node.Name, n.Node.Name, true
			}
		}
	}
	return "", "", false
}

// holder is the first running peer that holds the target. It must have applied
// what it sends, so a broken applier does not count.
func (t trust) holder(me Candidate, target gtid.Set) (Candidate, bool) {
	for _, m := range t.members {
		if m.Node != me.Node && m.Broken == "" && m.Position.Contains(target) {
			return m, true
		}
	}
	return Candidate{}, false
}

// unsent says who holds what this node lacks and cannot send it.
func (t trust) unsent(me Candidate) string {
	var names []string
	for _, m := range append(slices.Clone(t.members), t.stopped...) {
		if !me.Position.Contains(m.Position) {
			names = append(names, m.Node.Name)
		}
	}
	return fmt.Sprintf("%s lacks what only %s holds, which cannot send it now", me.Node.Name, oneOfNames(names))
}

// next is the record with which the winner opens.
func (t trust) next(me Candidate, again bool, start gtid.Set) Record {
	n := Record{
		Epoch: 1, Revision: 1, Primary: me.Node, Start: start,
		Durability: Lossless, Waited: 1,
	}
	if t.record != nil {
		n.Epoch = t.record.Epoch + 1
	}
	n.Ackers = t.firstAckers(me, again, start)
	if t.view.Policy.Async || t.view.ClusterSize == 1 {
		n.Durability = Async
	}
	return n
}

// firstAckers are the electable members of S. Where there is none, commits wait
// for one of those that acknowledged before: a proof then needs it, or the winner.
// One that is seen here and cannot acknowledge is not waited for.
func (t trust) firstAckers(me Candidate, again bool, start gtid.Set) []NodeID {
	var ids []NodeID
	for _, m := range t.members {
		if m.Electable && (m.Frozen || again) && start.Contains(m.Position) {
			ids = append(ids, m.Node)
		}
	}
	r := t.record
	if r == nil || !again && len(sorted(ids, me.Node)) > 0 {
		return sorted(ids, me.Node)
	}
	before := slices.Clone(r.Ackers)
	if r.Grant == GrantNone {
		before = append(before, r.Primary)
	}
	// A primary that is promoted again still has its replicas' receivers attached;
	// whoever may acknowledge stays in the record until it is excluded.
	if !again {
		before = slices.DeleteFunc(before, t.mute)
	}
	return sorted(append(ids, before...), me.Node)
}

// mute reports whether the node is seen not to be one that may acknowledge: it has
// diverged, is a spare, or has other data now.
func (t trust) mute(id NodeID) bool {
	return slices.ContainsFunc(t.view.Candidates, func(c Candidate) bool {
		return c.Node.Name == id.Name && c.Observed && (c.Node != id || !c.Electable || t.distrusted(c))
	})
}

func refuse(format string, args ...any) Election {
	return Election{Reason: fmt.Sprintf(format, args...)}
}
