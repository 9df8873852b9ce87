package story

import (
	"fmt"
	"strings"
)

// Cast is who plays which part in a cluster at one moment, as its quorate side sees it.
type Cast struct {
	DC                   string
	Online               []string
	Promoted, Unpromoted []string        // of the resource
	Others               map[string]Cast // further resources, by their names
}

// Who plays a part: primary, replica1 (or replica), replica2, dc, not-dc; those of
// another resource are primary:NAME and so on.
func (c Cast) Who(word string) (string, error) {
	part, resource, other := strings.Cut(word, ":")
	if other {
		c.Promoted, c.Unpromoted = c.Others[resource].Promoted, c.Others[resource].Unpromoted
	}
	var from []string
	i := 0
	switch part {
	case "primary":
		if len(c.Promoted) > 1 {
			return "", fmt.Errorf("which primary? promoted: %v", c.Promoted)
		}
		from = c.Promoted
	case "replica", "replica1":
		from = c.Unpromoted
	case "replica2":
		from, i = c.Unpromoted, 1
	case "dc":
		from = []string{c.DC}
	case "not-dc":
		for _, node := range c.Online {
			if node != c.DC {
				from = append(from, node)
			}
		}
	default:
		return "", fmt.Errorf("no node %q, and not a part: primary, replica1, replica2, dc, not-dc", word)
	}
	if len(from) <= i {
		return "", fmt.Errorf("there is no %s now (promoted: %v, unpromoted: %v)", word, c.Promoted, c.Unpromoted)
	}
	return from[i], nil
}
