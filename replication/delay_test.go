package replication

import (
	"os"
	"strings"
	"testing"
	"time"
)

// A replica that applies late on purpose says so, whatever its lag is now.
func TestDelay(t *testing.T) {
	for file, speak := range map[string]dialect{
		"testdata/mariadb-10.11/replica.txt": mariadb{},
		"testdata/mysql-9.7/replica.txt":     mysqld{},
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all, ok := parseAnswers(strings.ReplaceAll(string(text), "SQL_Delay: 0", "SQL_Delay: 3600"))
		if !ok {
			t.Fatalf("%s is not understood", file)
		}
		st, err := speak.observed(all)
		if err != nil {
			t.Fatal(err)
		}
		if st.Source == nil || st.Source.Delay != time.Hour {
			t.Errorf("%s: %+v", file, st.Source)
		}
	}
}
