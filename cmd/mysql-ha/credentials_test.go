package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseCredentials(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       credentials
	}{
		{"nothing", "", credentials{Admin: login{User: "root"}}},
		{
			"both", "; comment\n[admin]\nuser=agent\npassword = a=b # c ; \"d\"\n\n\t[replication]\n user\t= repl\npassword=x y\r\n",
			credentials{Admin: login{"agent", `a=b # c ; "d"`}, Replication: login{"repl", "x y"}},
		},
		{"an empty password", "[admin]\npassword =\n", credentials{Admin: login{User: "root"}}},
		{"a section twice goes on", "[admin]\nuser=a\n[admin]\npassword=b", credentials{Admin: login{"a", "b"}}},
	} {
		got := credentials{Admin: login{User: "root"}}
		err := parseCredentials(strings.NewReader(c.text), &got)
		if diff := cmp.Diff(c.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v %s", c.name, err, diff)
		}
	}
}

// FuzzCredentials: nothing of a file is repeated in an error but the number of a line.
func FuzzCredentials(f *testing.F) {
	f.Add("[admin]\nuser = agent\npassword = geheim\n[replication]\nuser=repl\npassword=geheim")
	f.Add("password = geheim")
	f.Add("[geheim]")
	f.Add("[admin]\ngeheim")
	f.Add("[replication]\nuser = 'geheim'")
	f.Fuzz(func(t *testing.T, text string) {
		plain, marked := credentials{}, credentials{}
		err := parseCredentials(strings.NewReader(text), &plain)
		if err == nil {
			if strings.ContainsAny(plain.Replication.User, "'`\" .@\n") {
				t.Errorf("user %q", plain.Replication.User)
			}
			return
		}
		// The same words in another spelling: the error must not tell them apart.
		other := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r > 0x7f {
				return 'z'
			}
			return r
		}, text)
		again := parseCredentials(strings.NewReader(other), &marked)
		for _, e := range []error{err, again} {
			if e == nil {
				continue
			}
			for _, known := range []string{"line ", "section is neither", "accepted is KEY", "key is neither", "[replication] user holds", "token too long"} {
				if strings.Contains(e.Error(), known) {
					e = nil
					break
				}
			}
			if e != nil {
				t.Errorf("an error of the file's own words: %v", e)
			}
		}
	})
}
