package gtid

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// Entry is the highest sequence number that one server wrote in one domain
// (MariaDB). As text: domain-server-sequence.
type Entry struct {
	Domain, Server uint32
	Seq            uint64
}

// String returns "0-1-100".
func (e Entry) String() string { return string(e.appendTo(nil)) }

func (e Entry) appendTo(b []byte) []byte {
	b = strconv.AppendUint(b, uint64(e.Domain), 10)
	b = append(b, '-')
	b = strconv.AppendUint(b, uint64(e.Server), 10)
	b = append(b, '-')
	return strconv.AppendUint(b, e.Seq, 10)
}

// key orders entries; two entries of one key are one fact with two values.
func (e Entry) key() uint64 { return uint64(e.Domain)<<32 | uint64(e.Server) }

// FromEntries returns the MariaDB set of these entries, in any order; of several
// for one domain and server the highest counts. A sequence number of 0 names no
// transaction and is dropped.
func FromEntries(entries []Entry) Set {
	return Set{entries: canonicalEntries(slices.Clone(entries))}
}

// Entries returns the (domain, server) maxima in order; nil for MySQL and for
// the empty set. The slice is the caller's.
func (s Set) Entries() []Entry { return slices.Clone(s.entries) }

// MaxSeq returns the highest sequence number of the domain; 0 when the set has
// nothing there, and for MySQL.
func (s Set) MaxSeq(domain uint32) uint64 {
	i, _ := slices.BinarySearchFunc(s.entries, domain, func(e Entry, d uint32) int { return cmp.Compare(e.Domain, d) })
	high := uint64(0)
	for ; i < len(s.entries) && s.entries[i].Domain == domain; i++ {
		high = max(high, s.entries[i].Seq)
	}
	return high
}

// Position returns the highest entry of each domain, which is the form that
// gtid_slave_pos takes. If two servers of a domain share the highest sequence
// number (a divergence that strict mode forbids), it is the lower server id's.
// For MySQL it is String.
func (s Set) Position() string {
	if s.Flavour() == MySQL {
		return s.String()
	}
	var last []Entry
	for rest := s.entries; len(rest) > 0; {
		n, high := domainMax(rest)
		last = append(last, high)
		rest = rest[n:]
	}
	return formatEntries(last)
}

// domainMax returns how many entries of the sorted list belong to its first
// domain, and the highest of them.
func domainMax(entries []Entry) (n int, high Entry) {
	high = entries[0]
	for n = 1; n < len(entries) && entries[n].Domain == high.Domain; n++ {
		if entries[n].Seq > high.Seq {
			high = entries[n]
		}
	}
	return n, high
}

// canonicalEntries sorts and merges in place.
func canonicalEntries(entries []Entry) []Entry {
	byKey := func(a, b Entry) int { return cmp.Compare(a.key(), b.key()) }
	if !slices.IsSortedFunc(entries, byKey) {
		slices.SortFunc(entries, byKey)
	}
	out := entries[:0]
	for _, e := range entries {
		switch n := len(out); {
		case e.Seq == 0:
		case n > 0 && out[n-1].key() == e.key():
			out[n-1].Seq = max(out[n-1].Seq, e.Seq)
		default:
			out = append(out, e)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

func containsEntries(s, t []Entry) bool {
	for _, e := range t {
		for len(s) > 0 && s[0].key() < e.key() {
			s = s[1:]
		}
		if len(s) == 0 || s[0].key() != e.key() || s[0].Seq < e.Seq {
			return false
		}
	}
	return true
}

func uniteEntries(s, t []Entry) []Entry {
	out := make([]Entry, 0, len(s)+len(t))
	for len(s) > 0 && len(t) > 0 {
		switch a, b := s[0], t[0]; cmp.Compare(a.key(), b.key()) {
		case -1:
			out, s = append(out, a), s[1:]
		case 1:
			out, t = append(out, b), t[1:]
		default:
			a.Seq = max(a.Seq, b.Seq)
			out, s, t = append(out, a), s[1:], t[1:]
		}
	}
	return append(append(out, s...), t...)
}

func subtractEntries(s, t []Entry) []Entry {
	var out []Entry
	for _, e := range s {
		for len(t) > 0 && t[0].key() < e.key() {
			t = t[1:]
		}
		if len(t) == 0 || t[0].key() != e.key() || t[0].Seq < e.Seq {
			out = append(out, e)
		}
	}
	return out
}

func missingEntries(s, t []Entry) uint64 {
	total := uint64(0)
	for len(t) > 0 {
		n, want := domainMax(t)
		for len(s) > 0 && s[0].Domain < want.Domain {
			s = s[1:]
		}
		m, have := 0, Entry{}
		if len(s) > 0 && s[0].Domain == want.Domain {
			m, have = domainMax(s)
		}
		switch {
		case want.Seq > have.Seq:
			total = saturatingAdd(total, want.Seq-have.Seq)
		case !containsEntries(s[:m], t[:n]):
			total = saturatingAdd(total, 1)
		}
		s, t = s[m:], t[n:]
	}
	return total
}

func saturatingAdd(a, b uint64) uint64 {
	if a > math.MaxUint64-b {
		return math.MaxUint64
	}
	return a + b
}

func formatEntries(entries []Entry) string {
	b := make([]byte, 0, 24*len(entries))
	for i, e := range entries {
		if i > 0 {
			b = append(b, ',')
		}
		b = e.appendTo(b)
	}
	return string(b)
}
