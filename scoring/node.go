package scoring

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
)

// reserved are the characters with a meaning in a record or a shell; a node
// name that has one, or a space of any kind, could not be told from what stands
// around it.
const reserved = ",:=\"'\\"

// ParseNodeID reads "name:data".
func ParseNodeID(s string) (NodeID, error) {
	name, data, _ := strings.Cut(s, ":")
	if !word(name) || !word(data) {
		return NodeID{}, fmt.Errorf("node id %.40q: want name:data-id", s)
	}
	return NodeID{Name: name, Data: data}, nil
}

func word(s string) bool {
	return s != "" && !strings.ContainsAny(s, reserved) && !strings.ContainsFunc(s, unicode.IsSpace)
}

// String returns "name:data", or the name alone where the data id is unknown.
func (n NodeID) String() string {
	if n.Data == "" {
		return n.Name
	}
	return n.Name + ":" + n.Data
}

// MarshalText returns String.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// UnmarshalText reads "name:data"; of a node that could not be observed the
// name alone, or nothing, is enough.
func (n *NodeID) UnmarshalText(text []byte) error {
	s := strings.TrimSuffix(string(text), ":")
	if s == "" || word(s) {
		*n = NodeID{Name: s}
		return nil
	}
	id, err := ParseNodeID(s)
	if err != nil {
		return err
	}
	*n = id
	return nil
}

func (n NodeID) compare(m NodeID) int {
	return cmp.Or(cmp.Compare(n.Name, m.Name), cmp.Compare(n.Data, m.Data))
}
