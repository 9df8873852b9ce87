package scoring

import (
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// The records that follow r. Each is written, and read back, before the act that
// it licenses.

func (r Record) next() Record {
	r.Revision++
	r.Ackers = slices.Clone(r.Ackers)
	return r
}

// WithAckers returns the next revision with exactly these ackers. To enlarge:
// before the new node acknowledges (see KnownEnough). To shrink: see ShrinkAllowed.
func (r Record) WithAckers(ackers []NodeID) Record {
	r = r.next()
	r.Ackers = sorted(ackers, r.Primary)
	return r
}

// Demoted returns the next revision with the final position: everything that the
// epoch ever held. The primary is not writable and will not be again in this epoch.
func (r Record) Demoted(final gtid.Set) Record {
	r = r.next()
	r.Final = &final
	return r
}

// Degraded returns the next revision without the promise: written before the
// primary stops waiting for acknowledgements.
func (r Record) Degraded() Record {
	r = r.next()
	r.Durability = Async
	return r
}

// Restored returns the lossless epoch after a degraded one: the same primary, and
// start is what the ackers were seen to hold while semi-sync was armed again.
func (r Record) Restored(start gtid.Set, ackers []NodeID) Record {
	return Record{
		Epoch: r.Epoch + 1, Revision: 1, Primary: r.Primary, Start: start, Marker: r.Marker,
		Durability: Lossless, Waited: max(1, r.Waited), Ackers: sorted(ackers, r.Primary),
	}
}

// Granted returns the record of an operator's word for node: above prev, never
// instead of it. holds is the node's position now; it must still hold it when it
// is promoted. Whoever may have acknowledged before is kept, so that the first
// epoch after the grant has somebody to wait for.
func Granted(prev *Record, node NodeID, g Grant, holds gtid.Set) Record {
	r := Record{
		Epoch: 1, Revision: 1, Primary: node, Start: holds,
		Durability: Lossless, Waited: 1, Grant: g,
	}
	if prev != nil {
		r.Epoch = prev.Epoch + 1
		r.Ackers = sorted(append(slices.Clone(prev.Ackers), prev.Primary), node)
	}
	return r
}

// ShrinkAllowed returns nil when leave may be taken out of the ackers. excluded
// means that it cannot acknowledge any more: it published "semi-sync off,
// receiver restarted", or its account was locked and its dump thread killed;
// absence is not enough. holders are the ackers seen, after that, to hold
// everything the primary had: k of them must be among those that stay, or what
// only leave had received would be held by nobody whom a proof asks.
func ShrinkAllowed(r Record, leave NodeID, excluded bool, holders []NodeID) error {
	switch rest := without(r.Ackers, leave); {
	case !r.Has(leave):
		return fmt.Errorf("%s is no acker", leave.Name)
	case len(rest) < max(1, r.Waited):
		return fmt.Errorf("%s is one of the last %d ackers", leave.Name, max(1, r.Waited))
	case !excluded:
		return fmt.Errorf("%s could still acknowledge: exclude it first", leave.Name)
	case common(rest, holders) < max(1, r.Waited):
		return fmt.Errorf("%s may be the only one that holds the last commits", leave.Name)
	}
	return nil
}

// KnownEnough reports whether a revision is known to enough ledgers for the node that
// it let into the ackers to acknowledge. The CIB can go back in time, and then a set
// of the ackers before it, none of whom ever heard of the new one, would look complete
// without it. An election reads a majority of ledgers (View.Ledgers): where a majority
// knows, it meets one of them. A node has one ledger, whatever its data.
func KnownEnough(knowers []NodeID, clusterSize int) bool {
	names := make(map[string]bool, len(knowers))
	for _, id := range knowers {
		names[id.Name] = true
	}
	return 2*len(names) > clusterSize
}

func common(a, b []NodeID) int {
	n := 0
	for _, id := range a {
		if slices.Contains(b, id) {
			n++
		}
	}
	return n
}

func without(ids []NodeID, n NodeID) []NodeID {
	return slices.DeleteFunc(slices.Clone(ids), func(id NodeID) bool { return id == n })
}

// sorted returns the ids in order, each once, without the primary itself.
func sorted(ids []NodeID, primary NodeID) []NodeID {
	ids = without(ids, primary)
	slices.SortFunc(ids, NodeID.compare)
	ids = slices.Compact(ids)
	if len(ids) == 0 {
		return nil
	}
	return ids
}
