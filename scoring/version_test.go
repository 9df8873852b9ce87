package scoring

import (
	"slices"
	"testing"
)

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]string{
		"9.7.4-2": "9.7.4", "8.0.36-28.1": "8.0.36", "10.11.14-MariaDB-0+deb12u2": "10.11.14", "8.4.6": "8.4.6",
		"11.8": "11.8.0", "8.0.36.1": "8.0.36", "8.4.6-azure": "8.4.6",
		"": "", "9": "", "v9.7": "", "unknown": "", "9..7": "", ".9": "", "9.": "", "99999999999999999999.1": "",
	} {
		v, ok := parseVersion(text)
		if ok != (want != "") || ok && v.String() != want {
			t.Errorf("%q is %s, %t", text, v, ok)
		}
	}
}

func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"9.7.4", "8.4.6", true},
		{"8.4.6", "9.7.4", false},
		{"10.11.14-MariaDB", "10.6.19-MariaDB", true},
		{"8.0.36-28.1", "8.0.36-27.9", false}, // a vendor's own numbers
		{"10.11.14-MariaDB", "8.4.6", false},  // two kinds
		{"8.4.6", "5.5.5-MariaDB", false},
	} {
		a, _ := parseVersion(c.a)
		b, _ := parseVersion(c.b)
		if got := a.newer(b); got != c.want {
			t.Errorf("%s newer than %s: %t", c.a, c.b, got)
		}
	}
}

// Whatever servers call themselves, "newer" puts them in one order.
func FuzzParseVersion(f *testing.F) {
	f.Add("9.7.4-2", "8.0.36-28.1", "8.4.6-azure")
	f.Add("10.11.14-MariaDB-0+deb12u2", "5.5.5-10.6.19-MariaDB", "11.8")
	f.Add("8.0.36.1", "9..7", "")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		var all [3]version
		for i, text := range []string{a, b, c} {
			v, ok := parseVersion(text)
			if !ok {
				return
			}
			plain, ok := parseVersion(v.String())
			if !ok || plain.numbers != v.numbers || slices.Min(v.numbers[:]) < 0 {
				t.Errorf("%q is %s", text, v)
			}
			all[i] = v
		}
		x, y, z := all[0], all[1], all[2]
		if x.newer(x) || x.newer(y) && y.newer(x) || x.newer(y) && y.newer(z) && !x.newer(z) {
			t.Errorf("no order: %s, %s, %s", x, y, z)
		}
		if x.mariadb != y.mariadb && x.newer(y) {
			t.Errorf("%q newer than %q, of another kind", a, b)
		}
	})
}
