package scoring

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// String returns the record as words, in a fixed order:
//
//	epoch=3 rev=2 primary=db1:3f9a start=0-1-100 durability=lossless waited=1 ackers=db2:aa,db3:bb final=0-1-200
func (r Record) String() string {
	ackers := make([]string, len(r.Ackers))
	for i, a := range r.Ackers {
		ackers[i] = a.String()
	}
	words := []string{
		"epoch=" + strconv.FormatUint(r.Epoch, 10),
		"rev=" + strconv.FormatUint(r.Revision, 10),
		"primary=" + r.Primary.String(),
		"start=" + r.Start.String(),
		"durability=" + string(r.Durability),
		"waited=" + strconv.Itoa(r.Waited),
		"ackers=" + strings.Join(ackers, ","),
	}
	if r.Final != nil {
		words = append(words, "final="+r.Final.String())
	}
	if r.Grant != GrantNone {
		words = append(words, "grant="+string(r.Grant))
	}
	if r.Marker != (gtid.Entry{}) {
		words = append(words, "marker="+r.Marker.String())
	}
	return strings.Join(words, " ")
}

// required keys: a record without one of them would be read as a weaker promise.
var required = []string{"epoch", "rev", "primary", "start", "durability", "waited", "ackers"}

// ParseRecord reads what String writes. Unknown keys are ignored, so that an
// older agent can read a newer one's record. The error is ErrRecordSyntax and
// names the key.
func ParseRecord(s string) (Record, error) {
	values := map[string]string{}
	for _, w := range strings.Fields(s) {
		key, value, ok := strings.Cut(w, "=")
		if !ok || key == "" {
			return Record{}, fmt.Errorf("%w: %.40q is no key=value", ErrRecordSyntax, w)
		}
		if _, twice := values[key]; twice {
			return Record{}, fmt.Errorf("%w: %s twice", ErrRecordSyntax, key)
		}
		values[key] = value
	}
	for _, key := range required {
		if _, ok := values[key]; !ok {
			return Record{}, fmt.Errorf("%w: no %s", ErrRecordSyntax, key)
		}
	}
	var r Record
	for key, value := range values {
		if err := r.set(key, value); err != nil {
			return Record{}, fmt.Errorf("%w: %s: %w", ErrRecordSyntax, key, err)
		}
	}
	if r.Epoch == 0 || r.Waited < 1 {
		return Record{}, fmt.Errorf("%w: epoch and waited start at 1", ErrRecordSyntax)
	}
	r.Ackers = sorted(r.Ackers, NodeID{})
	return r, nil
}

func (r *Record) set(key, value string) (err error) {
	switch key {
	case "epoch":
		r.Epoch, err = strconv.ParseUint(value, 10, 64)
	case "rev":
		r.Revision, err = strconv.ParseUint(value, 10, 64)
	case "primary":
		r.Primary, err = ParseNodeID(value)
	case "start":
		r.Start, err = gtid.Parse(value)
	case "durability":
		r.Durability = Durability(value)
		err = oneOf(value, string(Lossless), string(Async))
	case "waited":
		r.Waited, err = strconv.Atoi(value)
	case "ackers":
		for a := range strings.SplitSeq(value, ",") {
			if a == "" && value == "" {
				return nil
			}
			id, err := ParseNodeID(a)
			if err != nil {
				return err
			}
			r.Ackers = append(r.Ackers, id)
		}
	case "final":
		var final gtid.Set
		final, err = gtid.Parse(value)
		r.Final = &final
	case "grant":
		r.Grant = Grant(value)
		err = oneOf(value, string(GrantBootstrap), string(GrantAcceptLoss), string(GrantReset))
	case "marker":
		var marker gtid.Set
		marker, err = gtid.ParseMariaDB(value)
		if err == nil && len(marker.Entries()) != 1 {
			return fmt.Errorf("%.40q is not one gtid", value)
		}
		if err == nil {
			r.Marker = marker.Entries()[0]
		}
	}
	return err
}

func oneOf(value string, known ...string) error {
	if !slices.Contains(known, value) {
		return fmt.Errorf("%.40q is none of %s", value, strings.Join(known, ", "))
	}
	return nil
}

// MarshalText returns String: one form everywhere, also in JSON.
func (r Record) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText is ParseRecord.
func (r *Record) UnmarshalText(text []byte) error {
	p, err := ParseRecord(string(text))
	if err != nil {
		return err
	}
	*r = p
	return nil
}
