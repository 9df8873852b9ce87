package sim

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// tx is a transaction; content tells apart two that carry the same GTID.
type tx struct {
	set     gtid.Set // its GTID
	entry   gtid.Entry
	from    uint32 // server id
	content int
	shared  bool               // another node has received it
	client  bool               // somebody waits for its answer
	row     *replication.Epoch // a marker carries the epoch's row
}

func (t *tx) String() string { return t.set.String() }

// server is mysqld of one node: what is on its disk, and while it runs the rest.
type server struct {
	w    *World
	node *node

	// On disk.
	data      string // data id
	uuid      string // MySQL's name in what it writes
	written   int    // MySQL: last number under that name
	binlog    []*tx
	purged    int // of binlog: in the data, and in no log of this server
	committed int // of binlog, by the storage engine, while it runs
	durable   int // of binlog, known to the storage engine after a crash
	ghosts    gtid.Set
	relay     []*tx // received, not executed
	source    *replication.Source
	locked    map[string]bool
	prepared  int // MySQL: cut off the log, and only prepared in the storage engine
	rolled    int // of those, by the last start
	saved     map[int]bool

	// Of the process.
	running, ready bool
	stopped        bool     // by SIGSTOP: it does nothing, and answers nobody
	thawing        []*event // what it was late for
	pid            int
	since          time.Duration
	result         string
	id             uint32
	writable       bool
	closed         bool // to new sessions
	barred         bool // to replicas, until the end
	events         bool
	long           bool // a client holds a transaction open
	armed          bool // semi-sync source
	eager          bool // semi-sync replica
	acked          uint64
	receiver       receiver
	applier        replication.Thread
	shown          gtid.Set // received, as the status shows it
	slow           time.Duration
	duplicate      bool          // a row stands in the applier's way
	moved          time.Duration // since when the applier has nothing to do
	logged         gtid.Set      // everything in binlog
	rows           []replication.Epoch
	dumps          []*receiver
	stale          map[string]time.Duration // dump threads whose replica has gone, until
	seen           []*tx                    // what an agent of this node was shown on the node it would follow
}

func (s *server) flavour() gtid.Flavour { return s.w.opt.Flavour }

// up: it answers, unless it is idle.
func (s *server) up() bool { return s.running && s.ready }

// idle: its process or its node does nothing for the moment.
func (s *server) idle() bool { return s.stopped || s.node.frozen }

// pause stops the process, or lets it go on.
func (s *server) pause(yes bool) {
	if !s.running || s.stopped == yes {
		return
	}
	s.note("mysqld stands still: %t", yes)
	s.stopped = yes
	if !yes {
		late := s.thawing
		s.thawing = nil
		s.w.late(late)
	}
}

func (s *server) note(format string, args ...any) {
	s.w.note("%s: "+format, append([]any{s.node.name}, args...)...)
}

// executed is what the server says that it has executed: MariaDB counts commits that
// still wait for an acknowledgement.
func (s *server) executed() gtid.Set {
	if s.flavour() == gtid.MariaDB || s.committed == len(s.binlog) {
		all, _ := s.logged.Union(s.ghosts)
		return all
	}
	var tail gtid.Set
	for _, t := range s.binlog[s.committed:] {
		tail, _ = tail.Union(t.set)
	}
	all, _ := s.logged.Subtract(tail).Union(s.ghosts)
	return all
}

func (s *server) received() gtid.Set {
	all, _ := s.executed().Union(s.shown)
	return all
}

// waiting sessions are those whose transaction is in the binary log only.
func (s *server) waiting() int { return len(s.binlog) - s.committed }

func (s *server) append(t *tx) {
	s.binlog = append(s.binlog, t)
	s.logged, _ = s.logged.Union(t.set)
}

// commit has the storage engine commit everything up to the end.
func (s *server) commit(end int) {
	for s.committed < end {
		t := s.binlog[s.committed]
		s.committed++
		if t.row != nil {
			s.rows = append(s.rows, *t.row)
		}
		if t.client && t.from == s.id {
			t.client = false
			s.w.acknowledge(s, t)
		}
	}
}

// issue makes a transaction of this server's own.
func (s *server) issue(seq uint64) *tx {
	s.w.truth.contents++
	t := &tx{from: s.id, content: s.w.truth.contents}
	if s.flavour() == gtid.MariaDB {
		t.entry = gtid.Entry{Server: s.id, Seq: max(seq, s.logged.MaxSeq(0)+1)}
		t.set = gtid.FromEntries([]gtid.Entry{t.entry})
	} else {
		s.written++
		t.set = must(gtid.Parse(fmt.Sprintf("%s:%d", s.uuid, s.written)))
	}
	s.w.issued(s, t)
	return t
}

// write is a client's transaction. Where commits wait for an acknowledgement it is
// prepared, in the binary log, on its way to the replicas, and not committed.
func (s *server) write() {
	if !s.up() || s.idle() || !s.writable || s.closed {
		return
	}
	t := s.issue(0)
	t.client = true
	s.append(t)
	if !s.armed {
		s.commit(len(s.binlog))
	}
	s.feed()
}

// acknowledged by a replica: it has received everything up to t.
func (s *server) acknowledged(t *tx) {
	if !s.up() || !s.armed {
		return
	}
	for i := len(s.binlog) - 1; i >= s.committed; i-- {
		if s.binlog[i] == t {
			s.acked += uint64(i + 1 - s.committed)
			s.commit(i + 1)
			return
		}
	}
}

// arm switches waiting on, or off: what waits is committed then, and its clients are
// told so.
func (s *server) arm(on bool) {
	s.armed = on
	if !on {
		s.commit(len(s.binlog))
	}
}

// die is the end of the process, clean or not. A clean one commits what waits; a
// crash may leave even what was acknowledged only prepared in the storage engine,
// which trusts the binary log to know better.
func (s *server) die(clean bool) {
	if !s.running {
		return
	}
	if clean {
		s.commit(len(s.binlog))
	}
	s.durable = s.committed
	s.result = "success"
	if !clean {
		s.result = "signal"
	}
	if !clean && s.ready {
		s.durable = max(0, s.committed-int(s.w.roll(0, 2)))
	}
	for _, t := range s.binlog[s.committed:] {
		t.client = false // its session is gone
	}
	s.stopped, s.thawing = false, nil
	s.running, s.ready, s.writable, s.armed, s.eager, s.long = false, false, false, false, false, false
	s.closed, s.barred, s.events, s.acked = false, false, false, 0
	s.receiver.stop()
	s.receiver, s.applier, s.shown, s.stale = receiver{s: s}, replication.Thread{}, gtid.Set{}, map[string]time.Duration{}
	for _, r := range slices.Clone(s.dumps) {
		r.lose(true)
	}
	s.note("mysqld ends (%s), %d committed, %d more in the binary log", s.result, s.durable, len(s.binlog)-s.durable)
}

// boot starts the process and settles what the storage engine had only prepared.
func (s *server) boot(id uint32, readOnly, dropTail bool) {
	s.w.pids++
	s.running, s.pid, s.since, s.id, s.writable = true, s.w.pids, s.w.now(), id, !readOnly
	tail := len(s.binlog) - s.durable
	s.committed = s.durable
	s.rolled = 0
	switch {
	case s.w.now() < s.node.broken:
		s.w.after(100*time.Millisecond, s.node, func() { s.w.died(s.node, false) })
		return
	case s.flavour() == gtid.MariaDB && dropTail && tail > 0 && s.w.answered == nil && s.w.chance(10):
		// A schema change in it: this server does not start without it.
		s.committed = len(s.binlog) // the next start keeps it
		s.w.after(200*time.Millisecond, s.node, func() { s.w.died(s.node, false) })
		return
	case s.flavour() == gtid.MariaDB && dropTail:
		s.discard(s.durable)
	}
	s.committed = len(s.binlog)
	s.rolled, s.prepared = s.prepared, 0
	s.rebuild()
	recovery := s.w.roll(300*time.Millisecond, 1500*time.Millisecond)
	if s.w.chance(15) {
		recovery = s.w.roll(4*time.Second, 12*time.Second)
	}
	pid := s.pid
	s.after(recovery, func() {
		if s.running && s.pid == pid {
			s.ready = true
		}
	})
	s.note("mysqld starts, read-only %t, drops its tail %t (%d), ready in %s", readOnly, dropTail, tail, recovery)
}

// seed gives a node the data of another one, under a name of its own: MySQL's server
// is a clone, which has the data but no logs; MariaDB's a copy of all files.
func (n *node) seed(from *node) {
	s, src := n.srv, from.srv
	s.binlog, s.ghosts, s.locked = slices.Clone(src.binlog[:src.committed]), src.ghosts, maps.Clone(src.locked)
	s.committed, s.durable, s.purged = len(s.binlog), len(s.binlog), src.purged
	s.relay, s.source, s.prepared, s.rolled = nil, nil, 0, 0
	if s.flavour() == gtid.MySQL {
		s.purged = len(s.binlog)
	} else {
		s.relay, s.source = slices.Clone(src.relay), src.source
	}
	n.renew()
	s.rebuild()
	s.note("has the data of %s: %s", from.name, s.logged)
}

// discard cuts the binary log. Nothing may go that was not saved before.
func (s *server) discard(from int) {
	for _, t := range s.binlog[from:] {
		s.note("%s is discarded", t)
		if !s.saved[t.content] {
			s.w.violate("5: %s discards %s, which was not saved", s.node.name, t)
		}
		if s.w.truth.recorded <= s.reign() && slices.Contains(s.w.truth.acked, t) {
			s.w.violate("1: %s discards %s, which was acknowledged, and no later epoch is on record", s.node.name, t)
		}
	}
	s.binlog = s.binlog[:from:from]
	s.durable = min(s.durable, from)
	// MySQL gives the first number that is free under its name.
	s.written = 0
	for _, t := range s.binlog {
		if strings.HasPrefix(t.String(), s.uuid) {
			s.written++
		}
	}
}

func (s *server) rebuild() {
	s.logged, s.rows = gtid.Set{}, nil
	for _, t := range s.binlog {
		s.logged, _ = s.logged.Union(t.set)
		if t.row != nil {
			s.rows = append(s.rows, *t.row)
		}
	}
}

// index of a transaction in the binary log by its GTID; -1 where it is not there.
func (s *server) index(set gtid.Set) int {
	for i := len(s.binlog) - 1; i >= 0; i-- {
		if s.binlog[i].set.Equal(set) {
			return i
		}
	}
	return -1
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
