package replication

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the goldens")

const mariadb1011 = "mariadb-10.11"

// answers reads what a server answered to look.
func answers(t *testing.T, server, name string) [][]row {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", server, name+".txt"))
	if err != nil {
		t.Fatal(err)
	}
	all, ok := parseAnswers(string(b))
	if !ok {
		t.Fatalf("%s is not what a client prints", name)
	}
	return all
}

// parseAnswers reads what the client prints with \G: a line "-- question", then rows.
// A GTID set goes on in further lines.
func parseAnswers(text string) (all [][]row, ok bool) {
	var v *string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		last := len(all) - 1
		switch {
		case strings.HasPrefix(line, "-- "):
			all = append(all, nil)
		case last < 0:
			return nil, false
		case strings.HasPrefix(line, "****"):
			all[last] = append(all[last], row{})
		default:
			column, value, ok := strings.Cut(strings.TrimLeft(line, " "), ": ")
			if !ok && v != nil && strings.HasSuffix(*v, ",") {
				*v += "\n" + line
				continue
			}
			if !ok || len(all[last]) == 0 {
				return nil, false
			}
			v = &value
			if value == "NULL" {
				v = nil
			}
			all[last][len(all[last])-1][column] = v
		}
	}
	return all, true
}

// golden compares what is said for each intent with the server's golden file.
func golden(t *testing.T, server string, intents map[string][]statement) {
	t.Helper()
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(intents)) {
		fmt.Fprintf(&b, "# %s\n", name)
		for _, st := range intents[name] {
			fmt.Fprintf(&b, "%s", st.text)
			if len(st.args) > 0 && !st.secret {
				fmt.Fprintf(&b, "  <- %v", st.args)
			}
			fmt.Fprintln(&b)
		}
		fmt.Fprintln(&b)
	}
	file := filepath.Join("testdata", server, "statements.golden")
	if *update {
		if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s: statements (-want +got):\n%s", server, diff)
	}
}
