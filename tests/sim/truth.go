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
	recorded  uint64 // highest epoch that was ever on record
	async     bool   // some record says so
	loss      bool   // somebody was promoted without proof, and said so
	unproved  uint64 // the last epoch that began so
	violation string
	views     string // scoring's words at the violation

	deadOne *node // its server was primary's, and died while nothing else was wrong
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

// reign is the epoch that a server has begun: in its table, or its marker waits.
func (s *server) reign() uint64 {
	for _, t := range s.binlog[s.committed:] {
		if t.row != nil {
			return t.row.Epoch
		}
	}
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
	if !w.truth.async && !t.shared {
		w.violate("1: %s acknowledges %s, which nobody else has received, and the record says lossless", s.node.name, t)
	}
	w.truth.acked = append(w.truth.acked, t)
	w.truth.last = w.now()
	if w.answered != nil {
		w.answered(s, t)
	}
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
		w.truth.loss, w.truth.unproved = true, s.reign()
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

// unproved is how an agent begins what it says of a promotion without proof.
const unproved = "promoted without proof"

// judge: a monitor says promoted only of a server that was seen writable. That a
// primary was promoted without proof is its promotion's reason, and is shown.
func (w *World) judge(n *node, action ocf.Action, err error) {
	p, code := n.operation, ocf.CodeOf(err)
	if p == nil {
		p = n.monitoring
	}
	if p != nil && p.loss && action == ocf.Promote && code == ocf.Success && !strings.Contains(ocf.ExitReason(err), unproved) {
		w.violate("1: %s was promoted without proof, and the reason is %q", n.name, ocf.ExitReason(err))
	}
	shown := n.attributes[resource+"-reason"]
	if leads := action == ocf.Promote && code == ocf.Success || action == ocf.Monitor && code == ocf.RunningPromoted; leads &&
		n.srv.reign() == w.truth.unproved && w.truth.unproved > 0 && !strings.Contains(shown, unproved) {
		w.violate("1: %s was promoted without proof, and shows %q", n.name, shown)
	}
	if action == ocf.Monitor && code == ocf.RunningPromoted && p != nil && !p.primary {
		w.violate("2: monitor says that %s is primary, which was not writable", n.name)
	}
}

// quickly is how soon a promotion begins after the death of a primary's server, when
// nothing else is wrong: it waits for nobody's restart.
const quickly = 2500 * time.Millisecond

// quiet: nothing is wrong, or was a moment ago.
func (w *World) quiet() bool {
	if w.now()-w.calm < 20*time.Second || len(w.armed) > 0 || w.maintenance || w.prefer != nil || w.unsettled != 0 {
		return false
	}
	heirs := 0
	for _, n := range w.nodes {
		if !n.on || n.frozen || n.standby || n.side == nil || len(n.side.members) < len(w.nodes) || n.side.pe.running {
			return false
		}
		if n.status == unpromoted && w.effective(n) >= 0 && !n.failed {
			heirs++
		}
	}
	return heirs > 0
}

// bereaved looks, in a moment, whether somebody takes the place of a primary whose
// server has died.
func (w *World) bereaved(n *node) {
	w.truth.deadOne = n
	at := w.now()
	w.after(quickly, nil, func() {
		if w.truth.deadOne == n && w.calm <= at {
			w.violate("4: %s after the death of %s's server no promotion has begun", quickly, n.name)
		}
	})
}

// silenced looks, in a moment, whether the position of a server that has died is gone:
// nobody may be measured by it.
func (w *World) silenced(n *node) {
	if n.operation != nil {
		return // which goes on telling of what it has seen; the next monitor tells otherwise
	}
	w.silentSoon(n, w.now(), n.boot, n.srv.pid)
}

func (w *World) silentSoon(n *node, at time.Duration, boot string, pid int) {
	since := w.now()
	w.after(1500*time.Millisecond, n, func() {
		if w.calm > at || w.maintenance || len(w.armed) > 0 || w.unsettled != 0 || n.boot != boot || n.srv.pid != pid || n.side == nil {
			return
		}
		// While the members are found out nothing can be withdrawn, and an agent that looked
		// before looks again at its end.
		if w.formed > since || n.operation != nil || n.monitoring != nil {
			w.silentSoon(n, at, boot, pid)
			return
		}
		if _, ok := n.attributes[resource+"-position"]; ok {
			w.violate("4: the position of %s's server stands, which has died", n.name)
		}
	})
}

// planned looks at a transition that begins.
func (w *World) planned(e *engine) {
	w.switched(e)
	if slices.ContainsFunc(e.stages, func(s stage) bool { return s.Op == "promote" }) &&
		!slices.ContainsFunc(e.stages, func(s stage) bool { return s.Op == "start" }) {
		w.truth.deadOne = nil
	}
}

// switched: a healthy primary makes room for nobody who has no score.
func (w *World) switched(e *engine) {
	var from, to *node
	for _, s := range e.stages {
		switch s.Op {
		case "demote":
			if len(s.Nodes) == 0 { // its node is fenced
				return
			}
			from = w.byName(s.Nodes[0])
		case "promote":
			to = w.byName(s.Nodes[0])
		}
	}
	if from == nil || to == nil || from == to || from.failed || from.demote || from.standby || !from.srv.up() || !from.srv.writable || to.status == unknown {
		return
	}
	if _, ok := to.attributes[scoreName]; !ok {
		w.violate("4: %s, a healthy primary, is demoted for %s, which has no score", from.name, to.name)
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
