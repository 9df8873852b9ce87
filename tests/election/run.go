package election

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/mysql-ha/mysql-ha/scoring"
)

// Plant is a mistake made on purpose.
type Plant int

const (
	Sound         Plant = iota
	DeadBallots         // ballots of a node that is down are believed
	NoAckers            // whoever is here counts as the ackers
	UndoFreeze          // a replica's monitor starts the receiver of a frozen node
	UnsetScore          // a score is withdrawn by deleting it, under a preference
	NoLineage           // divergence is judged by the maxima alone
	TrustCIB            // the CIB's record is taken as the newest
	EarlyAck            // a new acker acknowledges before most ledgers know of it
	OpenAccounts        // the winner does not lock out who may not acknowledge
	FewLedgers          // an election goes on although it read few ledgers
	ForgetPromise       // an expired freeze is forgotten before its election's outcome is known
)

// Event is one step of a run: what, to whom, and a number where one is needed.
type Event struct {
	Kind kind
	A, B int
	N    int
}

type kind int

const (
	evWrite kind = iota
	evDeliver
	evAck
	evApply
	evMonitor
	evSchedule
	evNotify
	evPromote
	evPost
	evKill
	evCrash
	evBoot
	evStart
	evRecover
	evCut
	evHeal
	evMinority
	evExclude
	evReseed
	evErrant
	evPrefer
	evQuorum
	evRound
)

// kinds give each event its name and how often it comes.
var kinds = []struct {
	name   string
	weight int
}{
	evWrite: {"write", 90}, evDeliver: {"deliver", 200}, evAck: {"ack", 120}, evApply: {"apply", 100},
	evMonitor: {"monitor", 160}, evSchedule: {"schedule", 90}, evNotify: {"notify", 180},
	evPromote: {"promote", 100}, evPost: {"post", 40}, evKill: {"kill", 24}, evCrash: {"crash", 12},
	evBoot: {"boot", 10}, evStart: {"start", 60}, evRecover: {"recover", 60}, evCut: {"cut", 10},
	evHeal: {"heal", 15}, evMinority: {"minority", 8}, evExclude: {"exclude", 30}, evReseed: {"reseed", 10},
	evErrant: {"errant", 2}, evPrefer: {"prefer", 15}, evQuorum: {"quorum", 20}, evRound: {"round", 200},
}

func (e Event) String() string {
	return fmt.Sprintf("%s(%d,%d,%d)", kinds[e.Kind].name, e.A, e.B, e.N)
}

// Run plays the events of a seed and returns the world and what was played.
func Run(opt Options, seed uint64, steps int) (*World, []Event) {
	rng := rand.New(rand.NewPCG(seed, 0x6d79))
	total, weights := 0, make([]int, len(kinds))
	for k := range kinds {
		weights[k] = kinds[k].weight
		if slices.Contains(opt.Often, kind(k)) {
			weights[k] *= 8
		}
		total += weights[k]
	}
	w := newWorld(opt)
	w.calm(5)
	var events []Event
	for range steps {
		e := Event{A: rng.IntN(opt.Nodes), B: rng.IntN(opt.Nodes), N: rng.IntN(1 << 20)}
		for k, left := 0, rng.IntN(total); ; k++ {
			if left -= weights[k]; left < 0 {
				e.Kind = kind(k)
				break
			}
		}
		events = append(events, e)
		if w.step(e); w.truth.violation != "" {
			return w, events
		}
	}
	w.settle()
	return w, events
}

// Replay plays a given list.
func Replay(opt Options, events []Event) *World {
	w := newWorld(opt)
	w.calm(5)
	for _, e := range events {
		if w.step(e); w.truth.violation != "" {
			return w
		}
	}
	w.settle()
	return w
}

func (w *World) step(e Event) {
	w.now++
	a, b := w.nodes[e.A], w.nodes[e.B]
	if e.Kind == evKill || e.Kind == evCrash || e.Kind == evCut {
		if p := w.primary(); p != nil && e.N%2 == 0 { // where it hurts
			a = p
		}
	}
	switch e.Kind {
	case evWrite:
		for _, n := range w.nodes {
			w.write(n)
		}
	case evDeliver:
		w.deliver(a)
	case evAck:
		w.ackArrives(e.N)
	case evApply:
		w.applyRelay(a, e.N%2 == 0)
	case evMonitor:
		w.monitor(a)
	case evSchedule:
		w.schedule(a)
	case evNotify:
		for _, x := range w.nodes {
			w.prePromote(a, x)
		}
	case evPromote:
		for _, x := range w.nodes {
			w.promote(x, e.N%16 == 0)
		}
	case evPost:
		w.postPromote(a, b)
	case evKill:
		w.kill(a)
	case evCrash:
		w.crash(a)
	case evBoot:
		w.boot(a)
	case evStart:
		w.start(a, e.N%8 == 0)
	case evRecover:
		a.recovering = false
	case evCut:
		w.cut(a, 1+e.N/2%2)
	case evHeal:
		for _, n := range w.nodes {
			w.cut(n, 0)
		}
	case evMinority:
		w.minorityWrite(a)
	case evExclude:
		w.exclude(a, b)
	case evReseed:
		w.reseed(a)
	case evErrant:
		w.errant(a)
	case evPrefer:
		w.prefer = e.N%(len(w.nodes)+2) - 2
	case evQuorum:
		w.loseQuorum(a)
	case evRound:
		w.round(uint64(e.N))
	}
}

// round is what a cluster does when it is mostly left alone: most of it happens,
// in any order.
func (w *World) round(seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 0x6861))
	often := []kind{
		evMonitor, evDeliver, evDeliver, evApply, evAck, evStart, evRecover, evNotify, evNotify,
		evPromote, evPromote, evPost, evWrite, evSchedule, evBoot,
	}
	if seed%4 == 0 {
		often = append(often, evExclude, evReseed)
	}
	for range 3 * len(often) {
		w.step(Event{Kind: often[rng.IntN(len(often))], A: rng.IntN(len(w.nodes)), B: rng.IntN(len(w.nodes)), N: rng.IntN(1 << 20)})
	}
}

// calm plays rounds in which nothing fails.
func (w *World) calm(rounds int) {
	for range rounds {
		for k := range len(w.nodes) {
			for _, kind := range []kind{evStart, evRecover, evApply, evMonitor, evReseed, evSchedule} {
				w.step(Event{Kind: kind, A: k, N: 2})
			}
		}
		for k := range len(w.nodes) {
			w.step(Event{Kind: evNotify, A: k})
		}
		for range 6 {
			w.step(Event{Kind: evPromote, N: 1})
		}
		for k := range len(w.nodes) {
			for x := range len(w.nodes) {
				w.step(Event{Kind: evPost, A: k, B: x})
			}
			w.step(Event{Kind: evExclude, A: k, B: (k + 1) % len(w.nodes)})
			w.step(Event{Kind: evDeliver, A: k})
			w.step(Event{Kind: evDeliver, A: k})
			w.step(Event{Kind: evAck})
		}
		w.step(Event{Kind: evWrite})
	}
}

// settle heals everything and lets the cluster come to rest.
func (w *World) settle() {
	w.prefer = -1
	for k := range w.nodes {
		w.cut(w.nodes[k], 0)
		w.boot(w.nodes[k])
	}
	for rounds := 0; rounds < 30 && (rounds < 3 || w.primary() == nil); rounds++ {
		w.calm(1)
	}
}

// primary returns the node that ends as the open primary.
func (w *World) primary() *node {
	for _, n := range w.nodes {
		if n.serves() && n.writable && n.ledger.record != nil && n.ledger.record.Primary == n.id() {
			return n
		}
	}
	return nil
}

// Describe tells the story, and how the scores stand at its end.
func (w *World) Describe() string {
	var b strings.Builder
	for _, l := range w.trace {
		fmt.Fprintln(&b, l)
	}
	for _, n := range w.nodes {
		fmt.Fprintf(&b, "%s up=%t running=%t writable=%t receiver=%d ack=%t binlog=%s relay=%d record=%s\n",
			n.name, n.up, n.running, n.writable, n.receiver, n.ackOn, n.executed(), len(n.relay), text(n.ledger.record))
	}
	v := scoring.View{ClusterSize: len(w.nodes)}
	var lines []scoring.Line
	var records []*scoring.Record
	for _, n := range w.nodes {
		v.Candidates = append(v.Candidates, w.candidate(n, n.ledger.freeze != nil))
		lines, records = append(lines, n.table()), append(records, n.ledger.record)
	}
	w.judge(&v, records, lines)
	return b.String() + scoring.Rank(v).Describe()
}

// Shrink drops events that are not needed for the violation.
func Shrink(opt Options, events []Event) []Event {
	for size := max(1, len(events)/2); ; size /= 2 {
		for i := 0; i+size <= len(events); {
			without := append(append([]Event(nil), events[:i]...), events[i+size:]...)
			if Replay(opt, without).truth.violation != "" {
				events = without
				continue
			}
			i += size
		}
		if size == 1 {
			return events
		}
	}
}
