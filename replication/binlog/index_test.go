package binlog

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestParseIndex(t *testing.T) {
	file, err := os.Open("testdata/mariadb-relay.index")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	names, err := ParseIndex(file)
	want := []string{"./relay.000001", "./relay.000002", "./relay.000003", "./relay.000004", "./relay.000005", "./relay.000006"}
	if err != nil || !slices.Equal(names, want) {
		t.Errorf("%q, %v", names, err)
	}
	for _, tt := range []struct {
		text string
		want []string
		err  error
	}{
		{"", nil, nil},
		{"\n\n", nil, nil},
		{"/var/log/mysql/bin.000001\r\n./bin.000002", []string{"/var/log/mysql/bin.000001", "./bin.000002"}, nil},
		{"./bin.000001\n\x00\x00\x00\n", []string{"./bin.000001"}, ErrIndex},
		{"./bin.000001\n" + strings.Repeat("x", maxName+10), []string{"./bin.000001"}, ErrIndex},
	} {
		names, err := ParseIndex(strings.NewReader(tt.text))
		if !slices.Equal(names, tt.want) || !errors.Is(err, tt.err) {
			t.Errorf("%.40q: %q, %v", tt.text, names, err)
		}
	}
}
