package sim

import (
	"cmp"
	"slices"
)

// status is what Pacemaker believes of an instance.
type status int

const (
	unknown status = iota
	stopped
	unpromoted
	promoted
)

var statuses = [...]string{"unknown", "stopped", "unpromoted", "promoted"}

// instance is what the scheduler goes by: one node of a promotable clone.
type instance struct {
	Node    string
	Status  status
	Failed  bool // to be stopped and started again
	Demote  bool // a failure with on-fail=demote: to be demoted first
	Banned  bool // no instance may run here
	Blocked bool // a stop has failed: nothing is done here
	Fenced  bool // the node is fenced: what is due there is done with that
	Score   int  // for promotion, with the constraints on top
}

// stage is one step of a transition: the notifications before, the operation on all
// its nodes at once, the notifications after. The next one waits for it.
type stage struct {
	Op        string
	Nodes     []string
	Fenced    []string // nodes whose fencing stands for the operation
	Pre, Post []string // who is notified
}

// plan is PURE: the transition, as Pacemaker orders one for a promotable clone with
// notify=true and promoted-max=1: all demotes, all stops, all starts, all promotes.
// None where all is as it should be. A node that was not looked at yet is probed first,
// and taken for stopped.
func plan(all []instance, quorate bool) []stage {
	var probes []string
	all = slices.Clone(all)
	for i := range all {
		if all[i].Status == unknown {
			probes, all[i].Status = append(probes, all[i].Node), stopped
		}
	}
	var stages []stage
	if len(probes) > 0 {
		stages = append(stages, stage{Op: "probe", Nodes: probes})
	}
	winner := elect(all, quorate)
	ops, gone := map[string][]string{}, map[string][]string{}
	for _, i := range all {
		if i.Fenced {
			if i.Status == promoted {
				gone["demote"] = append(gone["demote"], i.Node)
			}
			if i.Status != stopped {
				gone["stop"] = append(gone["stop"], i.Node)
			}
			continue
		}
		runs := quorate && !i.Banned
		if i.Blocked {
			continue
		}
		lead := i.Node == winner
		if i.Status == promoted && (!lead || i.Failed || i.Demote || !runs) {
			ops["demote"] = append(ops["demote"], i.Node)
		}
		if i.Status != stopped && (!runs || i.Failed) {
			ops["stop"] = append(ops["stop"], i.Node)
		}
		if runs && (i.Status == stopped || i.Failed) {
			ops["start"] = append(ops["start"], i.Node)
		}
		if lead && (i.Status != promoted || i.Failed || i.Demote) {
			ops["promote"] = append(ops["promote"], i.Node)
		}
	}
	blocked := slices.ContainsFunc(all, func(i instance) bool { return i.Blocked && i.Status == promoted })
	var active []string
	for _, i := range all {
		if !i.Blocked && !i.Fenced && (i.Status == unpromoted || i.Status == promoted) {
			active = append(active, i.Node)
		}
	}
	for _, op := range []string{"demote", "stop", "start", "promote"} {
		nodes := ops[op]
		if len(nodes)+len(gone[op]) == 0 || op == "promote" && blocked {
			continue
		}
		s := stage{Op: op, Nodes: nodes, Fenced: gone[op], Pre: slices.Clone(active)}
		switch op {
		case "stop":
			active = slices.DeleteFunc(slices.Clone(active), func(n string) bool { return slices.Contains(nodes, n) })
		case "start":
			active = append(slices.Clone(active), nodes...)
			slices.Sort(active)
		}
		s.Post = slices.Clone(active)
		stages = append(stages, s)
	}
	return stages
}

// elect is PURE: the node to be promoted, or "". Of equals the primary that there is,
// then the first.
func elect(all []instance, quorate bool) string {
	fit := slices.DeleteFunc(slices.Clone(all), func(i instance) bool {
		return !quorate || i.Banned || i.Blocked || i.Fenced || i.Score < 0
	})
	slices.SortStableFunc(fit, func(a, b instance) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(b.Status, a.Status))
	})
	if len(fit) == 0 {
		return ""
	}
	return fit[0].Node
}
