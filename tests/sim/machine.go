package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// machine is what an agent has of the node that it runs on: processes, files, clock.
type machine struct {
	p *proc
	n *node
}

var background = context.Background()

func (m machine) Look(ctx context.Context) (pr ocf.Process, err error) {
	err = m.p.call(ctx, "unit look", time.Millisecond, 5*time.Millisecond, func() error {
		s := m.n.srv
		pr = ocf.Process{Running: s.running, Ready: s.ready, Result: s.result}
		if s.running {
			pr.PID, pr.Since = s.pid, m.p.w.zero.Add(s.since)
		}
		return nil
	})
	return pr, err
}

func (m machine) Start(ctx context.Context, c ocf.Command) error {
	return m.p.call(ctx, "unit start", 10*time.Millisecond, 60*time.Millisecond, func() error {
		if m.n.srv.running {
			return errors.New("it runs already")
		}
		id, readOnly, drop := uint32(0), false, false
		for _, arg := range c.Args {
			name, value, _ := strings.Cut(arg, "=")
			switch name {
			case "--server-id":
				n, _ := strconv.ParseUint(value, 10, 32)
				id = uint32(n)
			case "--read-only":
				readOnly = value == "1"
			case "--init-rpl-role":
				drop = value == "SLAVE"
			}
		}
		m.n.srv.boot(id, readOnly, drop)
		return nil
	})
}

func (m machine) Terminate(ctx context.Context) error {
	return m.p.call(ctx, "unit terminate", time.Millisecond, 5*time.Millisecond, func() error {
		pid := m.n.srv.pid
		m.n.srv.after(m.p.w.roll(50*time.Millisecond, 400*time.Millisecond), func() {
			if m.n.srv.running && m.n.srv.pid == pid {
				m.p.w.died(m.n, true)
			}
		})
		return nil
	})
}

func (m machine) Kill(ctx context.Context) error {
	return m.p.call(ctx, "unit kill", 5*time.Millisecond, 30*time.Millisecond, func() error {
		m.p.w.died(m.n, false)
		return nil
	})
}

func (m machine) Spawn(ctx context.Context, _ string, _ ...string) error {
	return m.p.call(ctx, "spawn", time.Millisecond, 3*time.Millisecond, func() error { return nil })
}

// Load and Save go through JSON, as the ledger's file does.
func (m machine) Load() (mem ocf.Memory, err error) {
	err = m.p.call(background, "ledger load", 10*time.Microsecond, 500*time.Microsecond, func() error {
		if m.n.ledger == nil {
			return nil
		}
		return json.Unmarshal(m.n.ledger, &mem)
	})
	return mem, err
}

func (m machine) Save(mem ocf.Memory) error {
	return m.p.call(background, "ledger save", time.Millisecond, 6*time.Millisecond, func() (err error) {
		m.n.ledger, err = json.Marshal(mem)
		return err
	})
}

// Lock is the kernel's, which takes it from whoever was killed.
func (m machine) Lock(wait time.Duration) (func(), error) {
	until := m.p.w.now() + wait
	for {
		if h := m.n.holder; h == nil || h.killed || h.over {
			m.n.holder = m.p
			return func() {
				if m.n.holder == m.p {
					m.n.holder = nil
				}
			}, nil
		}
		if m.p.w.now() > until {
			return nil, os.ErrDeadlineExceeded
		}
		m.Sleep(20 * time.Millisecond)
		if m.p.killed {
			return func() {}, nil
		}
	}
}

// Now is the wall clock, which can be wrong; what is measured by it within one agent
// is right, as Go measures by the monotonic clock.
func (m machine) Now() time.Time { return shifted(time.Now(), m.n.skew) }

// shifted moves a time's wall clock, in seconds, and leaves its monotonic reading.
func shifted(t time.Time, skew time.Duration) time.Time {
	const monotonic, seconds = 1 << 63, 30
	wall := (*uint64)(unsafe.Pointer(&t))
	if *wall&monotonic == 0 {
		return t.Add(skew)
	}
	*wall += uint64(int64(skew/time.Second)) << seconds
	return t
}

func (m machine) Boot() (string, time.Duration) {
	return m.n.boot, m.p.w.now() - m.n.booted
}

// Sleep returns at once where the agent was killed: the next call ends it. A loop that
// has no call but this, and waits for a time that does not pass for it, ends here.
func (m machine) Sleep(d time.Duration) {
	if m.p.killed {
		m.p.w.mu.Lock()
		m.p.idle++
		ended := m.p.idle > 1000
		m.p.w.mu.Unlock()
		if ended {
			runtime.Goexit()
		}
		return
	}
	m.p.w.mu.Lock()
	m.p.calls["sleep"]++
	n := m.p.calls["sleep"]
	m.p.w.mu.Unlock()
	d += m.p.w.between(0, time.Millisecond, m.p.id, word("sleep"), n)
	e := &event{at: m.p.w.now() + d, tie: m.p.w.dice(m.p.id, n), wake: make(chan struct{}), proc: m.p, node: m.n}
	m.p.w.push(e)
	<-e.wake
}

func (m machine) file(step string, f func() error) error {
	return m.p.call(background, step, 100*time.Microsecond, 2*time.Millisecond, f)
}

// files are the server's, behind Datadir and Tails.
type files struct{ machine }

func (m files) ID() (id string, err error) {
	return id, m.file("datadir id", func() error { id = m.n.srv.data; return nil })
}

func (m files) Renew() (id string, err error) {
	return id, m.file("datadir renew", func() error {
		m.n.renew()
		id = m.n.srv.data
		return nil
	})
}

func (m files) Exists() (bool, error) {
	return true, m.file("datadir exists", func() error { return nil })
}

func (m files) Save(name string) (string, error) {
	return "/quarantine/" + name, m.file("datadir save", func() error {
		s := m.n.srv
		if s.running {
			return errors.New("the server runs")
		}
		for _, t := range s.binlog {
			s.saved[t.content] = true
		}
		return nil
	})
}

func (m files) Relay(executed string) (r ocf.Relay, err error) {
	done := must(gtid.Parse(executed))
	return r, m.file("datadir relay", func() error {
		var all gtid.Set
		for _, t := range m.n.srv.relay {
			all, _ = all.Union(t.set)
			if r.File == "" && !done.Contains(t.set) {
				r.File, r.Offset = "relay-bin.000001", 4
			}
		}
		r.Received = all.String()
		return nil
	})
}

func (m files) Binlogs() (text string, err error) {
	return text, m.file("datadir binlogs", func() error {
		var logs gtid.Set
		for _, t := range m.n.srv.binlog[m.n.srv.purged:] {
			logs, _ = logs.Union(t.set)
		}
		text = logs.String()
		return nil
	})
}

func (m files) Beyond(have string) (b ocf.Beyond, err error) {
	held := must(gtid.Parse(have))
	return b, m.file("tails beyond", func() error {
		var all gtid.Set
		for i, t := range m.n.srv.binlog {
			if i < m.n.srv.purged {
				continue
			}
			if held.Contains(t.set) {
				if b.Count > 0 {
					b.Stuck = t.String() + ", which others hold, comes after it"
				}
				continue
			}
			if b.Count == 0 {
				b.File, b.Offset = "binlog.000001", int64(i)
			}
			b.Count++
			all, _ = all.Union(t.set)
		}
		b.Position = all.String()
		return nil
	})
}

func (m files) Cut(b ocf.Beyond) error {
	return m.file("tails cut", func() error {
		s := m.n.srv
		if s.running {
			return errors.New("the server runs")
		}
		n := len(s.binlog)
		for _, t := range s.binlog[b.Offset:max(int(b.Offset), s.durable)] {
			s.ghosts, _ = s.ghosts.Union(t.set) // committed: in the data, and in no log
		}
		s.note("cuts %d off the binary log, of %d; committed are %d", n-int(b.Offset), n, s.durable)
		prepared := n - max(s.durable, int(b.Offset))
		s.discard(int(b.Offset))
		s.rebuild()
		s.prepared += prepared
		return nil
	})
}

func (m files) RolledBack(_ string, _ int) (n int, err error) {
	return n, m.file("tails rolled back", func() error { n = m.n.srv.rolled; return nil })
}

// Options are those of both flavours' binaries that the agent asks for.
func (m machine) Configured(ctx context.Context, _, _ string) (map[string]string, error) {
	return map[string]string{}, m.p.call(ctx, "options configured", 5*time.Millisecond, 20*time.Millisecond, func() error { return nil })
}

func (m machine) Known(ctx context.Context, _ string, _ map[string]string) (map[string]string, error) {
	known := map[string]string{"gtid_strict_mode": "FALSE", "init_rpl_role": "MASTER"}
	if m.p.w.opt.Flavour == gtid.MySQL {
		known = map[string]string{"enforce_gtid_consistency": "FALSE", "rpl_semi_sync_source_enabled": "OFF"}
	}
	return known, m.p.call(ctx, "options known", 20*time.Millisecond, 60*time.Millisecond, func() error { return nil })
}

func (machine) Persisted(string) (map[string]string, error) { return nil, nil }

func (machine) Executable(string) error                                { return nil }
func (machine) Readable(string) error                                  { return nil }
func (machine) Account(string, string) error                           { return nil }
func (machine) Writable(context.Context, string, string, string) error { return nil }
func (machine) Free(string) (uint64, error)                            { return 1 << 40, nil }
func (machine) Enabled(context.Context) ([]string, error)              { return nil, nil }

// address is the virtual IP. It is seen on whoever is on the same side of a cut.
type address struct{ machine }

func (a address) Held(ctx context.Context) (held bool, err error) {
	err = a.p.call(ctx, "address held", time.Millisecond, 2*time.Millisecond, func() error { held = a.n.address; return nil })
	return held, err
}

// Free is called by a goroutine of its own, which an agent that was killed waits for.
func (a address) Free(ctx context.Context) error {
	// What happens to it is a state of the node's: the order of calls by two goroutines
	// is not determined.
	switch a.n.probe {
	case fine:
	case hanging, unanswered:
		for ctx.Err() == nil && !a.p.killed {
			a.Sleep(200 * time.Millisecond)
		}
	default:
		return errFault
	}
	a.Sleep(200 * time.Millisecond)
	if a.p.killed || ctx.Err() != nil {
		return ctx.Err()
	}
	for _, n := range a.p.w.nodes {
		if n != a.n && n.address && n.on && !n.frozen && a.p.w.talks(a.n, n) {
			return fmt.Errorf("%s answers", n.name)
		}
	}
	return nil
}

// Usable: links fail with their nodes here.
func (a address) Usable(context.Context) error { return nil }

// Rival is for depth 20, which is not run.
func (a address) Rival(context.Context) error { return nil }

func (a address) Up(ctx context.Context) error {
	return a.p.call(ctx, "address up", time.Millisecond, 5*time.Millisecond, func() error { a.n.address = true; return nil })
}

func (a address) Down(ctx context.Context) error {
	return a.p.call(ctx, "address down", time.Millisecond, 5*time.Millisecond, func() error { a.n.address = false; return nil })
}

// agent puts the ports together.
func (w *World) agent(p *proc, r ocf.Request) *ocf.Agent {
	m, c := machine{p, p.node}, seat{p, p.node}
	f := files{m}
	return &ocf.Agent{
		Request: r, Log: w.logger(p), Attributes: c, Scores: c, Records: c, Members: c, Failures: c,
		Unit: m, Background: m, Address: address{m}, Ledger: m, Clock: m, Datadir: f, Tails: f, Options: m,
		Local: database{p, p.node.srv}, Dial: p.dial, Self: "/usr/sbin/mysql-ha", Host: m,
		Secrets: ocf.Secrets{ReplicationUser: "repl", ReplicationPassword: "secret"},
	}
}

// renew gives the data another name; MySQL's server then has another one, too.
func (n *node) renew() {
	n.renewed++
	n.srv.data = fmt.Sprintf("%s%02x", n.name[2:], n.renewed)
	n.srv.uuid = fmt.Sprintf("0000000%s-0000-0000-0000-%012x", n.name[2:], n.renewed)
	n.srv.written = 0
}

func (n *node) agents() []*proc { return slices.Clone(n.running) }
