package ocf

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// maxPublication bounds an attribute's value: an argument over 128 KiB cannot be
// passed to the cluster's tools, and the cluster copies it to every node.
const maxPublication = 32 << 10

// Publication is what a node tells the others about itself: its position (from
// monitor, a hint) or its ballot (from pre-promote, binding while it stands).
type Publication struct {
	scoring.Candidate
	Record    string // newest record this node has seen
	Counter   uint64 // ballots: new for each freeze
	Target    string // ballots: node to be promoted when it was cast
	Acks      bool   // acknowledging now
	Follows   string // source it follows, "" for none
	Connected bool
	Executed  gtid.Set // applied; Position counts what was only received, too
	// Conceded are ballots by node that were cast for an election of this node's, and
	// that it will never use.
	Conceded map[string]uint64

	// For people only; nothing is decided from these.
	Waiting int    // commits that wait for an acknowledgement now
	Ailment string // what is wrong although it works; "": nothing is known to be
	Asleep  string // events that do not run on this primary as they were made elsewhere
	Wake    string // statement that has the first of them run
	Address *bool  // it holds the virtual IP; nil: none is configured, or not known
	Freeze  string // node for whose election it receives nothing
	Turn    *Turn  // last change of its role; nil: not known
}

// Encode is the attribute's value: the query form of RFC 3986, without spaces
// or quotes.
func (p Publication) Encode() (string, error) {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	flag := func(key string, on bool) {
		if on {
			v.Set(key, "1")
		}
	}
	v.Set("node", p.Node.String())
	v.Set("role", string(p.Role))
	flag("observed", p.Observed)
	set("pos", p.Position.String())
	set("prev", p.Previous.String())
	set("exec", p.Executed.String())
	flag("electable", p.Electable)
	if p.Lag != nil {
		v.Set("lag", strconv.Itoa(int(p.Lag.Seconds())))
	}
	set("broken", p.Broken)
	set("drain", p.Drain)
	set("refused", p.Refused)
	set("foreign", p.Foreign)
	set("quarantined", p.Quarantined)
	flag("whole", p.WholeBinlog)
	flag("intact", p.RelayIntact)
	flag("frozen", p.Frozen)
	set("tables", p.Tables)
	set("version", p.Version)
	set("record", p.Record)
	set("target", p.Target)
	flag("acks", p.Acks)
	set("follows", p.Follows)
	flag("connected", p.Connected)
	if p.Counter > 0 {
		v.Set("counter", strconv.FormatUint(p.Counter, 10))
	}
	for _, node := range sortedKeys(p.Conceded) {
		v.Add("conceded", strconv.FormatUint(p.Conceded[node], 10)+":"+node)
	}
	if p.Waiting > 0 {
		v.Set("waiting", strconv.Itoa(p.Waiting))
	}
	if p.Address != nil {
		v.Set("address", map[bool]string{true: "1", false: "0"}[*p.Address])
	}
	set("unlinked", p.Unlinked)
	set("ailment", p.Ailment)
	set("asleep", p.Asleep)
	set("wake", p.Wake)
	set("freeze", p.Freeze)
	if p.Turn != nil {
		v.Set("turn", p.Turn.What)
		set("turned", p.Turn.At)
		set("because", p.Turn.Why)
	}
	// A space as "+" could stand beside another, and Pacemaker computes "++".
	text := strings.ReplaceAll(v.Encode(), "+", "%20")
	if len(text) > maxPublication {
		return "", fmt.Errorf("position of %d bytes is too long to publish (%d)", len(text), maxPublication)
	}
	return text, nil
}

// DecodePublication reads an attribute's value.
func DecodePublication(text string) (Publication, error) {
	v, err := url.ParseQuery(text)
	if err != nil {
		return Publication{}, fmt.Errorf("publication: %w", err)
	}
	var p Publication
	if p.Node, err = scoring.ParseNodeID(v.Get("node")); err != nil {
		return Publication{}, fmt.Errorf("publication: %w", err)
	}
	p.Role = scoring.Role(v.Get("role"))
	p.Observed = v.Has("observed")
	for key, into := range map[string]*gtid.Set{"pos": &p.Position, "prev": &p.Previous, "exec": &p.Executed} {
		if *into, err = gtid.Parse(v.Get(key)); err != nil {
			return Publication{}, fmt.Errorf("publication of %s: %s: %w", p.Node.Name, key, err)
		}
	}
	p.Electable = v.Has("electable")
	if v.Has("lag") {
		n, err := strconv.ParseUint(v.Get("lag"), 10, 31)
		if err != nil {
			return Publication{}, fmt.Errorf("publication of %s: lag: %w", p.Node.Name, err)
		}
		lag := time.Duration(n) * time.Second
		p.Lag = &lag
	}
	p.Broken, p.Drain, p.Refused = v.Get("broken"), v.Get("drain"), v.Get("refused")
	p.Foreign, p.Quarantined = v.Get("foreign"), v.Get("quarantined")
	p.WholeBinlog, p.RelayIntact, p.Frozen = v.Has("whole"), v.Has("intact"), v.Has("frozen")
	p.Tables, p.Version, p.Record, p.Target = v.Get("tables"), v.Get("version"), v.Get("record"), v.Get("target")
	p.Unlinked = v.Get("unlinked")
	p.Acks, p.Follows, p.Connected = v.Has("acks"), v.Get("follows"), v.Has("connected")
	p.Led = p.Follows != ""
	for _, text := range v["conceded"] {
		number, node, ok := strings.Cut(text, ":")
		counter, err := strconv.ParseUint(number, 10, 64)
		if !ok || err != nil {
			return Publication{}, fmt.Errorf("publication of %s: conceded: %q", p.Node.Name, text)
		}
		if p.Conceded == nil {
			p.Conceded = map[string]uint64{}
		}
		p.Conceded[node] = counter
	}
	p.people(v)
	if v.Has("counter") {
		if p.Counter, err = strconv.ParseUint(v.Get("counter"), 10, 64); err != nil {
			return Publication{}, fmt.Errorf("publication of %s: counter: %w", p.Node.Name, err)
		}
	}
	return p, nil
}

// people reads what is shown only. What is not understood is not known: it must not
// cost the rest, which decides.
func (p *Publication) people(v url.Values) {
	if n, err := strconv.ParseUint(v.Get("waiting"), 10, 31); err == nil {
		p.Waiting = int(n)
	}
	if held, err := strconv.ParseBool(v.Get("address")); err == nil {
		p.Address = &held
	}
	p.Asleep, p.Wake = v.Get("asleep"), v.Get("wake")
	p.Ailment, p.Freeze = v.Get("ailment"), v.Get("freeze")
	if v.Has("turn") {
		p.Turn = &Turn{What: v.Get("turn"), At: v.Get("turned"), Why: v.Get("because")}
	}
}
