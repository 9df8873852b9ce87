package election

import (
	"fmt"
	"slices"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// World is the whole state. Only apply changes it; everything random is in the
// events, so that a list of events is a run.
type World struct {
	opt     Options
	nodes   []*node
	group   []int // network partition of each node
	now     int
	acks    []ack  // in flight
	counter uint64 // of elections
	prefer  int    // node that an operator's constraint prefers; -1: none
	truth   truth
	trace   []string
}

// Options choose the size and what is wrong on purpose.
type Options struct {
	Nodes  int
	Spare  bool // the last node has candidate=no
	Unsync bool // the last node has no sync_relay_log
	Plant  Plant
	Often  []kind // events that come eight times as often
}

// tx is one transaction; content tells apart two that carry the same GTID.
type tx struct {
	id      gtid.Entry
	content int
	row     *scoring.EpochStart // a marker carries the epoch's row
	record  *scoring.Record     // and the record
}

type node struct {
	name      string
	index     int
	data      int
	electable bool
	syncRelay bool

	up         bool // the machine and its cluster stack
	running    bool // mysqld
	recovering bool
	writable   bool
	openEpoch  uint64 // epoch it opened with
	armed      bool
	ackOn      bool // semi-sync receiver
	receiver   int  // node index it is attached to; -1
	locked     []bool

	binlog    []tx
	committed int  // transactions of binlog that the engine committed
	relay     []tx // received, not applied

	ledger ledger
	cib    *scoring.Record
	cibVer int

	// Transient attributes: they vanish with the node.
	score    int
	hasScore bool
	hint     *scoring.Candidate
	ballot   *ballot
	seen     scoring.Record // newest record it says it knows
	acking   bool           // it says that its semi-sync receiver is on
	previous gtid.Set

	// As primary, and on the way there.
	tr        *transition
	won       uint64           // election it opened with
	enlarging bool             // its newest record let a node in, which may not acknowledge yet
	permit    []scoring.NodeID // nodes that may switch their acknowledging on
	started   []int            // contents it opened with
}

// ledger survives everything but the disk.
type ledger struct {
	record    *scoring.Record
	freeze    *freeze
	foreign   string
	discarded uint64 // highest sequence number cut off here
	lostRelay uint64 // epoch in which it lost part of its relay log
}

// freeze is a promise. Until it expires the receiver stays stopped; until the
// outcome of the election is known the node does not acknowledge for the epoch
// that the election was to end.
type freeze struct {
	counter uint64
	base    uint64 // epoch that was to end
	target  int
	expires int
}

type ballot struct {
	counter   uint64
	candidate scoring.Candidate
	record    *scoring.Record
	line      scoring.Line
}

type ack struct{ from, to, content int }

const (
	promoteTime = 150 // from the first notification to the kill of the promote
	freezeTime  = 200
)

func newWorld(opt Options) *World {
	w := &World{opt: opt, prefer: -1, group: make([]int, opt.Nodes), truth: newTruth()}
	for i := range opt.Nodes {
		w.nodes = append(w.nodes, &node{
			name: fmt.Sprintf("db%d", i+1), index: i, data: 1, up: true, running: true,
			electable: true, syncRelay: true, receiver: -1, locked: make([]bool, opt.Nodes), score: unset,
		})
	}
	last := w.nodes[opt.Nodes-1]
	last.electable, last.syncRelay = !opt.Spare, !opt.Unsync
	return w
}

func (n *node) id() scoring.NodeID {
	return scoring.NodeID{Name: n.name, Data: fmt.Sprintf("%x", 0xa0+n.data)}
}

func (n *node) server() uint32 { return uint32(n.index + 1) }

func (w *World) byName(name string) *node {
	for _, n := range w.nodes {
		if n.name == name {
			return n
		}
	}
	return nil
}

// position is received and executed: the maximum per server, as MariaDB has it.
func (n *node) position() gtid.Set {
	var high [8]uint64
	for _, list := range [][]tx{n.binlog, n.relay} {
		for _, t := range list {
			high[t.id.Server] = max(high[t.id.Server], t.id.Seq)
		}
	}
	entries := make([]gtid.Entry, 0, len(high))
	for s, q := range high {
		entries = append(entries, gtid.Entry{Server: uint32(s), Seq: q})
	}
	return gtid.FromEntries(entries)
}

// executed is position without what is not applied.
func (n *node) executed() gtid.Set {
	m := *n
	m.relay = nil
	return m.position()
}

// table is the table of epochs as SQL shows it: applied rows only.
func (n *node) table() scoring.Line {
	var l scoring.Line
	for _, t := range n.binlog {
		if t.row != nil {
			l = append(l, *t.row)
		}
	}
	return l
}

// last is the transaction after which it wants to receive.
func (n *node) last() *tx {
	if k := len(n.relay); k > 0 {
		return &n.relay[k-1]
	}
	if k := len(n.binlog); k > 0 {
		return &n.binlog[k-1]
	}
	return nil
}

func (n *node) serves() bool { return n.up && n.running && !n.recovering }

func (w *World) connected(a, b *node) bool {
	return a.up && b.up && w.group[a.index] == w.group[b.index]
}

// members are the nodes that are up in the partition of n.
func (w *World) members(n *node) []*node {
	var ms []*node
	for _, m := range w.nodes {
		if w.connected(n, m) {
			ms = append(ms, m)
		}
	}
	return ms
}

// quorate: two nodes are special (two_node: both halves are).
func (w *World) quorate(n *node) bool {
	k := len(w.members(n))
	return k > 0 && (len(w.nodes) == 2 || 2*k > len(w.nodes))
}

// syncCIB lets the higher version win within each partition, as Pacemaker does.
func (w *World) syncCIB() {
	for _, n := range w.nodes {
		for _, m := range w.members(n) {
			if m.cibVer > n.cibVer {
				n.cib, n.cibVer = m.cib, m.cibVer
			}
		}
	}
}

// writeRecord writes to the partition's CIB and keeps it in the ledger; false
// without quorum.
func (w *World) writeRecord(n *node, r scoring.Record) bool {
	if !w.quorate(n) {
		return false
	}
	n.ledger.record = &r
	ver := n.cibVer + 1
	for _, m := range w.members(n) {
		m.cib, m.cibVer = &r, ver
	}
	w.note("%s writes %s", n.name, r)
	return true
}

// newest is what the node knows by itself; what it knows, it keeps.
func (w *World) newest(n *node) (*scoring.Record, bool) {
	r, err := w.newestOf(n.cib, n.ledger.record)
	if err != nil {
		return nil, false
	}
	if r != nil {
		n.ledger.record = r
		n.seen = *r
	}
	return r, true
}

func (w *World) newestOf(rs ...*scoring.Record) (*scoring.Record, error) {
	if w.opt.Plant == TrustCIB {
		rs = rs[:1]
	}
	var distinct []*scoring.Record
	var known []scoring.Record
	for _, r := range rs {
		if r != nil && !slices.Contains(distinct, r) {
			distinct, known = append(distinct, r), append(known, *r)
		}
	}
	if len(distinct) == 1 {
		return distinct[0], nil
	}
	newest, ok, err := scoring.Newest(known...)
	if err != nil || !ok {
		return nil, err
	}
	for _, r := range distinct { // keep one pointer per record: it is compared often
		if !newest.Newer(*r) && text(r) == text(&newest) {
			return r, nil
		}
	}
	return &newest, nil
}

func (w *World) note(format string, args ...any) {
	w.trace = append(w.trace, fmt.Sprintf("%4d ", w.now)+fmt.Sprintf(format, args...))
}
