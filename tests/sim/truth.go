package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// truth is what no node knows: who was told what, and what it should mean.
type truth struct {
	contents  int
	issued    map[string]int // GTID: content
	acked     []*tx
	last      time.Duration // when the last one was
	epoch     uint64        // highest that was opened
	holds     map[int]bool  // contents it was opened with
	by        string        // node that acknowledged last, in the highest epoch so far
	in        uint64
	loss      bool // somebody was promoted without proof, and said so
	violation string
	views     string // scoring's words at the violation

	// A server of a primary that died while nothing else was wrong.
	death   time.Duration
	deadOne *node
	opens   int
}

func newTruth() truth { return truth{issued: map[string]int{}} }

// violate keeps the first violation: what follows from it is no news.
func (w *World) violate(format string, args ...any) {
	if w.truth.violation != "" {
		return
	}
	w.truth.violation = fmt.Sprintf(format, args...)
	w.truth.views = w.describe()
	w.note("VIOLATION %s", w.truth.violation)
}

// describe is how scoring sees it, from each side of the cluster.
func (w *World) describe() string {
	var b strings.Builder
	done := map[*side]bool{}
	for _, n := range w.nodes {
		if n.side == nil || done[n.side] {
			continue
		}
		done[n.side] = true
		v := scoring.View{ClusterSize: len(w.nodes)}
		var records []scoring.Record
		for _, text := range []string{n.cib.record} {
			if r, err := scoring.ParseRecord(text); err == nil {
				records = append(records, r)
			}
		}
		for _, m := range n.side.members {
			p, err := ocf.DecodePublication(m.attributes[resource+"-position"])
			if err != nil {
				continue
			}
			v.Candidates = append(v.Candidates, p.Candidate)
			if r, err := scoring.ParseRecord(p.Record); err == nil {
				records = append(records, r)
			}
		}
		newest, ok, err := scoring.Newest(records...)
		switch {
		case err != nil:
			v.RecordError = err.Error()
		case ok:
			v.Record = &newest
		}
		fmt.Fprintf(&b, "as %v see it:\n%s", names(n.side.members), scoring.Rank(v).Describe())
		for _, m := range n.side.members {
			fmt.Fprintf(&b, "%s %s, score %d, %s\n", m.name, statuses[m.status], w.effective(m), m.attributes[resource+"-reason"])
		}
	}
	return b.String()
}

// issued: no GTID is given twice.
func (w *World) issued(s *server, t *tx) {
	if old, ok := w.truth.issued[t.String()]; ok {
		w.violate("5: %s issues %s again: content %d, was %d", s.node.name, t, t.content, old)
	}
	w.truth.issued[t.String()] = t.content
}

// reign is the epoch that a server has in its table.
func (s *server) reign() uint64 {
	if n := len(s.rows); n > 0 {
		return s.rows[n-1].Epoch
	}
	return 0
}

// acknowledge tells the client: from here on the transaction must not be lost, and
// nobody else may say so.
func (w *World) acknowledge(s *server, t *tx) {
	e := s.reign()
	switch {
	case e < w.truth.epoch && !w.truth.holds[t.content] && !w.truth.loss:
		w.violate("2: %s acknowledges %s in epoch %d, but epoch %d is open", s.node.name, t, e, w.truth.epoch)
	case e == w.truth.in && w.truth.by != s.node.name:
		w.violate("2: %s and %s both acknowledge in epoch %d", w.truth.by, s.node.name, e)
	}
	if e >= w.truth.in {
		w.truth.in, w.truth.by = e, s.node.name
	}
	w.truth.acked = append(w.truth.acked, t)
	w.truth.last = w.now()
}

// opened: a server becomes writable at its agent's word.
func (w *World) opened(s *server) {
	s.note("writable in epoch %d, %d in its binary log", s.reign(), len(s.binlog))
	w.truth.opens++
	if len(s.relay) > 0 {
		w.violate("3: %s opens with %s received and unapplied", s.node.name, s.relay[0])
	}
	has := make(map[int]bool, len(s.binlog))
	for _, t := range s.binlog {
		has[t.content] = true
	}
	if p := s.node.operation; p != nil && p.loss && w.opt.Loss {
		// It was said; what is left is the new truth.
		w.truth.loss = true
		w.truth.acked = slices.DeleteFunc(w.truth.acked, func(t *tx) bool { return !has[t.content] })
	}
	for _, t := range w.truth.acked {
		if !has[t.content] {
			w.violate("1: %s opens epoch %d without %s, which was acknowledged", s.node.name, s.reign(), t)
			break
		}
	}
	if e := s.reign(); e > w.truth.epoch {
		w.truth.epoch, w.truth.holds = e, has
	}
}

// judge: a monitor says promoted only of a server that was seen writable.
func (w *World) judge(n *node, action ocf.Action, code ocf.Code) {
	p := n.operation
	if p == nil {
		p = n.monitoring
	}
	if action == ocf.Monitor && code == ocf.RunningPromoted && p != nil && !p.primary {
		w.violate("2: monitor says that %s is primary, which was not writable", n.name)
	}
}

// quickly is how soon a promotion begins after the death of a primary's server, when
// nothing else is wrong: it waits for nobody's restart.
const quickly = 2500 * time.Millisecond

// planned looks at a transition that begins.
func (w *World) planned(e *engine) {
	for _, s := range e.stages {
		if s.Op == "promote" && w.truth.deadOne != nil && s.Nodes[0] != w.truth.deadOne.name {
			for _, o := range e.stages {
				if o.Op == "start" && slices.Contains(o.Nodes, w.truth.deadOne.name) {
					w.violate("4: the promotion of %s waits for the start of %s, whose server has died", s.Nodes[0], w.truth.deadOne.name)
				}
			}
		}
		if s.Op == "promote" {
			w.truth.deadOne = nil
		}
	}
}

// well says that the cluster works: one primary that acknowledges, everybody else
// follows it; or why not.
func (w *World) well(since time.Duration) string {
	var lead *node
	for _, n := range w.nodes {
		if !n.on || !n.srv.up() {
			return n.name + " does not run"
		}
		if n.status == promoted {
			lead = n
		}
	}
	switch {
	case lead == nil || !lead.srv.writable:
		return "no primary"
	case w.truth.last <= since || w.truth.by != lead.name:
		return lead.name + " acknowledges nothing"
	}
	for _, n := range w.nodes {
		why := n.attributes[resource+"-reason"]
		excused := strings.HasPrefix(why, "diverged") || strings.HasPrefix(why, "quarantined")
		if n != lead && !excused && (n.srv.receiver.from != lead.srv || !n.srv.applier.Running) {
			return n.name + " does not follow " + lead.name
		}
		if n.status != unpromoted && n != lead {
			return n.name + " is " + statuses[n.status]
		}
	}
	return ""
}

// excuse says in the nodes' own words what the cluster waits for, or "".
func (w *World) excuse() string {
	var words []string
	for _, n := range w.nodes {
		if why := n.attributes[resource+"-reason"]; why != "" && why != "promotable" && why != "primary" {
			words = append(words, n.name+": "+why)
		}
	}
	return strings.Join(words, "; ")
}
