package gtid

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxText bounds what is parsed. A set of this length has about a million
// intervals; a server that holds more has another problem.
const maxText = 16 << 20

// Parse reads a set of either flavour, telling them apart by the colon that
// every MySQL GTID has. The empty text is the empty set.
func Parse(s string) (Set, error) {
	if strings.IndexByte(s, ':') >= 0 {
		return ParseMySQL(s)
	}
	return ParseMariaDB(s)
}

// ParseMariaDB reads a binlog state or a position, "0-1-100,0-2-150,1-1-7", in
// any order. Several entries per domain are allowed; the highest per domain and
// server counts.
func ParseMariaDB(s string) (Set, error) {
	if err := checkLength(s); err != nil {
		return Set{}, err
	}
	if trim(s) == "" {
		return Set{}, nil
	}
	entries := make([]Entry, 0, strings.Count(s, ",")+1)
	for item := range strings.SplitSeq(s, ",") {
		e, ok := parseEntry(trim(item))
		if !ok {
			return Set{}, syntaxError(item, "want domain-server-sequence")
		}
		entries = append(entries, e)
	}
	return Set{entries: canonicalEntries(entries)}, nil
}

func parseEntry(s string) (Entry, bool) {
	domain, rest, ok1 := strings.Cut(s, "-")
	server, seq, ok2 := strings.Cut(rest, "-")
	if !ok1 || !ok2 {
		return Entry{}, false
	}
	d, ok1 := parseNumber(domain, math.MaxUint32)
	i, ok2 := parseNumber(server, math.MaxUint32)
	n, ok3 := parseNumber(seq, math.MaxUint64)
	return Entry{uint32(d), uint32(i), n}, ok1 && ok2 && ok3
}

// parseNumber takes digits only: no sign, no underscore, no prefix. It is most
// of the work on a large set, hence not strconv.
func parseNumber(s string, limit uint64) (n uint64, ok bool) {
	for i := 0; i < len(s); i++ {
		d := uint64(s[i] - '0')
		if d > 9 || n > (limit-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, s != ""
}

// ParseMySQL reads a set such as "uuid:1-5:7,uuid:tag:1-3", with spaces and
// newlines as MySQL prints them, in any order, overlaps merged. A tag counts for
// all the intervals after it, up to the next tag or source: "uuid:1-5:tag:1-3".
func ParseMySQL(s string) (Set, error) {
	if err := checkLength(s); err != nil {
		return Set{}, err
	}
	if trim(s) == "" {
		return Set{}, nil
	}
	p := mysqlParser{
		// One array for all intervals: each takes at most one colon.
		spans:  make([]span, 0, strings.Count(s, ":")),
		tracks: make([]track, 0, strings.Count(s, ",")+1),
	}
	for item := range strings.SplitSeq(s, ",") {
		if err := p.item(item); err != nil {
			return Set{}, err
		}
	}
	return Set{tracks: canonicalTracks(p.tracks)}, nil
}

type mysqlParser struct {
	tracks []track
	spans  []span
}

// item reads what stands between two commas: a source, then intervals and tags.
func (p *mysqlParser) item(item string) error {
	id, rest, ok := strings.Cut(item, ":")
	uuid, valid := parseSource(trim(id))
	if !valid {
		return syntaxError(item, "want a UUID")
	}
	if !ok {
		return syntaxError(item, "no interval")
	}
	tag, from := "", len(p.spans)
	for more := true; more; {
		var word string
		word, rest, more = strings.Cut(rest, ":")
		word = trim(word)
		if next, ok := parseTag(word); ok {
			// Only right after the UUID may nothing stand before a tag.
			if from == len(p.spans) && tag != "" {
				return syntaxError(item, "a tag without interval")
			}
			p.close(uuid, tag, from)
			tag, from = next, len(p.spans)
			continue
		}
		iv, ok := parseSpan(word)
		if !ok {
			return syntaxError(item, "bad interval "+quote(word))
		}
		p.spans = append(p.spans, iv)
	}
	if from == len(p.spans) {
		return syntaxError(item, "a tag without interval")
	}
	p.close(uuid, tag, from)
	return nil
}

// close makes a track of the intervals read since from.
func (p *mysqlParser) close(uuid source, tag string, from int) {
	if n := len(p.spans); n > from {
		p.tracks = append(p.tracks, track{uuid, tag, p.spans[from:n:n]})
	}
}

func parseTag(s string) (tag string, ok bool) {
	if s == "" || len(s) > 32 || s[0] >= '0' && s[0] <= '9' {
		return "", false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "", false
		}
	}
	return strings.ToLower(s), true
}

func parseSpan(s string) (span, bool) {
	from, to, two := strings.Cut(s, "-")
	if !two {
		to = from
	}
	lo, ok1 := parseNumber(trim(from), maxGNO)
	hi, ok2 := parseNumber(trim(to), maxGNO)
	return span{lo, hi}, ok1 && ok2 && 1 <= lo && lo <= hi
}

func checkLength(s string) error {
	if len(s) > maxText {
		return fmt.Errorf("%w: %d bytes, at most %d are read", ErrSyntax, len(s), maxText)
	}
	return nil
}

func syntaxError(item, why string) error {
	return fmt.Errorf("%w: %s: %s", ErrSyntax, quote(item), why)
}

// quote shortens: a set may have megabytes, an error is one line.
func quote(s string) string {
	if s = trim(s); len(s) > 60 {
		s = s[:57] + "..."
	}
	return strconv.QuoteToASCII(s)
}

// trim removes what may stand around any token: MySQL prints a newline after
// each comma. It is strings.Trim without the setup, which would be half of the
// time that parsing takes.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
