package gtid

import (
	"fmt"
	"math/rand"
	"testing"
)

// model is the dumb twin of a set: every single transaction by name. For
// MariaDB all numbers up to the maximum, which is what a maximum claims.
type model map[string]bool

func modelOf(s Set) model {
	m := model{}
	for _, t := range s.tracks {
		for _, p := range t.spans {
			for n := p.lo; n <= p.hi; n++ {
				m[fmt.Sprintf("%x:%s:%d", t.source, t.tag, n)] = true
			}
		}
	}
	for _, e := range s.entries {
		for n := uint64(1); n <= e.Seq; n++ {
			m[fmt.Sprintf("%d-%d-%d", e.Domain, e.Server, n)] = true
		}
	}
	return m
}

func (m model) less(o model) int {
	n := 0
	for k := range m {
		if !o[k] {
			n++
		}
	}
	return n
}

// random returns a small set, dense enough that sets meet.
func random(r *rand.Rand, f Flavour) Set {
	var s Set
	for range r.Intn(6) {
		if f == MariaDB {
			e := Entry{uint32(r.Intn(2)), uint32(r.Intn(3)), uint64(r.Intn(8))}
			s, _ = s.Union(FromEntries([]Entry{e}))
			continue
		}
		lo := uint64(1 + r.Intn(12))
		t := track{
			source: source{byte(r.Intn(2))},
			tag:    []string{"", "", "a", "b"}[r.Intn(4)],
			spans:  []span{{lo, lo + uint64(r.Intn(5))}},
		}
		s, _ = s.Union(Set{tracks: []track{t}})
	}
	return s
}

func TestLaws(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewSource(seed))
	for i := range 5000 {
		f := MySQL + Flavour(i%2)
		a, b, c := random(r, f), random(r, f), random(r, f)
		checkLaws(t, a, b)
		checkModel(t, a, b)
		if a.Contains(b) && b.Contains(c) && !a.Contains(c) {
			t.Errorf("not transitive: %s, %s, %s", a, b, c)
		}
		ab, _ := a.Union(b)
		bc, _ := b.Union(c)
		left, _ := ab.Union(c)
		right, _ := a.Union(bc)
		if !left.Equal(right) {
			t.Errorf("union is not associative: %s, %s, %s", a, b, c)
		}
		if t.Failed() {
			t.Fatalf("seed %d, round %d", seed, i)
		}
	}
}

// checkModel compares with the dumb twin.
func checkModel(t *testing.T, a, b Set) {
	t.Helper()
	ma, mb := modelOf(a), modelOf(b)
	if got, want := a.Contains(b), mb.less(ma) == 0; got != want {
		t.Errorf("%s contains %s: %t", a, b, got)
	}
	u, _ := a.Union(b)
	mu := modelOf(u)
	if ma.less(mu) != 0 || mb.less(mu) != 0 || len(mu) != len(ma)+mb.less(ma) {
		t.Errorf("%s with %s is %s", a, b, u)
	}
	if a.Flavour() == MariaDB || b.Flavour() == MariaDB {
		return // there Missing and Subtract speak of maxima
	}
	if got, want := a.Missing(b), mb.less(ma); got != uint64(want) {
		t.Errorf("%s misses %d of %s, want %d", a, got, b, want)
	}
	d := modelOf(a.Subtract(b))
	if len(d) != ma.less(mb) || d.less(ma) != 0 {
		t.Errorf("%s less %s is %s", a, b, a.Subtract(b))
	}
}

// checkLaws is what holds for any two sets, also of different flavours.
func checkLaws(t *testing.T, a, b Set) {
	t.Helper()
	back, err := Parse(a.String())
	if err != nil || !back.Equal(a) || back.String() != a.String() {
		t.Errorf("%s came back as %s, %v", a, back, err)
	}
	if a.Flavour() == MariaDB && !FromEntries(a.Entries()).Equal(a) {
		t.Errorf("%s came back otherwise from its entries", a)
	}
	if !a.Contains(back) || a.Compare(back) != Equal || !a.Contains(Set{}) || !a.Subtract(back).Empty() || a.Missing(back) != 0 {
		t.Errorf("%s against itself and nothing", a)
	}
	if a.Equal(b) != (a.String() == b.String()) || a.Equal(b) != (a.Contains(b) && b.Contains(a)) {
		t.Errorf("equality of %s and %s", a, b)
	}
	mirror := map[Relation]Relation{Unknown: Unknown, Equal: Equal, Ahead: Behind, Behind: Ahead, Diverged: Diverged}
	if a.Compare(b) != mirror[b.Compare(a)] {
		t.Errorf("%s is %s of %s, the other way %s", a, a.Compare(b), b, b.Compare(a))
	}
	if a.Contains(b) != b.Subtract(a).Empty() || a.Contains(b) != (a.Missing(b) == 0) {
		t.Errorf("contains, subtract and missing disagree on %s and %s", a, b)
	}
	u, err := a.Union(b)
	if err != nil {
		if a.Compare(b) != Unknown {
			t.Errorf("%s with %s: %v", a, b, err)
		}
		return
	}
	v, _ := b.Union(a)
	if !u.Equal(v) || !u.Contains(a) || !u.Contains(b) || u.Equal(a) != a.Contains(b) {
		t.Errorf("%s with %s is %s", a, b, u)
	}
	if whole, _ := b.Union(a.Subtract(b)); !whole.Equal(u) {
		t.Errorf("%s and what %s has more is %s", b, a, whole)
	}
}
