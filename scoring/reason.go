package scoring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// maxReason is what an exit reason and an attribute take.
const maxReason = 128

// Describe returns the ranking as the operator sees it, one line a node, and the
// proof where it decided.
func (r Ranking) Describe() string {
	var b strings.Builder
	wide := 4
	for _, p := range r.Places {
		wide = max(wide, len(p.Node.Name))
	}
	for _, p := range r.Places {
		fmt.Fprintf(&b, "%-*s %9s  %s\n", wide, p.Node.Name, FormatScore(p.Score), p.Reason)
		for _, n := range p.Notes {
			fmt.Fprintf(&b, "%-*s %9s  %s\n", wide, "", "", n)
		}
	}
	if r.Proof.Reason != "" {
		fmt.Fprintf(&b, "proof: %s\n", r.Proof.Reason)
	}
	return b.String()
}

// FormatScore writes a score as Pacemaker takes it.
func FormatScore(score int) string {
	if score <= NegInf {
		return "-INFINITY"
	}
	return strconv.Itoa(score)
}

// short returns a set as text that leaves room for a sentence.
func short(s gtid.Set) string {
	const room = 60
	text := s.Position()
	if len(text) > room {
		text = text[:room-3] + "..."
	}
	return text
}

// clip keeps a reason within its bound and in ASCII.
func clip(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
	if len(s) > maxReason {
		s = s[:maxReason-3] + "..."
	}
	return s
}

// oneOfNames joins names as alternatives.
func oneOfNames(names []string) string {
	names = slices.Compact(slices.Clone(names))
	if len(names) == 0 {
		return "another node"
	}
	return strings.Join(names, " or ")
}
