package election

import (
	"fmt"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// truth is what no node knows: who was told what, and what it should mean.
type truth struct {
	contents  int
	issued    map[gtid.Entry]int // GTID → content
	acked     []tx
	ackedBy   map[uint64]string // epoch → the node that acknowledged in it
	epochs    map[uint64]int    // epoch → acknowledged rows
	opened    uint64            // highest epoch opened
	held      map[int]bool      // contents it was opened with
	line      []int             // contents the last acknowledging primary opened with
	violation string
}

func newTruth() truth {
	return truth{issued: map[gtid.Entry]int{}, ackedBy: map[uint64]string{}, epochs: map[uint64]int{}}
}

func (w *World) violate(format string, args ...any) {
	if w.truth.violation == "" {
		w.truth.violation = fmt.Sprintf(format, args...)
		w.note("VIOLATION: %s", w.truth.violation)
	}
}

// issue gives a transaction its GTID. None is given twice.
func (w *World) issue(n *node, seq uint64) tx {
	w.truth.contents++
	t := tx{id: gtid.Entry{Server: n.server(), Seq: seq}, content: w.truth.contents}
	if old, ok := w.truth.issued[t.id]; ok {
		w.violate("%s issued %s again: content %d, was %d", n.name, t.id, t.content, old)
	}
	w.truth.issued[t.id] = t.content
	return t
}

// acknowledge tells the client: from here on the transaction must not be lost.
func (w *World) acknowledge(n *node, t tx) {
	e := n.openEpoch
	if by, ok := w.truth.ackedBy[e]; ok && by != n.name {
		w.violate("%s and %s both acknowledged in epoch %d", by, n.name, e)
	}
	// An acknowledgement that was on its way when the replica froze may arrive late:
	// true all the same, since what it speaks for went into the newer epoch.
	if e < w.truth.opened && !w.truth.held[t.content] {
		w.violate("%s acknowledged %s in epoch %d, but epoch %d was open", n.name, t.id, e, w.truth.opened)
	}
	if _, ok := w.truth.ackedBy[e]; !ok {
		w.continues(n)
	}
	w.truth.ackedBy[e] = n.name
	w.truth.epochs[e]++
	w.truth.acked = append(w.truth.acked, t)
}

// continues checks, at the first acknowledgement of an epoch, that its primary
// took up where the one before it started: the history is one line. An epoch in
// which nobody acknowledged may lie beside it.
func (w *World) continues(n *node) {
	for i, c := range w.truth.line {
		if i >= len(n.started) || n.started[i] != c {
			w.violate("%s acknowledges in epoch %d beside the line of the primaries before it", n.name, n.openEpoch)
			return
		}
	}
	w.truth.line = n.started
}

// opening checks a new primary: it holds everything that was acknowledged.
func (w *World) opening(n *node) {
	has := map[int]bool{}
	seq := make([]int, 0, len(n.binlog))
	for _, t := range n.binlog {
		has[t.content] = true
		seq = append(seq, t.content)
	}
	var lost []string
	for _, t := range w.truth.acked {
		if !has[t.content] {
			lost = append(lost, t.id.String())
		}
	}
	if len(lost) > 0 {
		w.violate("%s opened epoch %d without acknowledged %s", n.name, n.openEpoch, strings.Join(lost, ","))
	}
	n.started = seq
	if n.openEpoch >= w.truth.opened {
		w.truth.opened, w.truth.held = n.openEpoch, has
	}
}
