package gtid

import "testing"

func FuzzParse(f *testing.F) {
	f.Add(u1+":1-5:7,"+u2+":tag:1-3", "")
	f.Add(u1+":1-14:blue:1:red_2:1,\n"+u2+":300", u1+":1-9223372036854775806")
	f.Add("0-1-100,0-2-150,1-1-7", "4294967295-4294967295-18446744073709551615")
	for _, tt := range relations {
		f.Add(tt.s, tt.t)
	}
	f.Fuzz(func(t *testing.T, s, o string) {
		if set, err := ParseMySQL(s); err == nil {
			checkLaws(t, set, Set{})
		}
		if set, err := ParseMariaDB(s); err == nil {
			checkLaws(t, set, Set{})
		}
		a, err := Parse(s)
		if err != nil {
			return
		}
		if b, err := Parse(o); err == nil {
			checkLaws(t, a, b)
			checkLaws(t, b, a)
		}
	})
}
