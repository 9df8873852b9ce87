package gtid

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strconv"
)

// maxGNO is the highest transaction number that MySQL issues: one below GNO_END (2^63-1).
const maxGNO = 1<<63 - 2

// source is the UUID of the server that wrote a transaction first.
type source [16]byte

// track is one line of numbers: what one source wrote under one tag.
type track struct {
	source source
	tag    string // lower case; empty for transactions without a tag
	spans  []span // sorted, not touching, never none
}

// span is the numbers from lo to hi, both included. Since hi ≤ maxGNO, hi+1 never overflows.
type span struct{ lo, hi uint64 }

func (a track) compare(b track) int {
	// Not bytes.Compare on slices of the arrays: that moves both to the heap.
	for i := range a.source {
		if a.source[i] != b.source[i] {
			return cmp.Compare(a.source[i], b.source[i])
		}
	}
	return cmp.Compare(a.tag, b.tag)
}

func (a track) equal(b track) bool {
	return a.source == b.source && a.tag == b.tag && slices.Equal(a.spans, b.spans)
}

// canonicalTracks sorts the tracks and their spans and merges what belongs
// together, in place. A server prints its sets sorted, so that is the fast path.
func canonicalTracks(tracks []track) []track {
	if !slices.IsSortedFunc(tracks, track.compare) {
		slices.SortStableFunc(tracks, track.compare)
	}
	out := tracks[:0]
	for _, t := range tracks {
		t.spans = canonicalSpans(t.spans)
		if n := len(out); n > 0 && out[n-1].compare(t) == 0 {
			out[n-1].spans = uniteSpans(out[n-1].spans, t.spans)
			continue
		}
		out = append(out, t)
	}
	return out
}

func canonicalSpans(spans []span) []span {
	sorted := slices.IsSortedFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	if !sorted {
		slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.lo, b.lo) })
	}
	out := spans[:0]
	for _, p := range spans {
		out = appendSpan(out, p)
	}
	return slices.Clip(out)
}

// appendSpan adds a span that does not start before the last one, joining the
// two where they overlap or touch.
func appendSpan(out []span, p span) []span {
	if n := len(out); n > 0 && p.lo <= out[n-1].hi+1 {
		out[n-1].hi = max(out[n-1].hi, p.hi)
		return out
	}
	return append(out, p)
}

func uniteSpans(a, b []span) []span {
	out := make([]span, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0].lo <= b[0].lo {
			out, a = appendSpan(out, a[0]), a[1:]
		} else {
			out, b = appendSpan(out, b[0]), b[1:]
		}
	}
	for _, p := range a {
		out = appendSpan(out, p)
	}
	for _, p := range b {
		out = appendSpan(out, p)
	}
	return out
}

func containsSpans(s, t []span) bool {
	for _, p := range t {
		for len(s) > 0 && s[0].hi < p.lo {
			s = s[1:]
		}
		if len(s) == 0 || s[0].lo > p.lo || s[0].hi < p.hi {
			return false
		}
	}
	return true
}

func subtractSpans(s, t []span) []span {
	var out []span
	for _, p := range s {
		for len(t) > 0 && t[0].hi < p.lo {
			t = t[1:]
		}
		// A span of t may reach into the next one of s: walk a copy.
		for rest := t; ; rest = rest[1:] {
			if len(rest) == 0 || rest[0].lo > p.hi {
				out = append(out, p)
				break
			}
			if rest[0].lo > p.lo {
				out = append(out, span{p.lo, rest[0].lo - 1})
			}
			if rest[0].hi >= p.hi {
				break
			}
			p.lo = rest[0].hi + 1
		}
	}
	return out
}

// countMissing is the number of elements of t that s lacks; it cannot overflow,
// since all lie in 1..maxGNO.
func countMissing(s, t []span) uint64 {
	n := uint64(0)
	for _, p := range t {
		n += p.hi - p.lo + 1
		for len(s) > 0 && s[0].hi < p.lo {
			s = s[1:]
		}
		for rest := s; len(rest) > 0 && rest[0].lo <= p.hi; rest = rest[1:] {
			n -= min(p.hi, rest[0].hi) - max(p.lo, rest[0].lo) + 1
		}
	}
	return n
}

// seek drops the tracks before t, and returns the spans of the one like it.
func seek(tracks []track, t track) ([]track, []span) {
	for len(tracks) > 0 {
		switch c := tracks[0].compare(t); {
		case c == 0:
			return tracks, tracks[0].spans
		case c > 0:
			return tracks, nil
		}
		tracks = tracks[1:]
	}
	return nil, nil
}

func containsTracks(s, t []track) bool {
	var have []span
	for _, want := range t {
		if s, have = seek(s, want); !containsSpans(have, want.spans) {
			return false
		}
	}
	return true
}

func missingTracks(s, t []track) uint64 {
	var have []span
	total := uint64(0)
	for _, want := range t {
		s, have = seek(s, want)
		total = saturatingAdd(total, countMissing(have, want.spans))
	}
	return total
}

func subtractTracks(s, t []track) []track {
	var out []track
	var gone []span
	for _, a := range s {
		t, gone = seek(t, a)
		if a.spans = subtractSpans(a.spans, gone); len(a.spans) > 0 {
			out = append(out, a)
		}
	}
	return out
}

func uniteTracks(s, t []track) []track {
	out := make([]track, 0, len(s)+len(t))
	for len(s) > 0 && len(t) > 0 {
		switch a, b := s[0], t[0]; a.compare(b) {
		case -1:
			out, s = append(out, a), s[1:]
		case 1:
			out, t = append(out, b), t[1:]
		default:
			a.spans = uniteSpans(a.spans, b.spans)
			out, s, t = append(out, a), s[1:], t[1:]
		}
	}
	return append(append(out, s...), t...)
}

// formatTracks writes as MySQL does: each source once, its transactions without
// a tag first, then tag after tag.
func formatTracks(tracks []track) string {
	size := 0 // of numbers as long as they usually are
	for _, t := range tracks {
		size += 40 + len(t.tag) + 16*len(t.spans)
	}
	b := make([]byte, 0, size)
	for i, t := range tracks {
		if i == 0 || tracks[i-1].source != t.source {
			if i > 0 {
				b = append(b, ',')
			}
			b = t.source.appendTo(b)
		}
		if t.tag != "" {
			b = append(append(b, ':'), t.tag...)
		}
		for _, p := range t.spans {
			b = strconv.AppendUint(append(b, ':'), p.lo, 10)
			if p.hi > p.lo {
				b = strconv.AppendUint(append(b, '-'), p.hi, 10)
			}
		}
	}
	return string(b)
}

func (u source) appendTo(b []byte) []byte {
	for i, part := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, u[part[0]:part[1]])
	}
	return b
}

// parseSource reads a UUID in its usual text form of 36 characters.
func parseSource(s string) (u source, ok bool) {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return u, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			continue
		}
		d, ok := hexDigit(s[i])
		if !ok {
			return u, false
		}
		u[n/2] = u[n/2]<<4 | d
		n++
	}
	return u, true
}

func hexDigit(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
