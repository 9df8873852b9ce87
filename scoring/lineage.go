package scoring

import (
	"cmp"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// EpochStart is one row of the replicated table of epochs, written by the winner
// as its first transaction (the marker).
type EpochStart struct {
	Epoch   uint64     `json:"epoch"`
	Primary NodeID     `json:"primary"`
	Marker  gtid.Entry `json:"marker"` // MariaDB: the row's own GTID
	Start   gtid.Set   `json:"start"`  // held just before the marker
}

// Line is the table of epochs in ascending order: the history that counts.
type Line []EpochStart

// MergeLines returns all rows, one per epoch, ascending. A row that only a
// deposed primary has does no harm: its range is closed by the later starts.
func MergeLines(lines ...Line) Line {
	all := slices.Concat(lines...)
	slices.SortStableFunc(all, func(a, b EpochStart) int {
		return cmp.Or(cmp.Compare(a.Epoch, b.Epoch), a.Primary.compare(b.Primary))
	})
	return slices.CompactFunc(all, func(a, b EpochStart) bool { return a.Epoch == b.Epoch })
}

// With returns the line with the record's own epoch, which nobody may have
// applied yet. A grant and an epoch that its primary continued have no row.
func (l Line) With(r *Record) Line {
	if r == nil || r.Grant != GrantNone {
		return l
	}
	if n := len(l); n > 0 {
		last := l[n-1]
		continued := last.Primary == r.Primary && (r.Marker == gtid.Entry{} || r.Marker == last.Marker)
		if continued || last.Epoch >= r.Epoch {
			return l
		}
	}
	row := EpochStart{Epoch: r.Epoch, Primary: r.Primary, Marker: r.Marker, Start: r.Start}
	return append(slices.Clone(l), row)
}

// Foreign returns what of have is not on the line, and, with a living primary
// whose position was read after have, what that primary lacks. Nil line and nil
// living: nothing can be judged, and nothing is foreign.
//
// MariaDB: a maximum says nothing about what was discarded below it, so each
// (domain, server) maximum must lie in a range of the line: from the marker of an
// epoch of that server to what all later epochs started with. What the first
// epoch started with is older than the line and counts as ours.
//
// MySQL: GTIDs are exact, so only the living primary's set is needed. Without one
// a difference stays unclassified, and the election refuses it.
func (l Line) Foreign(have gtid.Set, living *gtid.Set) gtid.Set {
	foreign := gtid.Set{}
	if living != nil {
		foreign = have.Subtract(*living)
	}
	if len(l) == 0 || have.Flavour() != gtid.MariaDB {
		return foreign
	}
	beyond := foreign.Entries()
	for _, e := range have.Entries() {
		if !l.admits(e) {
			beyond = append(beyond, e)
		}
	}
	return gtid.FromEntries(beyond)
}

// admits reports whether the maximum lies on the line.
func (l Line) admits(e gtid.Entry) bool {
	if e.Seq <= seqOf(l[0].Start, e) {
		return true
	}
	for i, row := range l {
		if row.writes(e, l) && l.closes(i, e) {
			return true
		}
	}
	return false
}

// writes reports whether the entry could have been written in the row's epoch.
func (row EpochStart) writes(e gtid.Entry, l Line) bool {
	if row.Marker != (gtid.Entry{}) {
		// The marker fixes its own domain; a client may write in others, too.
		return row.Marker.Server == e.Server &&
			(row.Marker.Domain != e.Domain && e.Seq > row.Start.MaxSeq(e.Domain) ||
				row.Marker.Domain == e.Domain && e.Seq >= row.Marker.Seq)
	}
	// Which server this epoch's primary is, is not known. A server that was primary
	// before may have a discarded tail up there; one that never was has none.
	known := slices.ContainsFunc(l, func(r EpochStart) bool { return r.Marker.Server == e.Server })
	return !known && e.Seq > row.Start.MaxSeq(e.Domain)
}

// closes reports whether all later epochs started with the entry: whoever holds
// more of it holds what the line left behind.
func (l Line) closes(i int, e gtid.Entry) bool {
	for _, later := range l[i+1:] {
		if e.Seq > seqOf(later.Start, e) {
			return false
		}
	}
	return true
}

// seqOf returns the set's maximum for the entry's domain and server.
func seqOf(s gtid.Set, e gtid.Entry) uint64 {
	for _, o := range s.Entries() {
		if o.Domain == e.Domain && o.Server == e.Server {
			return o.Seq
		}
	}
	return 0
}
