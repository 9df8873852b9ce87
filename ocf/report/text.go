package report

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// stamp is a time as people read it.
const stamp = "2006-01-02 15:04:05Z07:00"

const unknownText = "unknown"

// Status is the report on one screen: what is wrong first, then who does what.
func (r Report) Status() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Cluster.Resource, r.Health())
	for _, f := range r.Findings() {
		fmt.Fprintf(&b, "  * %s\n", f.Text)
	}
	fmt.Fprintf(&b, "\nprimary     %s\n", r.primaryText())
	if r.Address != "" {
		fmt.Fprintf(&b, "address     %s\n", r.addressText())
	}
	fmt.Fprintf(&b, "durability  %s\n", r.durabilityText())
	fmt.Fprintf(&b, "cluster     %s\n", r.clusterText())
	fmt.Fprintf(&b, "seen        by %s at %s\n\n", r.Asked, r.At.Format(stamp))
	r.table(&b)
	if r.Health() != Healthy {
		fmt.Fprintf(&b, "\nmysql-ha explain NODE --resource %s says what would change it.\n", r.Cluster.Resource)
	}
	return b.String()
}

func (r Report) primaryText() string {
	rec := r.View.Record
	living, ok := r.View.Living()
	switch {
	case ok && rec == nil:
		return living.Node.Name + ", by the table of epochs alone"
	case ok:
		return fmt.Sprintf("%s, epoch %d, %s", living.Node.Name, rec.Epoch, r.turnText(living.Node.Name))
	case rec == nil && r.View.RecordError == "":
		return "none; no epoch record yet: a fresh cluster"
	case rec == nil:
		return unknownText
	case rec.Grant != scoring.GrantNone:
		return fmt.Sprintf("none; epoch %d is granted to %s (%s)", rec.Epoch, rec.Primary.Name, rec.Grant)
	case rec.Final != nil:
		return fmt.Sprintf("none; the last was %s, epoch %d, demoted cleanly", rec.Primary.Name, rec.Epoch)
	}
	return fmt.Sprintf("none; the last was %s, epoch %d", rec.Primary.Name, rec.Epoch)
}

func (r Report) addressText() string {
	var holders []string
	told := true
	for _, node := range r.names() {
		switch held := r.Said[node].Address; {
		case held == nil && r.node(node).Online:
			told = false
		case held != nil && *held:
			holders = append(holders, node)
		}
	}
	switch {
	case len(holders) > 0:
		return r.Address + " on " + strings.Join(holders, " and ")
	case told:
		return r.Address + " on no node"
	}
	return r.Address + " on no node that says so"
}

func (r Report) durabilityText() string {
	rec := r.View.Record
	if rec == nil {
		return r.Durability + ", as configured; no epoch is known"
	}
	if rec.Durability == scoring.Async {
		return "async: commits do not wait"
	}
	if _, ok := r.View.Living(); !ok {
		return fmt.Sprintf("%s: %s could acknowledge", rec.Durability, list(nodeNames(rec.Ackers)))
	}
	text := fmt.Sprintf("%s: %s may acknowledge", rec.Durability, list(nodeNames(rec.Ackers)))
	if acking := r.acking(); len(acking) < len(rec.Ackers) {
		text += fmt.Sprintf(", %s does", list(acking))
	}
	return text
}

func (r Report) clusterText() string {
	online := 0
	for _, n := range r.Cluster.Nodes {
		if n.Online {
			online++
		}
	}
	yes := func(v *bool, is, not, unknown string) string {
		switch {
		case v == nil:
			return unknown
		case *v:
			return is
		}
		return not
	}
	return strings.Join([]string{
		fmt.Sprintf("%d of %d nodes online", online, len(r.Cluster.Nodes)),
		yes(r.Cluster.Quorate, "quorum", "NO QUORUM", "quorum unknown"),
		yes(r.Cluster.Managed, "managed", "NOT MANAGED", "managed by a rule: see crm_mon"),
		yes(&r.Cluster.Fencing, "fencing on", "fencing off", ""),
	}, ", ")
}

// table is a line for each node, and below it why.
func (r Report) table(b *strings.Builder) {
	ranking := scoring.Rank(r.View)
	living, _ := r.View.Living()
	var lines, below []string
	lines = append(lines, "NODE\tROLE\tSCORE\tBEHIND\tLAG\tFOLLOWS\tACKS\tEPOCH\tREADS\tADDRESS")
	for _, name := range r.names() {
		c, _ := r.candidate(name)
		n, said := r.node(name), r.Said[name]
		row := []string{name, r.roleText(name), dash(n.Score), "-", "-", dash(said.Follows), "-", "-", word(n.Readable == "1", "yes", "no"), "-"}
		if c.Role == scoring.RoleReplica {
			row[3] = behindText(scoring.LackOf(r.View, name), c, said)
			row[4] = lagText(c.Lag)
			row[6] = word(said.Acks, "yes", "no")
			if said.Follows != "" && !said.Connected {
				row[5] += "!"
			}
		}
		if said.Epoch > 0 {
			row[7] = fmt.Sprint(said.Epoch)
		}
		if said.Address != nil {
			row[9] = word(*said.Address, "yes", "no")
		}
		lines = append(lines, strings.Join(row, "\t"))
		place, _ := ranking.Of(name)
		below = append(below, r.because(name, place))
		if name == living.Node.Name {
			continue
		}
		if said.Turn != nil {
			below[len(below)-1] += "\n      " + r.turnText(name)
		}
	}
	var t strings.Builder
	w := tabwriter.NewWriter(&t, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(lines, "\n"))
	_ = w.Flush() // a builder does not fail
	i := 0
	for line := range strings.Lines(t.String()) {
		fmt.Fprintln(b, strings.TrimRight(line, " \n"))
		if i > 0 {
			fmt.Fprintf(b, "      %s\n", below[i-1])
		}
		i++
	}
}

// because is why a node's score is what it is: in the node's own words where it has
// given them with that score, since it knows more than what it publishes.
func (r Report) because(name string, place scoring.Place) string {
	n := r.node(name)
	switch {
	case place.Rule == scoring.RuleUnseen:
		return r.unseen(name)
	case r.View.RecordError != "" && n.Reason != "":
		return n.Reason // and it stays: nobody scores without the record
	case n.Score == scoring.FormatScore(place.Score), n.Reason == "":
		return place.Reason
	case n.Score == "":
		return place.Reason + " (no score is set yet)"
	}
	return fmt.Sprintf("%s (its next monitor: %s, %s)", n.Reason, scoring.FormatScore(place.Score), place.Reason)
}

func (r Report) roleText(name string) string {
	c, _ := r.candidate(name)
	n := r.node(name)
	switch {
	case !n.Online:
		return "offline"
	case c.Role == scoring.RoleStopped && n.Standby:
		return "standby"
	case c.Role == scoring.RoleStopped:
		return "silent"
	}
	return string(c.Role)
}

// turnText is when and why a node's role last changed.
func (r Report) turnText(name string) string {
	turn := r.Said[name].Turn
	if turn == nil {
		return "when it was last promoted or demoted is not known"
	}
	text := turn.What
	if at, err := time.Parse(time.RFC3339, turn.At); err == nil {
		text += fmt.Sprintf(" %s (%s)", ago(r.At, at), at.UTC().Format(stamp))
	}
	if turn.Why != "" {
		text += ": " + turn.Why
	}
	if c, _ := r.candidate(name); turn.What == "promoted" && c.Role != scoring.RolePrimary {
		text += "; how that ended was not seen"
	}
	return text
}

func behindText(l scoring.Lack, c scoring.Candidate, said ocf.Said) string {
	text := unknownText
	if l.Known {
		text = fmt.Sprint(l.Count)
	}
	if n := said.Executed.Missing(c.Position); n > 0 {
		text += fmt.Sprintf("+%d", n)
	}
	return text
}

func lagText(lag *time.Duration) string {
	if lag == nil {
		return unknownText
	}
	return lag.String()
}

func nodeNames(ids []scoring.NodeID) []string {
	var names []string
	for _, id := range ids {
		names = append(names, id.Name)
	}
	return names
}

func list(names []string) string {
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, " and ")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func word(yes bool, is, not string) string {
	if yes {
		return is
	}
	return not
}

// ago is coarse: two units at most.
func ago(now, then time.Time) string {
	d := now.Sub(then)
	switch {
	case d < 0:
		return "by a clock that is ahead"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 24*time.Hour:
		return fmt.Sprintf("%d h %d min ago", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%d d %d h ago", int(d.Hours())/24, int(d.Hours())%24)
}
