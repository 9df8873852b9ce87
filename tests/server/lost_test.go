package server_test

import (
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A link loses an acknowledgement: the replica has the transaction in its relay
// log, the source never hears of it, and the replica reconnects behind it.
// Neither MariaDB (10.11.19, 11.8.9) nor MySQL (9.7.4) takes the reconnection's
// position as an acknowledgement: the commit waits until a later one is
// acknowledged, which is what Nudge is for.
func TestLostAcknowledgement(t *testing.T) {
	each(t, func(t *testing.T, f *flavour) { testLostAcknowledgement(t, f, 1) })
}

// TestLostAcknowledgements: MariaDB's second group of commits waits for the first one
// with the binary log's lock, so that nothing more can be written there.
func TestLostAcknowledgements(t *testing.T) {
	each(t, func(t *testing.T, f *flavour) { testLostAcknowledgement(t, f, 5) })
}

func testLostAcknowledgement(t *testing.T, f *flavour, clients int) {
	source, replica := armed(t, f)
	l := bridge(t, source.port)
	src := source.source("repl1")
	src.Port = l.port
	must(t, replica.Follow(replica.ctx(), src))
	source.wait("the replica", func() bool { return source.state().SemiSync.Clients == 1 })
	source.exec("INSERT d.t VALUES (1)")

	l.mute.Store(true)
	var stuck []<-chan error
	for i := range clients {
		stuck = append(stuck, source.background(fmt.Sprintf("INSERT d.t VALUES (%d)", i+2)))
		source.wait("a commit that waits", func() bool { return source.state().SemiSync.Waiting > 0 })
		time.Sleep(100 * time.Millisecond) // for the others to queue behind it
	}
	replica.caughtUp(source)
	// The replica has executed what the source's clients wait for: that is the source's
	// own, not something that it lacks.
	if held, writable, err := source.Position(source.ctx()); err != nil || !writable || !held.Contains(replica.state().Executed) {
		t.Errorf("the source holds %s (%t, %v), its replica %s", held, writable, err, replica.state().Executed)
	}
	l.away.Store(true)
	l.mute.Store(false)
	l.cut()
	waits := func() {
		t.Helper()
		time.Sleep(2 * time.Second)
		for _, c := range stuck {
			select {
			case err := <-c:
				t.Fatalf("a commit returned without acknowledgement: %v", err)
			default:
			}
		}
	}
	waits()
	l.away.Store(false)
	replica.wait("the reconnection", func() bool { return replica.state().Receiver.Running })
	source.wait("the replica again", func() bool { return source.state().SemiSync.Clients == 1 })
	waits()
	must(t, source.Nudge(source.ctx(), source.state().Executed))
	for _, c := range stuck {
		await(t, c)
	}
}

// link is a network between a replica and its source.
type link struct {
	port int
	mute atomic.Bool // what goes to the source is lost
	away atomic.Bool // no new connections
	mu   sync.Mutex
	open []net.Conn
}

func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		c.Close()
	}
	l.open = nil
}

func bridge(t *testing.T, port int) *link {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	l := &link{port: ln.Addr().(*net.TCPAddr).Port}
	t.Cleanup(func() { ln.Close(); l.cut() })
	go func() {
		for {
			near, err := ln.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
			if err != nil || l.away.Load() {
				near.Close()
				continue
			}
			l.mu.Lock()
			l.open = append(l.open, near, far)
			l.mu.Unlock()
			go l.pass(far, near, &l.mute)
			go l.pass(near, far, new(atomic.Bool))
		}
	}()
	return l
}

func (l *link) pass(to, from net.Conn, lost *atomic.Bool) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 && !lost.Load() {
			if _, err := to.Write(b[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	to.Close()
	from.Close()
}
