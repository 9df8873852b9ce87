package pacemaker

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// answer is what tools print with --output-as=xml.
type answer struct {
	XMLName    xml.Name `xml:"pacemaker-result"`
	Attributes []struct {
		Name  string `xml:"name,attr"`
		Host  string `xml:"host,attr"`
		Value string `xml:"value,attr"`
	} `xml:"attribute"`
	Nodes     []monNode `xml:"nodes>node"`
	Resources monGroup  `xml:"resources"`
	Status    *struct {
		Errors []string `xml:"errors>error"`
	} `xml:"status"`
}

type monNode struct {
	Name        string `xml:"name,attr"`
	Maintenance bool   `xml:"maintenance,attr"`
}

// monGroup is whatever holds resources: the list of all, a clone, a group, a
// bundle and its replicas.
type monGroup struct {
	Clones    []monGroup    `xml:"clone"`
	Groups    []monGroup    `xml:"group"`
	Bundles   []monGroup    `xml:"bundle"`
	Replicas  []monGroup    `xml:"replica"`
	Resources []monResource `xml:"resource"`
}

type monResource struct {
	ID      string    `xml:"id,attr"`
	Managed bool      `xml:"managed,attr"`
	Nodes   []monNode `xml:"node"`
}

// parseAnswer takes only a whole answer: the status is its last element.
func parseAnswer(text []byte) (answer, error) {
	var a answer
	if err := xml.Unmarshal(text, &a); err != nil {
		return answer{}, fmt.Errorf("answer is not understood: %w", err)
	}
	if a.Status == nil {
		return answer{}, errors.New("answer without a status")
	}
	return a, nil
}

// parseAttributes returns an attribute's values by node.
func parseAttributes(text []byte, name string) (map[string]string, error) {
	a, err := parseAnswer(text)
	if err != nil {
		return nil, err
	}
	values := make(map[string]string, len(a.Attributes))
	for _, at := range a.Attributes {
		if at.Name != name || at.Host == "" {
			return nil, fmt.Errorf("answer tells of attribute %q of %q", at.Name, at.Host)
		}
		values[at.Host] = at.Value
	}
	return values, nil
}

// parseManaged answers for the resource's instance on the node, and for what would
// be started there if there is none.
func parseManaged(text []byte, resource, node string) (bool, error) {
	a, err := parseAnswer(text)
	if err != nil {
		return false, err
	}
	instances := a.Resources.instances(resource)
	if len(instances) == 0 {
		return false, fmt.Errorf("there is no resource %s", resource)
	}
	for _, r := range instances {
		if slices.ContainsFunc(r.Nodes, func(n monNode) bool { return n.Name == node }) {
			return r.Managed, nil
		}
	}
	// One that is active elsewhere may be unmanaged because of its node alone.
	maintained := slices.ContainsFunc(a.Nodes, func(n monNode) bool { return n.Name == node && n.Maintenance })
	managed := slices.ContainsFunc(instances, func(r monResource) bool { return r.Managed })
	return managed && !maintained, nil
}

// instances finds the resource at any depth, as "db" or "db:0".
func (g monGroup) instances(id string) []monResource {
	var found []monResource
	for _, r := range g.Resources {
		if name, _, _ := strings.Cut(r.ID, ":"); name == id {
			found = append(found, r)
		}
	}
	for _, sub := range slices.Concat(g.Clones, g.Groups, g.Bundles, g.Replicas) {
		found = append(found, sub.instances(id)...)
	}
	return found
}

func parseQuorum(text []byte) (bool, error) {
	switch string(bytes.TrimSpace(text)) {
	case "1":
		return true, nil
	case "0":
		return false, nil
	}
	return false, fmt.Errorf("answer is not understood: %q", text)
}

// daemons are the local sockets of Corosync and Pacemaker, Pacemaker Remote
// included, by the names that libqb gives them.
var daemons = []string{"attrd", "cfg", "cib_ro", "cib_rw", "cmap", "cpg", "crmd", "lrmd", "pacemakerd", "quorum", "votequorum"}

// clusterListens looks for them in the kernel's table: abstract names, filled up
// with zeros that show as "@", or files where libqb is told to use those.
func clusterListens(table []byte) bool {
	for line := range strings.Lines(string(table)) {
		fields := strings.Fields(line)
		if len(fields) < 8 {
			continue
		}
		if slices.Contains(daemons, path.Base(strings.Trim(fields[7], "@"))) {
			return true
		}
	}
	return false
}
