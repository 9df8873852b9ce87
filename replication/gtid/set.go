package gtid

import (
	"errors"
	"slices"
)

// Errors that parsing and Union wrap.
var (
	ErrSyntax  = errors.New("not a GTID set")
	ErrFlavour = errors.New("GTID sets of different flavours")
)

// Flavour says whose GTIDs a set is made of.
type Flavour int

// The empty set has no flavour: a server that holds nothing looks the same in both worlds.
const (
	None Flavour = iota
	MySQL
	MariaDB
)

// String names the flavour in lower case.
func (f Flavour) String() string {
	switch f {
	case None:
		return "none"
	case MySQL:
		return "mysql"
	case MariaDB:
		return "mariadb"
	}
	return "invalid"
}

// Relation is how one set stands to another.
type Relation int

// Unknown is the zero value on purpose: what was not compared is not equal.
const (
	Unknown  Relation = iota // the flavours differ
	Equal                    // both hold the same
	Ahead                    // holds all of the other, and more
	Behind                   // lacks something, has nothing of its own
	Diverged                 // each lacks something that the other has
)

// String names the relation in lower case.
func (r Relation) String() string {
	switch r {
	case Unknown:
		return "unknown"
	case Equal:
		return "equal"
	case Ahead:
		return "ahead"
	case Behind:
		return "behind"
	case Diverged:
		return "diverged"
	}
	return "invalid"
}

// Set is what a server holds. It is immutable: methods return new sets, which
// may share memory. The zero value is the empty set, which has no flavour and
// can be compared and united with sets of either flavour.
//
// Sets hold slices, so == does not compile; use Equal.
type Set struct {
	// At most one of the two is non-empty, and emptiness of both is the only
	// empty set, so that the flavour never has to be stored.
	tracks  []track // MySQL: sorted by source and tag, none without intervals
	entries []Entry // MariaDB: sorted by domain and server, no Seq of 0
}

// Flavour returns whose GTIDs the set is made of; None when it is empty.
func (s Set) Flavour() Flavour {
	switch {
	case len(s.tracks) > 0:
		return MySQL
	case len(s.entries) > 0:
		return MariaDB
	}
	return None
}

// Empty reports whether the set holds nothing.
func (s Set) Empty() bool { return s.Flavour() == None }

// comparable reports whether both sets are of one flavour, or one is empty.
func (s Set) comparable(t Set) bool {
	a, b := s.Flavour(), t.Flavour()
	return a == b || a == None || b == None
}

// Equal reports whether both sets hold the same.
func (s Set) Equal(t Set) bool {
	return slices.EqualFunc(s.tracks, t.tracks, track.equal) && slices.Equal(s.entries, t.entries)
}

// Contains reports whether s holds all of t. It is false when the flavours
// differ and neither is empty.
func (s Set) Contains(t Set) bool {
	switch t.Flavour() {
	case MySQL:
		return containsTracks(s.tracks, t.tracks)
	case MariaDB:
		return containsEntries(s.entries, t.entries)
	}
	return true
}

// Union returns what s and t hold together; ErrFlavour when they cannot be united.
func (s Set) Union(t Set) (Set, error) {
	switch {
	case !s.comparable(t):
		return Set{}, ErrFlavour
	case t.Empty():
		return s, nil
	case s.Empty():
		return t, nil
	case t.Flavour() == MySQL:
		return Set{tracks: uniteTracks(s.tracks, t.tracks)}, nil
	}
	return Set{entries: uniteEntries(s.entries, t.entries)}, nil
}

// Compare returns how s stands to t; Unknown when the flavours differ.
func (s Set) Compare(t Set) Relation {
	if !s.comparable(t) {
		return Unknown
	}
	switch st, ts := s.Contains(t), t.Contains(s); {
	case st && ts:
		return Equal
	case st:
		return Ahead
	case ts:
		return Behind
	}
	return Diverged
}

// Missing returns how many transactions of t are not in s; 0 exactly when s
// contains t.
//
// For MySQL the count is exact, saturating at the largest uint64. For MariaDB it
// is an estimate, since a maximum does not say how many transactions lie below
// it: per domain, t's highest sequence number less that of s, and at least 1
// where s lacks something. Of a set of the other flavour everything is missing.
func (s Set) Missing(t Set) uint64 {
	switch t.Flavour() {
	case MySQL:
		return missingTracks(s.tracks, t.tracks)
	case MariaDB:
		return missingEntries(s.entries, t.entries)
	}
	return 0
}

// Subtract returns what s has and t lacks; empty exactly when t contains s.
//
// For MySQL it is the exact difference. For MariaDB it is those (domain, server)
// entries of s whose sequence number is above that of t: each is a maximum, so
// read 0-1-100 as "server 1 up to 100, of which t lacks at least the last one".
func (s Set) Subtract(t Set) Set {
	switch s.Flavour() {
	case MySQL:
		return Set{tracks: subtractTracks(s.tracks, t.tracks)}
	case MariaDB:
		return Set{entries: subtractEntries(s.entries, t.entries)}
	}
	return Set{}
}

// String returns the canonical text: sorted, merged, lower case, without
// spaces. It parses back to an equal set, and equal sets have equal text.
func (s Set) String() string {
	if s.Flavour() == MySQL {
		return formatTracks(s.tracks)
	}
	return formatEntries(s.entries)
}
