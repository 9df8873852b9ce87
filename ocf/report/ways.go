package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// advice collects ways.
type advice struct {
	report Report
	e      Explanation
	ways   []Way
}

func (a *advice) say(format string, args ...any) {
	a.ways = append(a.ways, Way{Text: fmt.Sprintf(format, args...)})
}

// run adds a way with its command, once; text ends with a colon by itself.
func (a *advice) run(command, format string, args ...any) {
	if slices.ContainsFunc(a.ways, func(w Way) bool { return w.Command == command }) {
		return
	}
	a.ways = append(a.ways, Way{Text: fmt.Sprintf(format, args...) + ":", Command: command})
}

// ways is PURE: what would make the node promotable, or primary. First what the
// operator or the cluster holds back, since nothing else helps before.
func (r Report) ways(e Explanation) []Way {
	a := &advice{report: r, e: e}
	a.cluster()
	a.constraints()
	if r.View.RecordError == "" {
		a.rule()
	} else {
		a.say("nobody is scored or promoted before the record can be read: %s", r.View.RecordError)
	}
	for _, f := range r.node(e.Node).Failures {
		if f.Count == "INFINITY" {
			a.run(fmt.Sprintf("crm_resource --cleanup --resource %s --node %s", r.Cluster.Resource, e.Node),
				"%s has failed there for good; once the cause is mended", f.Action)
			break
		}
	}
	if len(a.ways) == 0 {
		a.say("nothing has to change")
	}
	return a.ways
}

// target is what operator's commands name: the clone.
func (a *advice) target() string {
	if a.report.Cluster.Clone != "" {
		return a.report.Cluster.Clone
	}
	return a.report.Cluster.Resource
}

// cluster is about standby, maintenance and what keeps the whole resource down.
func (a *advice) cluster() {
	n, c := a.report.node(a.e.Node), a.report.Cluster
	if n.Standby {
		a.run("crm_attribute --node "+a.e.Node+" --name standby --delete", "end the node's standby")
	}
	if n.Maintenance {
		a.run("crm_attribute --node "+a.e.Node+" --name maintenance --delete", "end the node's maintenance")
	}
	switch {
	case c.Maintenance:
		a.run("crm_attribute --type crm_config --name maintenance-mode --delete", "end the cluster's maintenance mode")
	case c.Managed != nil && !*c.Managed && !n.Maintenance:
		a.run(fmt.Sprintf("crm_resource --resource %s --meta --delete-parameter is-managed", a.target()), "let the cluster manage it again")
	}
	if c.TargetRole != "" && !strings.EqualFold(c.TargetRole, "Promoted") {
		a.run(fmt.Sprintf("crm_resource --resource %s --meta --delete-parameter target-role", a.target()), "let it be started and promoted")
	}
	if c.Quorate != nil && !*c.Quorate {
		a.say("this partition has no quorum: nobody is promoted in it before more nodes are back")
	}
}

// constraints is about the operator's own.
func (a *advice) constraints() {
	bars := a.report.bars(a.e.Node)
	for _, k := range a.report.Cluster.Constraints {
		bar := slices.Contains(bars, k)
		if !bar && (!preferred(k) || k.On(a.e.Node) || k.Passed(a.report.At) || a.e.Verdict == IsPrimary) {
			continue
		}
		text := "remove the constraint that bars it"
		if !bar {
			text = "remove the constraint that prefers " + k.Node
		}
		command := fmt.Sprintf(`cibadmin --delete --xml-text '<rsc_location id="%s"/>'`, k.ID)
		if strings.HasPrefix(k.ID, "cli-") {
			command = fmt.Sprintf("crm_resource --clear --resource %s --node %s", k.Resource, word(k.Node == "", a.e.Node, k.Node))
		}
		a.run(command, "%s", text)
	}
}

// rule is about what decided the score.
func (a *advice) rule() {
	r, e := a.report, a.e
	c, _ := r.candidate(e.Node)
	res := r.Cluster.Resource
	living, alive := r.View.Living()
	primary := living.Node.Name
	switch e.Rule {
	case scoring.RulePrimary:
		a.events()
	case scoring.RuleInSync:
		a.say("%sit is promoted by itself when %s goes down", word(len(a.ways) > 0, "then ", ""), primary)
		if e.Verdict == Promotable {
			a.run(fmt.Sprintf("crm_resource --move --resource %s --promoted --node %s", a.target(), e.Node), "to make it primary now")
			a.run(fmt.Sprintf("crm_resource --clear --resource %s --node %s", a.target(), e.Node), "and, once it is, so that the cluster is free to choose again")
		}
	case scoring.RuleProof:
		a.say("the cluster promotes one of those with score 0 by itself")
	case scoring.RuleBehind:
		if alive {
			a.say("it is promotable by itself once it holds what %s had published", primary)
			a.replication(c)
		} else {
			a.say("by itself, if the nodes that hold more go away or are barred")
		}
	case scoring.RuleMaxLag:
		a.say("by itself, once its lag is at most %s", r.View.Policy.MaxLag)
		a.run(fmt.Sprintf("crm_resource --resource %s --set-parameter max_lag --parameter-value %ds", res, int(c.Lag.Seconds())+1),
			"or allow more, for all nodes")
	case scoring.RuleLagUnknown:
		a.replication(c)
	case scoring.RuleWaiting:
		a.waiting()
	case scoring.RuleGranted:
		who := r.View.Record.Primary.Name
		a.say("an operator has given the word for %s, which is promoted by itself while it runs", who)
		a.run(a.grant("promote", "--accept-loss"), "or give it for this node instead: read what it says is lost before you agree")
	case scoring.RuleHolder:
		for _, holder := range e.lack.Holders {
			a.run(fmt.Sprintf("mysql-ha explain %s --resource %s", holder, res), "%s has to run, apply and answer, so that it can send what it holds", holder)
		}
	case scoring.RuleUnseen, scoring.RuleState:
		a.state(e.Node, c.Role)
	case scoring.RuleQuarantined:
		a.say("its data is not trusted: give it a new copy of the primary's")
	case scoring.RuleDiverged:
		a.diverged(primary)
	case scoring.RuleDeposed:
		a.say("its next monitor makes it read-only; then it is explained anew")
	case scoring.RuleSpare:
		if r.node(e.Node).Candidate != "" {
			a.run(fmt.Sprintf("crm_attribute --node %s --name %s-candidate --delete", e.Node, res), "make it a candidate")
		} else {
			a.say("it must not be delayed; the next monitor sees it")
		}
	case scoring.RuleRefused:
		a.say("by itself, once it holds what it lacked, another epoch begins, or the time that it names is over")
		if e.proof != nil && !e.proof.Complete {
			a.waiting()
		}
	case scoring.RuleDraining:
		a.say("by itself, once it has applied what it received")
	case scoring.RuleBroken:
		a.run(`mysql --execute 'SHOW REPLICA STATUS\G'`, "see on %s what its applier stumbled over, and mend that", e.Node)
		if a.report.Said[e.Node].Freeze != "" {
			a.say("the next election, or its monitor after this one, lets it go on; start no thread by hand: with none running MariaDB throws away what is not applied")
			return
		}
		a.run("mysql --execute 'START REPLICA SQL_THREAD'", "then let it go on")
	case scoring.RuleFlavour:
		a.say("MariaDB and MySQL do not replicate to each other here: give it a copy of the primary's data")
	}
}

// events is about those that came to the primary while it was a replica.
func (a *advice) events() {
	said := a.report.Said[a.e.Node]
	if said.Wake == "" {
		return
	}
	command := "mysql --execute '" + strings.ReplaceAll(said.Wake, "'", `'\''`) + "'"
	a.run(command, "events that were made on another server do not run here (%s); enable there those that are meant to run, and disable the others", said.Asleep)
}

// replication is about a replica that does not get what it lacks.
func (a *advice) replication(c scoring.Candidate) {
	said := a.report.Said[a.e.Node]
	switch {
	case said.Freeze != "":
		a.say("it receives again when the election of %s is over, or after election_freeze", said.Freeze)
	case !said.Connected:
		a.run(`mysql --execute 'SHOW REPLICA STATUS\G'`, "its receiver is not connected; see on %s why", a.e.Node)
	case c.Lag == nil:
		a.say("its lag is not known yet; its next monitor looks again")
	}
}

// waiting is about who would complete the proof, and the ways round it.
func (a *advice) waiting() {
	r := a.report
	ranking := scoring.Rank(r.View)
	var absent []string
	for _, name := range ranking.Proof.Missing {
		c, ok := r.candidate(name)
		if ok && c.Observed && c.Role == scoring.RoleReplica {
			continue
		}
		absent = append(absent, name)
		a.state(name, c.Role)
	}
	or := ""
	if len(a.ways) > 0 {
		or = "or "
	}
	switch rec := r.View.Record; {
	case r.Cluster.Quorate == nil || !*r.Cluster.Quorate:
		// The other partition may have a primary: no way round that from here.
	case rec == nil:
		a.run(a.grant("bootstrap"), "%sstart the cluster from the data of this node; what others hold beyond it is not replicated", or)
	case !ranking.Proof.Complete:
		if len(ranking.Proof.Missing) == 0 {
			a.run("mysql-ha reset-epoch --resource "+r.Cluster.Resource, "%sif the same backup was restored on every node: start over from it", or)
			or = "or "
		}
		text := or + "promote this node without the proof"
		if len(absent) > 0 {
			text = fmt.Sprintf("only if it is certain that not enough of them come back (%s): promote this node without the proof", strings.Join(absent, ", "))
		}
		a.run(a.grant("promote", "--accept-loss"), "%s; what may be lost is said before you agree", text)
		if r.View.Policy.AllowDataLoss && !r.View.Waited {
			a.say("by itself after wait_for_peers (%s), as data_loss=allow", r.View.Policy.WaitForPeers)
		}
	default:
		a.say("by itself, once that is over")
	}
}

// grant is a command of ours for this node.
func (a *advice) grant(words ...string) string {
	return strings.Join(append([]string{"mysql-ha", words[0], "--resource", a.report.Cluster.Resource, "--node", a.e.Node}, words[1:]...), " ")
}

// state is what brings a node back to where it can be observed.
func (a *advice) state(node string, role scoring.Role) {
	r := a.report
	n := r.node(node)
	switch {
	case !n.Online:
		a.run("systemctl start pacemaker", "bring %s back: once the machine and its network are up, on it", node)
	case role == scoring.RoleRecovering:
		a.say("%s is recovering: it can be observed by itself when that is done", node)
	case node != a.e.Node && n.Standby:
		a.run("crm_attribute --node "+node+" --name standby --delete", "end the standby of %s", node)
	case role == scoring.RoleStopped:
		if len(n.Failures) > 0 {
			a.run(fmt.Sprintf("crm_resource --cleanup --resource %s --node %s", r.Cluster.Resource, node), "mend why %s failed on %s, then let the cluster try again", n.Failures[0].Action, node)
			return
		}
		a.say("the server of %s has to be started by the cluster: crm_mon -1rA shows what keeps it", node)
	default:
		a.say("%s has to be observed: see the agent's log on it (journalctl -t mysql-ha)", node)
	}
}

// diverged is about a node that holds what the history lacks.
func (a *advice) diverged(primary string) {
	if primary == "" {
		primary = "the primary"
	}
	a.say("look at what it holds too much (its binary log, mysqlbinlog): is it needed, write it again on %s", primary)
	a.say("then give it a new copy of the data of %s: stop it, keep or remove its data directory, restore a backup, start it", primary)
}
