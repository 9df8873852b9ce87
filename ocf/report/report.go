package report

import (
	"slices"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// Report is a situation that is read. One that was saved as JSON says the same later
// and elsewhere.
type Report ocf.Situation

// candidate is the view's word of a node.
func (r Report) candidate(node string) (scoring.Candidate, bool) {
	i := slices.IndexFunc(r.View.Candidates, func(c scoring.Candidate) bool { return c.Node.Name == node })
	if i < 0 {
		return scoring.Candidate{}, false
	}
	return r.View.Candidates[i], true
}

// node is the CIB's word of a node; the zero value where it has none.
func (r Report) node(name string) ocf.NodeOverview {
	for _, n := range r.Cluster.Nodes {
		if n.Name == name {
			return n
		}
	}
	return ocf.NodeOverview{Name: name}
}

// names of all nodes, in order.
func (r Report) names() []string {
	var names []string
	for _, c := range r.View.Candidates {
		names = append(names, c.Node.Name)
	}
	slices.Sort(names)
	return names
}

// bars are the constraints that keep a node from being promoted, or from running,
// as far as that can be told without evaluating rules.
func (r Report) bars(node string) []ocf.Constraint {
	var bars []ocf.Constraint
	for _, c := range r.Cluster.Constraints {
		if c.Score == "-INFINITY" && c.On(node) && c.Role != "unpromoted" && !c.Rule && !c.Passed(r.At) {
			bars = append(bars, c)
		}
	}
	return bars
}
