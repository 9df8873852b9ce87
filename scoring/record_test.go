package scoring_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/scoring"
)

const wholeRecord = "epoch=3 rev=2 primary=db1:3f9a start=0-1-100 durability=lossless waited=1 ackers=db2:aa,db3:bb final=0-1-200 marker=0-1-101"

func parse(t *testing.T, s string) scoring.Record {
	t.Helper()
	r, err := scoring.ParseRecord(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRecordText(t *testing.T) {
	if d := cmp.Diff(wholeRecord, parse(t, wholeRecord+" later=unknown").String()); d != "" {
		t.Error(d)
	}
	for _, key := range []string{"epoch", "rev", "primary", "start", "durability", "waited", "ackers"} {
		var words []string
		for _, w := range strings.Fields(wholeRecord) {
			if !strings.HasPrefix(w, key+"=") {
				words = append(words, w)
			}
		}
		_, err := scoring.ParseRecord(strings.Join(words, " "))
		if !errors.Is(err, scoring.ErrRecordSyntax) || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
	for _, bad := range []string{
		"", "epoch", wholeRecord + " rev=2", strings.Replace(wholeRecord, "lossless", "maybe", 1),
		strings.Replace(wholeRecord, "waited=1", "waited=0", 1), wholeRecord + " grant=please",
		strings.Replace(wholeRecord, "db2:aa", "db2", 1),
	} {
		if _, err := scoring.ParseRecord(bad); !errors.Is(err, scoring.ErrRecordSyntax) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A record is cut at spaces of every kind: a name that had one would not come back.
func TestNodeIDIsAWord(t *testing.T) {
	for text, want := range map[string]bool{
		"db1:aa": true, "dß1:aa": true, "db1": false, ":aa": false, "db1:": false, "db1:a:b": false,
		"db 1:aa": false, "db\v1:aa": false, "db\u00a01:aa": false, "db1:a\u2003a": false, "db\u00851:aa": false, "db\"1:aa": false,
	} {
		id, err := scoring.ParseNodeID(text)
		if (err == nil) != want || err == nil && id.String() != text {
			t.Errorf("%q is %+v, %v", text, id, err)
		}
		if err == nil && parse(t, strings.Replace(wholeRecord, "db1:3f9a", text, 1)).Primary != id {
			t.Errorf("%q did not come back", text)
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add(wholeRecord)
	f.Add("epoch=1 rev=1 primary=a:b start= durability=async waited=1 ackers= grant=bootstrap")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := scoring.ParseRecord(s)
		if err != nil {
			if !errors.Is(err, scoring.ErrRecordSyntax) {
				t.Fatalf("%v", err)
			}
			return
		}
		again, err := scoring.ParseRecord(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q reads back as %q: %v", r, again, err)
		}
		if strings.ContainsAny(r.String(), "\"'\\\n") {
			t.Fatalf("%q has quotes", r)
		}
	})
}

func TestNewest(t *testing.T) {
	r := parse(t, wholeRecord)
	older, other, grant := r, r, r
	older.Revision = 1
	other.Primary.Name, other.Revision = "db2", 9
	grant.Grant = scoring.GrantAcceptLoss
	if got, ok, err := scoring.Newest(older, r, older); !ok || err != nil || got.Revision != 2 {
		t.Errorf("got %v %t %v", got, ok, err)
	}
	if _, ok, err := scoring.Newest(); ok || err != nil {
		t.Errorf("none: %t %v", ok, err)
	}
	for _, bad := range []scoring.Record{other, grant} {
		if _, _, err := scoring.Newest(r, bad); !errors.Is(err, scoring.ErrSplit) {
			t.Errorf("%s: %v", bad, err)
		}
		next := r
		next.Epoch++
		if got, _, err := scoring.Newest(r, bad, next); err != nil || got.Epoch != 4 {
			t.Errorf("a newer epoch settles a split: %v", err)
		}
	}
}

func TestRevisions(t *testing.T) {
	r := parse(t, wholeRecord)
	r.Final = nil
	db2, db3, db4 := r.Ackers[0], r.Ackers[1], scoring.NodeID{Name: "db4", Data: "cc"}
	if got := r.WithAckers([]scoring.NodeID{db4, db3, db2, db4, r.Primary}); len(got.Ackers) != 3 || got.Revision != 3 || len(r.Ackers) != 2 {
		t.Errorf("enlarged: %s, was %s", got, r)
	}
	for _, c := range []struct {
		leave    scoring.NodeID
		excluded bool
		holders  []scoring.NodeID
		allowed  bool
	}{
		{db2, true, []scoring.NodeID{db3}, true},
		{db2, false, []scoring.NodeID{db3}, false},
		{db2, true, nil, false},
		{db2, true, []scoring.NodeID{db2}, false},
		{db4, true, []scoring.NodeID{db3}, false},
	} {
		if err := scoring.ShrinkAllowed(r, c.leave, c.excluded, c.holders); (err == nil) != c.allowed {
			t.Errorf("%+v: %v", c, err)
		}
	}
	last := r.WithAckers([]scoring.NodeID{db2})
	if scoring.ShrinkAllowed(last, db2, true, []scoring.NodeID{db2}) == nil {
		t.Error("the last acker left")
	}
	if back := r.Degraded().Restored(at(1, 300), r.Ackers); back.Epoch != 4 || back.Primary != r.Primary || back.Durability != scoring.Lossless {
		t.Errorf("restored: %s", back)
	}
}

// Only a majority of ledgers is met by every election, whoever of the ackers knows.
func TestKnownEnough(t *testing.T) {
	ids := func(text string) []scoring.NodeID {
		var ids []scoring.NodeID
		for word := range strings.FieldsSeq(text) {
			name, data, _ := strings.Cut(word, ":")
			ids = append(ids, scoring.NodeID{Name: name, Data: data})
		}
		return ids
	}
	for _, c := range []struct {
		knowers string
		size    int
		want    bool
	}{
		{"", 3, false},
		{"db1:aa", 3, false},
		{"db1:aa db2:bb", 3, true},
		{"db1:aa db1:bb", 3, false}, // one node, before and after a reseed: one ledger
		{"db1:aa", 2, false},
		{"db1:aa db2:bb", 2, true},
		{"db1:aa db2:bb", 4, false},
		{"db1:aa db2:bb", 5, false},
		{"db1:aa db2:bb db3:cc", 5, true},
		{"db1:aa", 1, true},
	} {
		if got := scoring.KnownEnough(ids(c.knowers), c.size); got != c.want {
			t.Errorf("%q of %d: %t", c.knowers, c.size, got)
		}
	}
}
