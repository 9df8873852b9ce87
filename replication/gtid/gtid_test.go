package gtid

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	u1 = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
	u2 = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"
)

func mustParse(t testing.TB, s string) Set {
	t.Helper()
	set, err := Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestParse(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		" \n":                      "",
		"0-1-100":                  "0-1-100",
		"1-1-7,0-2-150,0-1-100":    "0-1-100,0-2-150,1-1-7",
		" 0-1-1 ,\n0-1-3,0-1-2 ":   "0-1-3",
		"0-1-0":                    "",
		"0-1-0,0-2-5":              "0-2-5",
		"007-01-3":                 "7-1-3",
		"4294967295-4294967295-1":  "4294967295-4294967295-1",
		"0-1-18446744073709551615": "0-1-18446744073709551615",

		u1 + ":1":                       u1 + ":1",
		u1 + ":1-5:7":                   u1 + ":1-5:7",
		u1 + ":7:1-5":                   u1 + ":1-5:7",
		u1 + ":1-5:6:3-9":               u1 + ":1-9",
		u1 + ":5-5":                     u1 + ":5",
		strings.ToUpper(u1) + ":1":      u1 + ":1",
		u2 + ":1,\n" + u1 + ":3":        u1 + ":3," + u2 + ":1",
		u1 + ":1," + u1 + ":2":          u1 + ":1-2",
		u1 + " : 1 - 5 : 7":             u1 + ":1-5:7",
		u1 + ":tag:1-3":                 u1 + ":tag:1-3",
		u1 + ":Tag_1:1":                 u1 + ":tag_1:1",
		u1 + ":1-5:tag:1-3:z:4":         u1 + ":1-5:tag:1-3:z:4",
		u1 + ":z:4:_a:2," + u1 + ":1-5": u1 + ":1-5:_a:2:z:4",
		u1 + ":1-9223372036854775806":   u1 + ":1-9223372036854775806",
		// As MySQL 9.7 prints gtid_executed.
		u2 + ":300,\n" + u1 + ":1-14:blue:1:red_2:1": u1 + ":1-14:blue:1:red_2:1," + u2 + ":300",
	} {
		set, err := Parse(in)
		if err != nil {
			t.Errorf("%q: %v", in, err)
			continue
		}
		if got := set.String(); got != want {
			t.Errorf("%q:\n got %s\nwant %s", in, got, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		",", "0-1", "0-1-", "0-1-2-3", "-1-1", "0-1-1,", ",0-1-1", "0 - 1 - 1", "+0-1-1", "0-1-+1", "0-1-1_0", "0x1-1-1", "a",
		"4294967296-1-1", "0-4294967296-1", "0-1-18446744073709551616", "0-1-1 0-1-2",
		u1, u1 + ":", ":", ":1", u1 + ":0", u1 + ":5-1", u1 + ":1-", u1 + ":-1", u1 + ":1:", u1 + "::1", u1 + ":1-2-3",
		u1 + ":9223372036854775807", u1 + ":1-9223372036854775807", u1 + ":18446744073709551617", u1 + ":+1", u1 + ":1-+2",
		u1 + ":tag", u1 + ":tag:", u1 + ":1:tag", u1 + ":a:b:1", u1 + ":t-g:1", u1 + ":1tag:1", u1 + ":tåg:1", u1 + ":[:1", u1 + ":" + strings.Repeat("x", 33) + ":1",
		u1[:35] + ":1", u1 + "0:1", "{" + u1 + "}:1", strings.ReplaceAll(u1, "-", "") + ":1", "3e11fa47-71ca-11e1-9e33-c80aa942956g:1",
		"3e11fa47-71ca-11e1-9e33-c80aa942956\x10:1", u1 + ":1," + u2, "0-1-1," + u1 + ":1",
		strings.Repeat(" ", maxText+1),
	} {
		if set, err := Parse(in); !errors.Is(err, ErrSyntax) || !set.Empty() {
			t.Errorf("%.60q: %s, %v", in, set, err)
		} else if len(err.Error()) > 200 {
			t.Errorf("an error of %d bytes", len(err.Error()))
		}
	}
}

// An upper case letter's bit must not make a digit of another character.
func TestParseSourceCharacters(t *testing.T) {
	for c := range 256 {
		text := u1[:35] + string([]byte{byte(c)})
		_, ok := parseSource(text)
		if want := strings.IndexByte("0123456789abcdefABCDEF", byte(c)) >= 0; ok != want {
			t.Errorf("%q: %t", text, ok)
		}
	}
}

func TestFlavour(t *testing.T) {
	for in, want := range map[string]Flavour{"": None, "0-1-0": None, "0-1-1": MariaDB, u1 + ":1": MySQL} {
		set := mustParse(t, in)
		if set.Flavour() != want || set.Empty() != (want == None) {
			t.Errorf("%q: %s", in, set.Flavour())
		}
	}
	if _, err := mustParse(t, "0-1-1").Union(mustParse(t, u1+":1")); !errors.Is(err, ErrFlavour) {
		t.Error(err)
	}
}

// s against t: relation, what s misses of t, what s has and t lacks.
var relations = []struct {
	s, t     string
	want     Relation
	missing  uint64
	subtract string
}{
	{"", "", Equal, 0, ""},
	{"0-1-5", "", Ahead, 0, "0-1-5"},
	{"", "0-1-5", Behind, 5, ""},
	{"0-1-5", "0-1-5", Equal, 0, ""},
	{"0-1-5", "0-1-9", Behind, 4, ""},
	{"0-1-9", "0-1-5", Ahead, 0, "0-1-9"},
	// The bare position 0-2-9 would hide that server 1's last transaction is missing.
	{"0-2-9", "0-1-8,0-2-9", Behind, 1, ""},
	{"0-1-10,0-2-9", "0-1-8,0-2-12", Diverged, 2, "0-1-10"},
	{"0-1-100", "0-1-100,1-1-3", Behind, 3, ""},
	{"0-1-1,2-1-1", "0-1-1,1-1-1", Diverged, 1, "2-1-1"},
	{"0-1-20", "0-1-10,0-2-15", Diverged, 1, "0-1-20"},
	{"", "0-1-18446744073709551615,1-1-18446744073709551615", Behind, math.MaxUint64, ""},

	{u1 + ":1-5", "", Ahead, 0, u1 + ":1-5"},
	{"", u1 + ":1-5:7", Behind, 6, ""},
	{u1 + ":1-5", u1 + ":1-5", Equal, 0, ""},
	{u1 + ":1-5", u1 + ":1-9", Behind, 4, ""},
	{u1 + ":1-9", u1 + ":3-5", Ahead, 0, u1 + ":1-2:6-9"},
	{u1 + ":1-5", u1 + ":4-8", Diverged, 3, u1 + ":1-3"},
	{u1 + ":1-3:7-9", u1 + ":2-8", Diverged, 3, u1 + ":1:9"},
	{u1 + ":1-5", u2 + ":1-5", Diverged, 5, u1 + ":1-5"},
	{u1 + ":1-5", u1 + ":tag:1-5", Diverged, 5, u1 + ":1-5"},
	{u1 + ":1-5:tag:1-5", u1 + ":tag:1-5", Ahead, 0, u1 + ":1-5"},
	{u1 + ":1-20", u1 + ":2:4:6-8:19-30", Diverged, 10, u1 + ":1:3:5:9-18"},
	{"", u1 + ":1-9223372036854775806:t:1-9223372036854775806:u:1-9223372036854775806", Behind, math.MaxUint64, ""},

	{"0-1-5", u1 + ":1-5", Unknown, 5, "0-1-5"},
	{u1 + ":1-5", "0-1-5", Unknown, 5, u1 + ":1-5"},
}

func TestRelations(t *testing.T) {
	for _, tt := range relations {
		s, o := mustParse(t, tt.s), mustParse(t, tt.t)
		if got := s.Compare(o); got != tt.want {
			t.Errorf("%q against %q: %s, want %s", tt.s, tt.t, got, tt.want)
		}
		if got := s.Missing(o); got != tt.missing {
			t.Errorf("%q misses %d of %q, want %d", tt.s, got, tt.t, tt.missing)
		}
		if got := s.Subtract(o).String(); got != tt.subtract {
			t.Errorf("%q less %q: %q, want %q", tt.s, tt.t, got, tt.subtract)
		}
	}
}

func TestNames(t *testing.T) {
	var got []string
	for r := Unknown; r <= Diverged+1; r++ {
		got = append(got, r.String())
	}
	for f := None; f <= MariaDB+1; f++ {
		got = append(got, f.String())
	}
	want := []string{"unknown", "equal", "ahead", "behind", "diverged", "invalid", "none", "mysql", "mariadb", "invalid"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestEntries(t *testing.T) {
	in := []Entry{{1, 1, 7}, {0, 2, 150}, {0, 1, 100}, {0, 2, 120}, {3, 3, 0}}
	set := FromEntries(in)
	if in[0] != (Entry{1, 1, 7}) {
		t.Error("the caller's slice was changed")
	}
	want := []Entry{{0, 1, 100}, {0, 2, 150}, {1, 1, 7}}
	if diff := cmp.Diff(want, set.Entries()); diff != "" {
		t.Error(diff)
	}
	set.Entries()[0].Seq = 1
	if diff := cmp.Diff(want, set.Entries()); diff != "" {
		t.Error("the set was changed from outside", diff)
	}
	if got := set.Position(); got != "0-2-150,1-1-7" {
		t.Error(got)
	}
	for domain, seq := range map[uint32]uint64{0: 150, 1: 7, 2: 0, 3: 0} {
		if got := set.MaxSeq(domain); got != seq {
			t.Errorf("domain %d: %d", domain, got)
		}
	}
	if got := FromEntries([]Entry{{0, 2, 5}, {0, 1, 5}}).Position(); got != "0-1-5" {
		t.Error(got)
	}
	my := mustParse(t, u1+":1-5")
	if my.Entries() != nil || my.MaxSeq(0) != 0 || my.Position() != my.String() {
		t.Error("MySQL sets have no entries")
	}
}
