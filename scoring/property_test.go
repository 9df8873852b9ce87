package scoring_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// randomView is a cluster after its primary was lost: positions are prefixes of
// one history of db1, now and then with something foreign on top.
func randomView(rng *rand.Rand) scoring.View {
	size := 2 + rng.IntN(4)
	id := func(i int) scoring.NodeID { return scoring.NodeID{Name: fmt.Sprintf("db%d", i+1), Data: "aa"} }
	r := scoring.Record{
		Epoch: 2, Revision: 1, Primary: id(0), Start: at(1, 10), Waited: 1 + rng.IntN(2),
		Durability: scoring.Lossless, Marker: gtid.Entry{Server: 1, Seq: 11},
	}
	for i := 1; i < size; i++ {
		if rng.IntN(3) > 0 {
			r.Ackers = append(r.Ackers, id(i))
		}
	}
	if rng.IntN(6) == 0 {
		r.Durability = scoring.Async
	}
	if rng.IntN(6) == 0 {
		r = r.Demoted(at(1, 30))
	}
	v := scoring.View{
		ClusterSize: size, Record: &r, Waited: rng.IntN(2) == 0,
		Line: scoring.Line{{Epoch: 2, Primary: id(0), Marker: r.Marker, Start: r.Start}},
	}
	for i := range size {
		if rng.IntN(4) == 0 {
			continue
		}
		c := scoring.Candidate{
			Node: id(i), Role: scoring.RoleReplica, Observed: rng.IntN(6) > 0, Electable: rng.IntN(6) > 0,
			Position: at(1, 5+uint64(rng.IntN(30))), RelayIntact: rng.IntN(6) > 0, Frozen: rng.IntN(6) > 0,
			WholeBinlog: i == 0 && rng.IntN(2) == 0,
		}
		c.Version = versions[rng.IntN(len(versions))]
		if rng.IntN(8) == 0 {
			c.Position, _ = c.Position.Union(gtid.FromEntries([]gtid.Entry{{Server: 9, Seq: 40}}))
		}
		v.Candidates = append(v.Candidates, c)
	}
	return v
}

// versions of servers, oldest first; the last two cannot be ordered.
var versions = []string{"8.0.36-28.1", "8.4.6", "9.7.4-2", "9.7.4", "unknown", ""}

func at(server uint32, seq uint64) gtid.Set {
	return gtid.FromEntries([]gtid.Entry{{Server: server, Seq: seq}})
}

func forViews(t *testing.T, check func(rng *rand.Rand, v scoring.View) string) {
	t.Helper()
	seeds := uint64(20000)
	if testing.Short() {
		seeds = 3000
	}
	for seed := range seeds {
		rng := rand.New(rand.NewPCG(seed, 1))
		v := randomView(rng)
		if bad := check(rng, v); bad != "" {
			t.Fatalf("seed %d: %s\n%s\n%s", seed, bad, v.Record, describe(v))
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	forViews(t, func(rng *rand.Rand, v scoring.View) string {
		w := shuffle(v, rng.Uint64())
		for _, c := range v.Candidates {
			if !reflect.DeepEqual(scoring.Elect(v, c.Node.Name), scoring.Elect(w, c.Node.Name)) {
				return "the election of " + c.Node.Name + " depends on order"
			}
		}
		if !reflect.DeepEqual(scoring.Rank(v), scoring.Rank(w)) {
			return "the ranking depends on order"
		}
		return ""
	})
}

func TestProofIsMonotone(t *testing.T) {
	forViews(t, func(_ *rand.Rand, v scoring.View) string {
		if !scoring.Prove(v).Complete {
			return ""
		}
		for i := range 6 {
			c := scoring.Candidate{
				Node: scoring.NodeID{Name: fmt.Sprintf("db%d", i+1), Data: "aa"}, Role: scoring.RoleReplica,
				Observed: true, Frozen: true, Position: at(1, 12), RelayIntact: true,
			}
			if slices.ContainsFunc(v.Candidates, func(o scoring.Candidate) bool { return o.Node == c.Node }) {
				continue
			}
			w := v
			w.Candidates = append(slices.Clone(v.Candidates), c)
			if !scoring.Prove(w).Complete {
				return "one more participant breaks the proof"
			}
		}
		return ""
	})
}

func TestMoreIsNeverWorse(t *testing.T) {
	forViews(t, func(rng *rand.Rand, v scoring.View) string {
		if len(v.Candidates) == 0 {
			return ""
		}
		i := rng.IntN(len(v.Candidates))
		c := v.Candidates[i]
		w := v
		w.Candidates = slices.Clone(v.Candidates)
		w.Candidates[i].Position, _ = c.Position.Union(at(1, c.Position.MaxSeq(0)+1))
		if c.Position.MaxSeq(0) >= 40 { // foreign: more of it helps nobody
			return ""
		}
		before, _ := scoring.Rank(v).Of(c.Node.Name)
		after, _ := scoring.Rank(w).Of(c.Node.Name)
		if after.Score < before.Score {
			return fmt.Sprintf("%s holds one more and falls from %d to %d", c.Node.Name, before.Score, after.Score)
		}
		return ""
	})
}

func TestForeignNeverWins(t *testing.T) {
	forViews(t, func(_ *rand.Rand, v scoring.View) string {
		for _, c := range v.Candidates {
			if c.Position.MaxSeq(0) < 40 {
				continue
			}
			if p, _ := scoring.Rank(v).Of(c.Node.Name); p.Score != scoring.NegInf {
				return c.Node.Name + " is diverged and has a score"
			}
			if scoring.Elect(v, c.Node.Name).Verdict != scoring.Refuse {
				return c.Node.Name + " is diverged and may win"
			}
		}
		return ""
	})
}

// Versions order those that are as good otherwise, and nothing else: taken away,
// the same nodes are eligible, and no score changes by more than a point for each
// version that is newer.
func TestVersionsOnlyOrderEquals(t *testing.T) {
	forViews(t, func(rng *rand.Rand, v scoring.View) string {
		if rng.IntN(2) == 0 && len(v.Candidates) > 0 { // a living primary
			i := rng.IntN(len(v.Candidates))
			v.Candidates[i].Role, v.Candidates[i].Observed = scoring.RolePrimary, true
			v.Record.Primary, v.Line = v.Candidates[i].Node, nil
		}
		w := v
		w.Candidates = slices.Clone(v.Candidates)
		for i := range w.Candidates {
			w.Candidates[i].Version = ""
		}
		with, without := scoring.Rank(v), scoring.Rank(w)
		for _, c := range v.Candidates {
			if !reflect.DeepEqual(scoring.Elect(v, c.Node.Name), scoring.Elect(w, c.Node.Name)) {
				return "a version decides the election of " + c.Node.Name
			}
			p, _ := with.Of(c.Node.Name)
			q, _ := without.Of(c.Node.Name)
			if want := q.Score + points(v, c, q.Score); p.Score != want {
				return fmt.Sprintf("%s (%s) has %d, want %d", c.Node.Name, c.Version, p.Score, want)
			}
		}
		return ""
	})
}

// points is the preference by its definition, with the versions' order spelled out.
func points(v scoring.View, c scoring.Candidate, without int) int {
	age := func(version string) int { return min(slices.Index(versions, version), 2) } // "9.7.4-2" is 9.7.4
	if without != 0 || slices.Index(versions, c.Version) > 3 {
		return 0
	}
	newer := map[int]bool{}
	for _, o := range v.Candidates {
		if o.Observed && o.Position.MaxSeq(0) < 40 && slices.Index(versions, o.Version) <= 3 && age(o.Version) > age(c.Version) {
			newer[age(o.Version)] = true
		}
	}
	return len(newer)
}

// TestTwin compares with the definition, taken literally: a set is complete if no
// acknowledged transaction can be outside it, for every way to acknowledge.
func TestTwin(t *testing.T) {
	forViews(t, func(_ *rand.Rand, v scoring.View) string {
		if got, want := scoring.Prove(v).Complete, twin(v); got != want {
			return fmt.Sprintf("complete: got %t, want %t", got, want)
		}
		return ""
	})
}

func twin(v scoring.View) bool {
	r := v.Record
	union, here := uint64(0), map[scoring.NodeID]bool{}
	whole := false
	for _, c := range v.Candidates {
		if !c.Observed || c.Position.MaxSeq(0) >= 40 || !c.Frozen && r.Final == nil {
			continue
		}
		union = max(union, c.Position.MaxSeq(0))
		whole = whole || c.Node == r.Primary && c.WholeBinlog
		here[c.Node] = c.RelayIntact
	}
	if r.Final != nil && union >= r.Final.MaxSeq(0) {
		return true
	}
	if r.Final != nil && max(union, r.Marker.Seq) < r.Final.MaxSeq(0) {
		return false // it is known that there was more
	}
	if union < r.Start.MaxSeq(0) {
		return false
	}
	return whole || r.Durability == scoring.Lossless && len(r.Ackers) > 0 && everyQuorumMeets(r, here)
}

// everyQuorumMeets enumerates the sets of k ackers that may have acknowledged
// the last commit: each must have a member in S. With fewer than k ackers nothing
// was acknowledged, but one is asked all the same.
func everyQuorumMeets(r *scoring.Record, here map[scoring.NodeID]bool) bool {
	for mask := range 1 << len(r.Ackers) {
		size, meets := 0, false
		for i, a := range r.Ackers {
			if mask>>i&1 == 1 {
				size, meets = size+1, meets || here[a]
			}
		}
		if size == min(r.Waited, len(r.Ackers)) && !meets {
			return false
		}
	}
	return true
}
