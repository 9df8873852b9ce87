package sim

import (
	"container/heap"
	"hash/fnv"
	"sync"
	"testing/synctest"
	"time"
)

// scheduler is the only source of order. Everything that happens is an event at an
// instant of the bubble's clock; of several at one instant the tie decides. An
// event runs alone: whoever it wakes runs until it waits again before the next one.
type scheduler struct {
	mu     sync.Mutex // waits are entered by several goroutines of one agent
	queue  queue
	serial uint64
	seed   uint64
	zero   time.Time
	woke   bool // the last event gave way to a goroutine
	steps  int
}

type event struct {
	at   time.Duration // since the beginning
	tie  uint64
	do   func()
	wake chan struct{} // of a goroutine; do is nil then
	proc *proc
	node *node   // it waits while this node is frozen
	srv  *server // ... or this server is stopped
}

type queue []*event

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].at < q[j].at || q[i].at == q[j].at && q[i].tie < q[j].tie
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(*event)) }
func (q *queue) Pop() any {
	old := *q
	e := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	return e
}

func (s *scheduler) now() time.Duration { return time.Since(s.zero) }

// push is for goroutines of agents: the tie is the caller's, since two of them may
// push in any order.
func (s *scheduler) push(e *event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heap.Push(&s.queue, e)
}

// after has f run in d, on a node that is not frozen (nil: wherever).
func (s *scheduler) after(d time.Duration, n *node, f func()) {
	s.serial++
	s.push(&event{at: s.now() + d, tie: s.serial, do: f, node: n})
}

// after has the process do f in d: not while it or its node does nothing.
func (s *server) after(d time.Duration, f func()) {
	s.w.serial++
	s.w.push(&event{at: s.w.now() + d, tie: s.w.serial, do: f, node: s.node, srv: s})
}

// run carries out events until the end; false when nothing was left to do.
func (s *scheduler) run(end time.Duration, stop func() bool) {
	for !stop() {
		s.settle()
		s.mu.Lock()
		if len(s.queue) == 0 || s.queue[0].at > end {
			s.mu.Unlock()
			return
		}
		e := heap.Pop(&s.queue).(*event)
		s.mu.Unlock()
		if wait := e.at - s.now(); wait > 0 {
			time.Sleep(wait)
			synctest.Wait() // deadlines that came meanwhile
		}
		s.fire(e)
	}
}

func (s *scheduler) fire(e *event) {
	s.steps++
	switch {
	case e.node != nil && e.node.frozen:
		e.node.thawing = append(e.node.thawing, e)
	case e.srv != nil && e.srv.stopped:
		e.srv.thawing = append(e.srv.thawing, e)
	case e.do != nil:
		e.do()
	default:
		s.woke = true
		close(e.wake)
	}
}

// settle waits for whoever was woken.
func (s *scheduler) settle() {
	if s.woke {
		s.woke = false
		synctest.Wait()
	}
}

// finish ends every agent that is left, so that the bubble can end.
func (s *scheduler) finish(kill func(*proc)) {
	for {
		s.woke = true
		s.settle()
		s.mu.Lock()
		left := s.queue
		s.queue = nil
		s.mu.Unlock()
		more := false
		for _, e := range left {
			if e.proc == nil {
				continue
			}
			more = true
			kill(e.proc)
			close(e.wake)
			synctest.Wait()
		}
		if !more {
			return
		}
	}
}

// dice gives a number that depends on the seed and on what it is thrown for, not on
// what was thrown before: a story with a fault less goes on alike.
func (s *scheduler) dice(words ...uint64) uint64 {
	x := s.seed
	for _, w := range words {
		x ^= w + 0x9e3779b97f4a7c15 + x<<6 + x>>2
		x ^= x >> 30
		x *= 0xbf58476d1ce4e5b9
		x ^= x >> 27
		x *= 0x94d049bb133111eb
		x ^= x >> 31
	}
	return x
}

func word(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	return h.Sum64()
}

// between is a duration from low to high.
func (s *scheduler) between(low, high time.Duration, words ...uint64) time.Duration {
	return low + time.Duration(s.dice(words...)%uint64(high-low+1))
}

// roll is the next throw in the order of events: for what the world does by itself.
func (w *World) roll(low, high time.Duration) time.Duration {
	w.serial++
	return w.between(low, high, w.serial)
}

func (w *World) chance(percent uint64) bool {
	w.serial++
	return w.dice(w.serial)%100 < percent
}
