package main

import (
	"fmt"
	"regexp"
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

// Errors name a line and what is accepted there: the line may hold a password.
var toldOfCredentials = regexp.MustCompile(`^(line [0-9]+: (section is neither \[admin\] nor \[replication\]|accepted is KEY = VALUE in a section|key is neither user nor password)` +
	`|\[replication\] user holds a character that an account name with the node's appended cannot have|bufio.Scanner: token too long)$`)

// FuzzCredentials: nothing of a file is repeated in an error but the number of a line.
func FuzzCredentials(f *testing.F) {
	f.Add("[admin]\nuser = agent\npassword = geheim\n[replication]\nuser=repl\npassword=geheim")
	f.Add("password = geheim")
	f.Add("[geheim]")
	f.Add("[admin]\ngeheim")
	f.Add("[admin]\ngeheim = x")
	f.Add("[replication]\nuser = 'geheim'")
	f.Fuzz(func(t *testing.T, text string) {
		var c credentials
		err := parseCredentials(strings.NewReader(text), &c)
		switch {
		case err != nil && !toldOfCredentials.MatchString(err.Error()):
			t.Errorf("an error of the file's own words: %v", err)
		case err == nil && strings.ContainsAny(c.Replication.User, "'`\" .@\n"):
			t.Errorf("user %q", c.Replication.User)
		case err == nil:
			// No line longer than it was: there is a longest one.
			file := fmt.Sprintf("[admin]\nuser=%s\npassword=%s\n[replication]\nuser=%s\npassword=%s\n",
				c.Admin.User, c.Admin.Password, c.Replication.User, c.Replication.Password)
			var again credentials
			if err := parseCredentials(strings.NewReader(file), &again); err != nil || again != c {
				t.Errorf("%q is not %q, %v", again, c, err)
			}
		}
	})
}
