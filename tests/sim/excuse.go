package sim

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// obstacles are the reasons for which a cluster may stay as it is once all is mended,
// in the nodes' own words, each with what must then be so.
var obstacles = []struct {
	words *regexp.Regexp
	so    func(w *World, n *node, named []string) bool
}{
	{regexp.MustCompile(`^diverged: `), func(w *World, n *node, _ []string) bool {
		lead := w.lead()
		return lead == nil || !lead.srv.executed().Contains(n.srv.received())
	}},
	{regexp.MustCompile(`^quarantined: .*: seed it anew$`), func(_ *World, n *node, _ []string) bool { return n.srv.flavour() == gtid.MySQL }},
	{regexp.MustCompile(`^spare `), func(_ *World, n *node, _ []string) bool { return n.spare }},
	// Of two halves each has quorum, and without fencing each may promote.
	{regexp.MustCompile(`^` + scoring.ErrSplit.Error()), func(w *World, _ *node, _ []string) bool { return len(w.nodes) == 2 && !w.opt.Fencing }},
	{regexp.MustCompile(`^(db\d), primary of epoch \d+, cannot vouch for it, nor can an acker: mysql-ha promote --accept-loss`), (*World).vouchless},
	{regexp.MustCompile(`^waiting for (db\d)`), (*World).vouchless},
	{regexp.MustCompile(`^(lacks \d+|lag )`), func(_ *World, n *node, _ []string) bool { return n.srv.receiver.errno == 1236 }},
}

// vouchless: the primary or an acker of the newest epoch has other data since, or what
// was acknowledged there was on record as nobody else's.
func (w *World) vouchless(n *node, _ []string) bool {
	rec, err := scoring.ParseRecord(n.cib.record)
	if err != nil || rec.Durability == scoring.Async {
		return true
	}
	return slices.ContainsFunc(append(rec.Ackers, rec.Primary), func(id scoring.NodeID) bool {
		m := w.byName(id.Name)
		return m.srv.data != id.Data || strings.HasPrefix(m.attributes[resource+"-reason"], "diverged") ||
			strings.HasPrefix(m.attributes[resource+"-reason"], "quarantined")
	})
}

// excuse says in the nodes' own words what the cluster waits for, and what of it is
// not so, or names nothing.
func (w *World) excuse() (words, untrue string) {
	var all, bad []string
	for _, n := range w.nodes {
		why := n.attributes[resource+"-reason"]
		if why == "" || why == "promotable" || why == "primary" || strings.HasPrefix(why, unproved) {
			continue
		}
		all = append(all, n.name+": "+why)
		found := false
		for _, o := range obstacles {
			if named := o.words.FindStringSubmatch(why); named != nil && o.so(w, n, named[1:]) {
				found = true
			}
		}
		if !found {
			bad = append(bad, fmt.Sprintf("%s says %q", n.name, why))
		}
	}
	return strings.Join(all, "; "), strings.Join(bad, ", ")
}

// tidy has an operator look now and then, and give new data to whoever asks for it.
func (w *World) tidy() {
	for _, n := range w.nodes {
		why := n.attributes[resource+"-reason"]
		if n.status == unpromoted && w.lead() != nil && (strings.HasPrefix(why, "diverged") || strings.HasSuffix(why, "seed it anew")) {
			w.note("%s is seeded anew: %s", n.name, why)
			w.reseed(n)
		}
	}
	w.after(20*time.Second, nil, w.tidy)
}
