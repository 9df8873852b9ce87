package sim

import (
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// receiver is a replica's receiver thread with its connection.
type receiver struct {
	s      *server
	thread bool
	from   *server // connected to; nil: connecting
	next   int     // of the source's binary log
	acks   bool    // as agreed at the connection
	busy   bool    // something is on its way
	errno  int
	error  string
	serial int // of the connection: what was sent on an older one is lost
}

const retry = time.Second

func (r *receiver) user() string {
	if r.s.source == nil {
		return ""
	}
	return r.s.source.User
}

// stop ends the thread.
func (r *receiver) stop() {
	r.lose(false)
	r.thread, r.errno, r.error = false, 0, ""
	r.serial++
}

// lose is the end of a connection; the thread tries again by itself.
func (r *receiver) lose(again bool) {
	if r.from != nil {
		src := r.from
		src.dumps = slices.DeleteFunc(src.dumps, func(o *receiver) bool { return o == r })
		r.from, r.acks, r.busy = nil, false, false
		r.serial++
	}
	if again && r.thread {
		r.later()
	}
}

func (r *receiver) later() {
	s, serial := r.s, r.serial
	s.after(retry, func() {
		if s.receiver.thread && s.receiver.from == nil && s.receiver.serial == serial {
			s.receiver.connect()
		}
	})
}

// connect asks the source for what follows; what stands in the way shows in the status.
func (r *receiver) connect() {
	s := r.s
	src := s.w.byName(s.source.Host).srv
	r.errno, r.error = 0, ""
	switch {
	case !src.up() || src.idle() || !s.w.talks(s.node, src.node):
		r.errno, r.error = 2003, "cannot connect"
	case src.locked[r.user()] || src.barred:
		r.errno, r.error = 1045, "access denied"
	}
	if r.errno != 0 {
		r.later()
		return
	}
	at, ok := s.position(src)
	if !ok {
		r.thread, r.errno, r.error = false, 1236, "the source lacks what this server holds"
		return
	}
	r.from, r.next, r.busy = src, at, false
	r.serial++
	r.acks = s.eager && (src.armed || s.flavour() == gtid.MySQL)
	src.dumps = append(src.dumps, r)
	r.pull()
}

// position is where in the source's binary log this replica goes on.
func (s *server) position(src *server) (int, bool) {
	if s.flavour() == gtid.MySQL {
		// It skips what is here.
		return src.purged, all(src.binlog[:src.purged], func(t *tx) bool { return s.received().Contains(t.set) })
	}
	last := gtid.Set{}
	if n := len(s.relay); n > 0 {
		last = s.relay[n-1].set
	} else if n := len(s.binlog); n > 0 {
		last = s.binlog[n-1].set
	}
	if last.Empty() {
		return 0, true
	}
	i := src.index(last)
	return i + 1, i >= 0
}

// pull has the next transactions sent.
func (r *receiver) pull() {
	src := r.from
	if src == nil || r.busy || r.next >= len(src.binlog) {
		return
	}
	r.busy = true
	batch, serial := src.binlog[r.next:], r.serial
	s := r.s
	s.after(s.w.roll(500*time.Microsecond, 4*time.Millisecond), func() {
		r := &s.receiver
		if r.serial != serial || !s.running {
			return
		}
		if src.idle() || s.w.deaf(src.node, s.node) {
			s.after(s.w.roll(5*time.Second, 15*time.Second), func() {
				if s.receiver.serial == serial {
					s.receiver.lose(true)
				}
			})
			return
		}
		r.busy = false
		r.next += len(batch)
		s.receive(batch)
		r.answer(src, batch[len(batch)-1])
		r.pull()
	})
}

// receive writes to the relay log, and syncs. A server skips its own transactions, and
// MySQL what it has already.
func (s *server) receive(batch []*tx) {
	for _, t := range batch {
		if s.flavour() == gtid.MySQL && s.received().Contains(t.set) || t.from == s.id {
			continue
		}
		s.relay, t.shared = append(s.relay, t), true
		s.shown, _ = s.shown.Union(t.set)
	}
	s.apply()
}

// answer acknowledges, where that was agreed.
func (r *receiver) answer(src *server, t *tx) {
	if !r.acks {
		return
	}
	s := r.s
	src.after(s.w.roll(300*time.Microsecond, 3*time.Millisecond), func() {
		if !s.w.deaf(s.node, src.node) {
			src.acknowledged(t)
		}
	})
}

// feed tells the dump threads that there is something new.
func (s *server) feed() {
	for _, r := range s.dumps {
		r.pull()
	}
}

// apply executes what was received, in a moment.
func (s *server) apply() {
	if !s.applier.Running || len(s.relay) == 0 || s.moved != 0 {
		return
	}
	s.moved = s.w.now() + s.slow + s.w.roll(time.Millisecond, 15*time.Millisecond)
	pid := s.pid
	s.after(s.moved-s.w.now(), func() {
		if s.pid != pid {
			return
		}
		s.moved = 0
		if s.running && s.applier.Running && !s.armed {
			s.executeRelay()
		}
	})
}

func (s *server) executeRelay() {
	for len(s.relay) > 0 {
		t := s.relay[0]
		if s.duplicate {
			s.applier = replication.Thread{Errno: 1062, Error: "duplicate entry"}
			s.note("applier stops at %s: duplicate key", t)
			return
		}
		if s.flavour() == gtid.MariaDB && t.entry.Seq <= s.logged.MaxSeq(0) {
			s.applier = replication.Thread{Errno: 1950, Error: "out of order"}
			s.note("applier stops at %s: out of order", t)
			return
		}
		s.relay = s.relay[1:]
		s.append(t)
	}
	s.commit(len(s.binlog))
	s.durable = s.committed
	s.feed()
}

// threads starts what does not run. MariaDB throws the relay log away when a thread
// starts while neither runs.
func (s *server) threads(receiver, applier bool) {
	if s.flavour() == gtid.MariaDB && !s.receiver.thread && !s.applier.Running {
		s.purge("a thread starts while neither runs")
	}
	if applier && !s.applier.Running {
		s.applier, s.moved = replication.Thread{Running: true}, 0
		s.apply()
	}
	if receiver && !s.receiver.thread {
		s.receiver.thread = true
		s.receiver.connect()
	}
}

// cleared: an operator has removed the row, and lets the applier go on, but not where
// no thread runs: that is the agent's.
func (s *server) cleared() {
	s.duplicate = false
	if s.up() && s.applier.Errno == 1062 && s.receiver.thread {
		s.threads(false, true)
	}
}

// purge throws the relay log away: allowed where an agent of this node was shown that
// the node to be followed holds all of it.
func (s *server) purge(why string) {
	for _, t := range s.relay {
		if !slices.Contains(s.seen, t) {
			s.w.violate("3: %s throws its relay log away with %s unapplied, which nobody was seen to hold (%s)", s.node.name, t, why)
		}
	}
	s.relay, s.shown = nil, gtid.Set{}
}

// halt stops threads at an agent's command. What was received and is not applied is
// then at the mercy of the next start of a thread.
func (s *server) halt(receiver, applier bool) {
	if applier && s.applier.Running { // an error outlives a stop
		s.applier = replication.Thread{}
	}
	if receiver {
		s.receiver.stop()
	}
	if s.flavour() == gtid.MariaDB && !s.receiver.thread && !s.applier.Running && s.applier.Errno == 0 {
		for _, t := range s.relay {
			if !slices.Contains(s.seen, t) {
				s.w.violate("3: %s stops its replication with %s received and unapplied: the next start throws it away", s.node.name, t)
			}
		}
	}
}
