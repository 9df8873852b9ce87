package scoring

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// version is what of a server's version can be ordered: the leading numbers, among
// servers of one kind. A vendor's own numbering behind them says nothing about what
// a replica of it understands.
type version struct {
	mariadb bool
	numbers [3]int
}

// parseVersion reads "8.0.36-28.1" and "10.11.14-MariaDB-0+deb12u2"; false where
// there are not at least two numbers.
func parseVersion(s string) (v version, ok bool) {
	v.mariadb = strings.Contains(strings.ToLower(s), "mariadb")
	// The longest beginning of digits and dots.
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(s)
	}
	parts := strings.Split(s[:end], ".")
	for i := range min(len(parts), len(v.numbers)) {
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return version{}, false
		}
		v.numbers[i] = n
	}
	return v, len(parts) >= 2
}

func (v version) String() string {
	return fmt.Sprintf("%d.%d.%d", v.numbers[0], v.numbers[1], v.numbers[2])
}

// newer reports whether v is known to be newer: of the other kind nothing is known.
func (v version) newer(o version) bool {
	return v.mariadb == o.mariadb && slices.Compare(v.numbers[:], o.numbers[:]) > 0
}

// seniority is the preference among candidates that hold as much: one point for each
// newer version in the cluster, as a replica may not understand a newer primary.
// It adds to the older one and takes nothing from the newer, which stays eligible
// and is chosen where nobody else holds as much. It does not look at positions, so
// it does not come and go with them. elder names an older member, for the reason.
func (t trust) seniority(c Candidate) (points int, elder string) {
	own, ok := parseVersion(c.Version)
	if !ok {
		return 0, ""
	}
	var newer []version
	var oldest Candidate
	oldestVersion := own
	for _, o := range t.view.Candidates {
		v, ok := parseVersion(o.Version)
		if !ok || t.distrusted(o) || o.Role != RoleReplica && o.Role != RolePrimary {
			continue
		}
		if v.newer(own) && !slices.Contains(newer, v) {
			newer = append(newer, v)
		}
		if own.newer(v) && cmp.Or(slices.Compare(v.numbers[:], oldestVersion.numbers[:]), byNode(o, oldest)) < 0 {
			oldest, oldestVersion = o, v
		}
	}
	if oldestVersion != own {
		elder = fmt.Sprintf("newer (%s) than %s (%s)", own, oldest.Node.Name, oldestVersion)
	}
	return len(newer), elder
}

// linkPoints outweighs seniority: a point for each version in the cluster.
const linkPoints = 100

// reach is the preference for a node that clients would reach at the virtual IP,
// while there is one of those that may be promoted where they would not.
func (t trust) reach(c Candidate) int {
	if c.Unlinked != "" || !slices.ContainsFunc(t.view.Candidates, func(o Candidate) bool { return o.Unlinked != "" && o.Role == RoleReplica }) {
		return 0
	}
	return linkPoints
}

// prefer adds the preferences to a place that is eligible and lacks nothing, with the
// reason where the node is the lesser choice.
func (t trust) prefer(p Place, c Candidate) Place {
	points, elder := t.seniority(c)
	p.Score += points + t.reach(c)
	if c.Unlinked != "" {
		p.Reason += "; " + c.Unlinked
	}
	if elder != "" {
		p.Reason += "; " + elder
	}
	return p
}
