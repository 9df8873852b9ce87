package ocf

import (
	"context"
	"time"
)

// Surroundings answers an operator's questions about what bears on the resource
// besides its own record and attributes. It is one look at the CIB, as it stands
// there: rules are shown, not evaluated.
type Surroundings interface {
	Overview(ctx context.Context) (Overview, error)
}

// Overview is the cluster's and the operator's words about the resource.
type Overview struct {
	Resource string `json:"resource"`
	Clone    string `json:"clone,omitempty"` // "": it is no clone
	Quorate  *bool  `json:"quorate"`         // nil: not known
	Fencing  bool   `json:"fencing"`
	// Managed is false in maintenance mode and with is-managed=false, nil where only
	// a rule tells.
	Managed     *bool          `json:"managed"`
	Maintenance bool           `json:"maintenance"`           // maintenance-mode of the whole cluster
	TargetRole  string         `json:"target_role,omitempty"` // as set: Stopped, Unpromoted, ...
	Nodes       []NodeOverview `json:"nodes"`                 // members by name
	Constraints []Constraint   `json:"constraints,omitempty"`
}

// NodeOverview is what the CIB says of a node.
type NodeOverview struct {
	Name        string    `json:"name"`
	Online      bool      `json:"online"` // Pacemaker runs there
	Standby     bool      `json:"standby,omitempty"`
	Maintenance bool      `json:"maintenance,omitempty"`
	Candidate   string    `json:"candidate,omitempty"` // RESOURCE-candidate, as set
	Score       string    `json:"score,omitempty"`     // as Pacemaker has it; "": not set
	Reason      string    `json:"reason,omitempty"`    // as the node last gave it
	Readable    string    `json:"readable,omitempty"`
	Failures    []Failing `json:"failures,omitempty"`
}

// Failing is an action that has failed on a node and not been cleaned up.
type Failing struct {
	Action string    `json:"action"` // "monitor every 5 s", "start"
	Count  string    `json:"count"`  // a number or INFINITY
	Last   time.Time `json:"last,omitzero"`
}

// Constraint is a location constraint on the resource or its clone.
type Constraint struct {
	ID       string `json:"id"`
	Resource string `json:"resource"`         // the resource, or its clone
	Role     string `json:"role,omitempty"`   // promoted | unpromoted | "": every role
	Node     string `json:"node,omitempty"`   // the node it names
	Except   string `json:"except,omitempty"` // or every node but this one
	Score    string `json:"score"`
	// Until ends it (a lifetime); zero: no end. One that has passed is still there.
	Until time.Time `json:"until,omitzero"`
	// Rule: it has conditions besides a node's name and an end, or names no node:
	// whether it applies is not told here.
	Rule bool `json:"rule,omitempty"`
}

// On tells whether the constraint speaks of the node.
func (c Constraint) On(node string) bool {
	switch {
	case c.Node != "":
		return c.Node == node
	case c.Except != "":
		return c.Except != node
	}
	return true
}

// Passed tells whether its lifetime is over.
func (c Constraint) Passed(now time.Time) bool { return !c.Until.IsZero() && !now.Before(c.Until) }
