package bench

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// RowsQuery lists a table for ParseRows.
func RowsQuery(table string) string {
	return fmt.Sprintf("SELECT writer, seq FROM %s.%s ORDER BY writer, seq", Database, table)
}

// Row is one row of a meter's table.
type Row struct{ Writer, Seq int64 }

// ParseRows reads tab-separated rows.
func ParseRows(text string) ([]Row, error) {
	var rows []Row
	for line := range strings.Lines(text) {
		w, s, ok := strings.Cut(strings.TrimSpace(line), "\t")
		writer, err1 := strconv.ParseInt(w, 10, 64)
		seq, err2 := strconv.ParseInt(s, 10, 64)
		if !ok || err1 != nil || err2 != nil {
			return nil, fmt.Errorf("not a row: %q", line)
		}
		rows = append(rows, Row{writer, seq})
	}
	return rows, nil
}

// Check demands of one table that every acknowledged row is on every node,
// that no row is there twice, and that all nodes hold the same rows.
func (r *Report) Check(table string, nodes map[string][]Row) error {
	var errs []error
	names := slices.Sorted(maps.Keys(nodes))
	for _, name := range names {
		count := make(map[Row]int, len(nodes[name]))
		for _, row := range nodes[name] {
			count[row]++
		}
		var twice, lost []Row
		for row, n := range count {
			if n > 1 {
				twice = append(twice, row)
			}
		}
		var first *Ack
		for i, a := range r.Acks {
			row := Row{a.Writer, a.Seq}
			if a.Table == table && count[row] == 0 {
				lost = append(lost, row)
				if first == nil || a.At.Before(first.At) {
					first = &r.Acks[i]
				}
			}
		}
		if len(lost) > 0 {
			errs = append(errs, fmt.Errorf("%s lacks %d acknowledged rows of %s; the first was acknowledged by %s at %s",
				name, len(lost), table, first.Node, stamp(first.At)))
		}
		if len(twice) > 0 {
			errs = append(errs, fmt.Errorf("%s holds %d rows of %s more than once, such as %v", name, len(twice), table, twice[0]))
		}
	}
	for i := 1; i < len(names); i++ {
		a, b := nodes[names[0]], nodes[names[i]]
		if only := difference(a, b); len(only) > 0 {
			errs = append(errs, fmt.Errorf("%s: %d rows are on %s but not on %s, such as %v", table, len(only), names[0], names[i], only[0]))
		}
		if only := difference(b, a); len(only) > 0 {
			errs = append(errs, fmt.Errorf("%s: %d rows are on %s but not on %s, such as %v", table, len(only), names[i], names[0], only[0]))
		}
	}
	return errors.Join(errs...)
}

// difference lists what a has and b has not, by number.
func difference(a, b []Row) []Row {
	count := make(map[Row]int, len(b))
	for _, row := range b {
		count[row]++
	}
	var only []Row
	for _, row := range a {
		if count[row]--; count[row] < 0 {
			only = append(only, row)
		}
	}
	return only
}
