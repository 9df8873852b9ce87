package replication

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

var errMissing = errors.New("the server's answer lacks it")

// reader takes values out of a row and keeps the first error: what is missing,
// NULL or not understood is never a default.
type reader struct {
	row row
	err error
}

func (r *reader) fail(column string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", column, err)
	}
}

func (r *reader) text(column string) string {
	v, ok := r.row[column]
	switch {
	case !ok:
		r.fail(column, errMissing)
	case v == nil:
		r.fail(column, errors.New("unexpected NULL"))
	default:
		return *v
	}
	return ""
}

func (r *reader) number(column string, bits int) uint64 {
	s := r.text(column)
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, bits)
	if err != nil {
		r.fail(column, fmt.Errorf("%q is not a number", s))
	}
	return n
}

func (r *reader) int(column string) int { return int(r.number(column, 31)) }

// null tells NULL from a value; a column that is missing is an error.
func (r *reader) null(column string) bool {
	v, ok := r.row[column]
	if !ok {
		r.fail(column, errMissing)
	}
	return v == nil
}

// flag reads a switch, however a version prints it.
func (r *reader) flag(column string) bool {
	s := r.text(column)
	switch strings.ToUpper(s) {
	case "1", "ON", "YES", "TRUE":
		return true
	case "0", "OFF", "NO", "FALSE":
		return false
	}
	r.fail(column, fmt.Errorf("%q is neither on nor off", s))
	return false
}

func (r *reader) set(column string) gtid.Set {
	set, err := gtid.ParseMariaDB(r.text(column))
	if err != nil {
		r.fail(column, err)
	}
	return set
}

func (r *reader) mysqlSet(column string) gtid.Set {
	set, err := gtid.ParseMySQL(r.text(column))
	if err != nil {
		r.fail(column, err)
	}
	return set
}

func (r *reader) union(a, b gtid.Set) gtid.Set {
	set, err := a.Union(b)
	if err != nil && r.err == nil {
		r.err = err
	}
	return set
}
