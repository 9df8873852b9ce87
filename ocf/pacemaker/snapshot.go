package pacemaker

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// fresh is how old a snapshot of an action may be. An action asks several questions in a row,
// and a process for each would cost more than all the rest of a monitor.
const fresh = 300 * time.Millisecond

// snapshot is one look at this node's copy of the CIB.
type snapshot struct {
	taken     time.Time
	members   []ocf.Member
	joined    map[string]bool              // Pacemaker runs there, too
	records   map[string]string            // our property set
	permanent map[string]map[string]string // node, name
	shown     map[string]map[string]string // node, name: transient attributes
	quorate   *bool                        // of the partition; nil: it does not say
	options   map[string]string            // the cluster's
	defaults  []cibMeta                    // of all resources
	resources cibResources
	locations []cibLocation
	// unmanaging: something may be unmanaged, or in maintenance.
	unmanaging bool
	// ids tells whether anything has the id.
	ids func(id string) bool
}

// look returns the CIB, as fresh as wanted. Every query reads this node's copy,
// whatever its options: a change that is still on its way here does not show.
func (c *Cluster) look(ctx context.Context) (*snapshot, error) {
	if c.seen != nil && time.Since(c.seen.taken) < c.fresh {
		return c.seen, nil
	}
	taken := time.Now()
	out, _, err := c.run(ctx, nil, "cibadmin", "--query")
	if err != nil {
		return nil, err
	}
	s, err := parseCIB(out)
	if err != nil {
		return nil, fmt.Errorf("cibadmin: %w", err)
	}
	s.taken = taken
	c.seen = s
	return s, nil
}

type cibSet struct {
	ID    string      `xml:"id,attr"`
	Pairs []cibNVPair `xml:"nvpair"`
}

type cibDocument struct {
	XMLName   xml.Name      `xml:"cib"`
	Quorum    string        `xml:"have-quorum,attr"`
	Sets      []cibSet      `xml:"configuration>crm_config>cluster_property_set"`
	Resources cibResources  `xml:"configuration>resources"`
	Defaults  []cibMeta     `xml:"configuration>rsc_defaults>meta_attributes"`
	Locations []cibLocation `xml:"configuration>constraints>rsc_location"`
	Nodes     []struct {
		ID   string   `xml:"id,attr"`
		Name string   `xml:"uname,attr"`
		Type string   `xml:"type,attr"`
		Sets []cibSet `xml:"instance_attributes"`
	} `xml:"configuration>nodes>node"`
	States []struct {
		Name  string   `xml:"uname,attr"`
		InCCM string   `xml:"in_ccm,attr"`
		Crmd  string   `xml:"crmd,attr"`
		Sets  []cibSet `xml:"transient_attributes>instance_attributes"`
	} `xml:"status>node_state"`
}

func parseCIB(text []byte) (*snapshot, error) {
	var doc cibDocument
	if err := xml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("answer is not understood: %w", err)
	}
	s := &snapshot{
		records:   map[string]string{},
		permanent: map[string]map[string]string{},
		shown:     map[string]map[string]string{},
		joined:    map[string]bool{},
		defaults:  doc.Defaults,
		resources: doc.Resources,
		locations: doc.Locations,
		ids: func(id string) bool {
			return bytes.Contains(text, []byte(` id="`+id+`"`)) || bytes.Contains(text, []byte(` id='`+id+`'`))
		},
		// "maintenance" also in maintenance-mode. Pacemaker never writes these letters as "&#45;".
		unmanaging: bytes.Contains(text, []byte("is-managed")) || bytes.Contains(text, []byte("maintenance")),
	}
	if quorate, err := strconv.ParseBool(doc.Quorum); err == nil {
		s.quorate = &quorate
	}
	for _, set := range doc.Sets {
		switch set.ID {
		case recordSet:
			s.records = pairs(set)
		case bootstrapSet:
			s.options = pairs(set)
		}
	}
	if len(doc.Nodes) == 0 {
		// It holds no record either, and that is not to be read as "there is none".
		return nil, errors.New("answer without a node")
	}
	online := map[string]bool{}
	for _, state := range doc.States {
		if online[state.Name] {
			continue // a node that came back with another id is there twice
		}
		s.shown[state.Name] = pairs(state.Sets...)
		online[state.Name] = inMembership(state.InCCM)
		// "online" in 2.1; like in_ccm since 3.0.
		s.joined[state.Name] = online[state.Name] && (state.Crmd == "online" || inMembership(state.Crmd))
	}
	for _, n := range doc.Nodes {
		s.permanent[n.Name] = pairs(n.Sets...)
		if n.Type == "remote" {
			continue
		}
		id, err := strconv.ParseUint(n.ID, 10, 32)
		if err != nil || n.Name == "" {
			return nil, fmt.Errorf("node %q has the id %q", n.Name, n.ID)
		}
		s.members = append(s.members, ocf.Member{Name: n.Name, ID: uint32(id), Online: online[n.Name]})
	}
	return s, nil
}

// inMembership reads in_ccm: a truth value in 2.1, since 3.0 the time of joining,
// 0 for a node that has left.
func inMembership(text string) bool {
	if text == "true" {
		return true
	}
	since, err := strconv.ParseInt(text, 10, 64)
	return err == nil && since > 0
}

func pairs(sets ...cibSet) map[string]string {
	m := map[string]string{}
	for _, set := range sets {
		for _, p := range set.Pairs {
			m[p.Name] = p.Value
		}
	}
	return m
}
