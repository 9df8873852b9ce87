package pacemaker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// bootstrapSet is where Pacemaker's tools put the cluster's options.
const bootstrapSet = "cib-bootstrap-options"

// Overview tells what bears on the resource, from the same look as all else.
func (c *Cluster) Overview(ctx context.Context) (ocf.Overview, error) {
	s, err := c.look(ctx)
	if err != nil {
		return ocf.Overview{}, fmt.Errorf("overview: %w", err)
	}
	return s.overview(c.resource), nil
}

func (s *snapshot) overview(resource string) ocf.Overview {
	o := ocf.Overview{Resource: resource, Quorate: s.quorate, Fencing: true}
	for _, name := range []string{"stonith-enabled", "fencing-enabled"} {
		if v, ok := s.options[name]; ok {
			o.Fencing = truth(v)
		}
	}
	o.Maintenance = truth(s.options["maintenance-mode"])
	p, clone, _ := s.resources.find(resource)
	o.Clone = clone.ID
	managed, rule := true, false
	// Of two settings the inner one counts; defaults, where neither speaks.
	for _, sets := range [][]cibMeta{s.defaults, clone.Meta, p.Meta} {
		for _, set := range sets {
			rule = rule || set.Rule != nil
			for _, nv := range set.Pairs {
				switch nv.Name {
				case "is-managed":
					managed = truth(nv.Value)
				case "maintenance":
					managed = managed && !truth(nv.Value)
				case "target-role":
					o.TargetRole = roleWord(nv.Value)
				}
			}
		}
	}
	managed = managed && !o.Maintenance
	if !rule || o.Maintenance {
		o.Managed = &managed
	}
	for _, m := range s.members {
		permanent, shown := s.permanent[m.Name], s.shown[m.Name]
		o.Nodes = append(o.Nodes, ocf.NodeOverview{
			Name: m.Name, Online: s.joined[m.Name],
			Standby:     truth(permanent["standby"]) || truth(shown["standby"]),
			Maintenance: truth(permanent["maintenance"]) || truth(shown["maintenance"]),
			Candidate:   permanent[resource+"-candidate"],
			Score:       shown["master-"+resource],
			Reason:      shown[resource+"-reason"],
			Readable:    shown[resource+"-readable"],
			Failures:    failures(shown, resource),
		})
	}
	slices.SortFunc(o.Nodes, func(a, b ocf.NodeOverview) int { return strings.Compare(a.Name, b.Name) })
	for _, l := range s.locations {
		if l.Resource == resource || l.Resource == o.Clone && o.Clone != "" {
			o.Constraints = append(o.Constraints, l.constraints()...)
		}
	}
	return o
}

// truth reads Pacemaker's truth values.
func truth(v string) bool {
	return slices.Contains([]string{"true", "on", "yes", "y", "1"}, strings.ToLower(v))
}

// roleWord is a role in today's word.
func roleWord(role string) string {
	switch strings.ToLower(role) {
	case "master":
		return "Promoted"
	case "slave":
		return "Unpromoted"
	case "started":
		return ""
	}
	return role
}

// failures reads "fail-count-db#monitor_5000" and its last-failure.
func failures(shown map[string]string, resource string) []ocf.Failing {
	var all []ocf.Failing
	for _, name := range slices.Sorted(maps.Keys(shown)) {
		count := shown[name]
		operation, ok := strings.CutPrefix(name, "fail-count-"+resource+"#")
		if !ok || count == "0" {
			continue
		}
		action, interval, _ := strings.Cut(operation, "_")
		f := ocf.Failing{Action: action, Count: count}
		if ms, err := strconv.ParseUint(interval, 10, 32); err == nil && ms > 0 {
			f.Action += " every " + (time.Duration(ms) * time.Millisecond).String()
		}
		// JSON has no years of five digits.
		if at, err := strconv.ParseUint(shown["last-failure-"+resource+"#"+operation], 10, 32); err == nil && at > 0 {
			f.Last = time.Unix(int64(at), 0).UTC()
		}
		all = append(all, f)
	}
	slices.SortStableFunc(all, func(a, b ocf.Failing) int { return strings.Compare(a.Action, b.Action) })
	return all
}

// cibLocation is a location constraint. A rule in it has the score and, in older
// versions, the role.
type cibLocation struct {
	ID       string    `xml:"id,attr"`
	Resource string    `xml:"rsc,attr"`
	Role     string    `xml:"role,attr"`
	Node     string    `xml:"node,attr"`
	Score    string    `xml:"score,attr"`
	Rules    []cibRule `xml:"rule"`
}

type cibRule struct {
	Role        string `xml:"role,attr"`
	Score       string `xml:"score,attr"`
	ByAttribute string `xml:"score-attribute,attr"`
	Op          string `xml:"boolean-op,attr"`
	Expressions []struct {
		Attribute string `xml:"attribute,attr"`
		Operation string `xml:"operation,attr"`
		Value     string `xml:"value,attr"`
	} `xml:"expression"`
	Dates []struct {
		Operation string `xml:"operation,attr"`
		End       string `xml:"end,attr"`
	} `xml:"date_expression"`
	Other []struct{} `xml:",any"`
}

// constraints are those of a location: its own, or one for each of its rules.
func (l cibLocation) constraints() []ocf.Constraint {
	role := func(word string) string { return strings.ToLower(roleWord(word)) }
	if len(l.Rules) == 0 {
		return []ocf.Constraint{{ID: l.ID, Resource: l.Resource, Role: role(l.Role), Node: l.Node, Score: l.Score, Rule: l.Node == ""}}
	}
	var all []ocf.Constraint
	for _, r := range l.Rules {
		c := ocf.Constraint{ID: l.ID, Resource: l.Resource, Role: role(l.Role), Score: r.Score}
		if c.Role == "" {
			c.Role = role(r.Role)
		}
		if c.Score == "" {
			c.Score, c.Rule = "by "+r.ByAttribute, true
		}
		r.conditions(&c)
		all = append(all, c)
	}
	return all
}

// conditions reads what is plain: one node's name, one end.
func (r cibRule) conditions(c *ocf.Constraint) {
	n := len(r.Expressions) + len(r.Dates)
	if len(r.Other) > 0 || n == 0 || n > 1 && r.Op == "or" || len(r.Expressions) != 1 || len(r.Dates) > 1 {
		c.Rule = true
		return
	}
	switch e := r.Expressions[0]; {
	case e.Value == "": // no node's name
		c.Rule = true
	case e.Attribute == "#uname" && e.Operation == "eq":
		c.Node = e.Value
	case e.Attribute == "#uname" && e.Operation == "ne":
		c.Except = e.Value
	default:
		c.Rule = true
	}
	for _, d := range r.Dates {
		end, ok := date(d.End)
		if d.Operation != "lt" || !ok {
			c.Rule = true
			return
		}
		c.Until = end
	}
}

// date reads the form in which crm_resource writes the end of a lifetime.
func date(text string) (time.Time, bool) {
	for _, form := range []string{"2006-01-02 15:04:05Z07:00", time.RFC3339} {
		if t, err := time.Parse(form, text); err == nil {
			t = t.UTC()
			return t, !t.IsZero() && 0 <= t.Year() && t.Year() <= 9999 // JSON has no others; zero would be no end
		}
	}
	return time.Time{}, false
}
