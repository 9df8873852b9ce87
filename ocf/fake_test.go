package ocf

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// journal is what was done, in order. A test puts a fault, or whatever happens
// meanwhile, at a step by its name.
type journal struct {
	mu    sync.Mutex
	steps []string
	on    map[string]func() error
}

func (j *journal) step(name string) error {
	j.mu.Lock()
	j.steps = append(j.steps, name)
	f := j.on[name]
	j.mu.Unlock()
	if f != nil {
		return f()
	}
	return nil
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.steps = nil
}

// fakeCluster is Pacemaker: attributes, record, members.
type fakeCluster struct {
	*journal
	node      string
	scores    map[string]int
	public    map[string]string            // of this node
	private   map[string]map[string]string // name, node
	permanent map[string]string            // node/name
	record    string
	quorate   bool
	members   []Member
}

func (c *fakeCluster) SetScore(_ context.Context, score int) error {
	if err := c.step("score " + scoring.FormatScore(score)); err != nil {
		return err
	}
	c.scores[c.node] = score
	return nil
}

func (c *fakeCluster) Score(_ context.Context, node string) (int, bool, error) {
	s, ok := c.scores[node]
	return s, ok, nil
}

func (c *fakeCluster) Publish(_ context.Context, private bool, name, value string) error {
	if err := c.step("publish " + name); err != nil {
		return err
	}
	if value == "" {
		return errors.New("an empty value cannot be told from none")
	}
	if !private {
		c.public[name] = value
		return nil
	}
	c.set(name, c.node, value)
	return nil
}

func (c *fakeCluster) set(name, node, value string) {
	if c.private[name] == nil {
		c.private[name] = map[string]string{}
	}
	c.private[name][node] = value
}

func (c *fakeCluster) Withdraw(_ context.Context, _ bool, name string) error {
	if err := c.step("withdraw " + name); err != nil {
		return err
	}
	delete(c.private[name], c.node)
	return nil
}

func (c *fakeCluster) Collect(_ context.Context, name string) (map[string]string, error) {
	if err := c.step("collect " + name); err != nil {
		return nil, err
	}
	return maps.Clone(c.private[name]), nil
}

func (c *fakeCluster) Permanent(_ context.Context, node, name string) (string, bool, error) {
	if err := c.step("permanent " + name); err != nil {
		return "", false, err
	}
	v, ok := c.permanent[node+"/"+name]
	return v, ok, nil
}

func (c *fakeCluster) ReadRecord(context.Context) (string, bool, error) {
	if err := c.step("record.read"); err != nil {
		return "", false, err
	}
	return c.record, c.record != "", nil
}

func (c *fakeCluster) WriteRecord(_ context.Context, text string) error {
	if err := c.step("record.write"); err != nil {
		return err
	}
	c.record = text
	return c.step("record.readback")
}

func (c *fakeCluster) Quorate(context.Context) (bool, error) { return c.quorate, c.step("quorate") }

func (c *fakeCluster) Members(context.Context) ([]Member, error) { return c.members, c.step("members") }

func (c *fakeCluster) Managed(context.Context) (bool, error) { return true, c.step("managed") }

// fakeUnit is the process. The server answers while it runs.
type fakeUnit struct {
	*journal
	process  Process
	slow     time.Duration // from start to ready
	stubborn bool          // does not end when it is asked to
	commands []Command
	started  func(Command) // what a start does to the server
}

func (u *fakeUnit) Look(context.Context) (Process, error) {
	err := u.step("unit.look")
	p := u.process
	if p.Running && !p.Since.IsZero() && time.Since(p.Since) < u.slow {
		p.Ready = false
	}
	return p, err
}

func (u *fakeUnit) Start(_ context.Context, c Command) error {
	u.commands = append(u.commands, c)
	if err := u.step("unit.start"); err != nil {
		return err
	}
	u.process = Process{Running: true, Ready: true, PID: 4711, Since: time.Now()}
	u.started(c)
	return nil
}

func (u *fakeUnit) Terminate(context.Context) error {
	err := u.step("unit.terminate")
	if !u.stubborn {
		u.process = Process{Result: "success"}
	}
	return err
}

func (u *fakeUnit) Kill(context.Context) error {
	if err := u.step("unit.kill"); err != nil {
		return err
	}
	u.process = Process{Result: "signal"}
	return nil
}

// fakeLedger is what the node remembers.
type fakeLedger struct {
	*journal
	mem   Memory
	locks int // held now
}

func (l *fakeLedger) Load() (Memory, error) { return l.mem, l.step("ledger.load") }

func (l *fakeLedger) Save(m Memory) error {
	if err := l.step("ledger.save"); err != nil {
		return err
	}
	l.mem = m
	return nil
}

func (l *fakeLedger) Lock(time.Duration) (func(), error) {
	if err := l.step("ledger.lock"); err != nil {
		return nil, err
	}
	l.locks++
	return sync.OnceFunc(func() { l.locks-- }), nil
}

// fakeClock is the time of the test's bubble, which moves when everybody sleeps.
type fakeClock struct {
	boot string
	up   time.Time
}

func (c *fakeClock) Now() time.Time                { return time.Now() }
func (c *fakeClock) Sleep(d time.Duration)         { time.Sleep(d) }
func (c *fakeClock) Boot() (string, time.Duration) { return c.boot, time.Since(c.up) }

// fakeDatadir is the server's files.
type fakeDatadir struct {
	*journal
	id      string
	missing bool
	relay   Relay
	binlogs string
	saved   []string
}

func (d *fakeDatadir) ID() (string, error) { return d.id, d.step("datadir.id") }

func (d *fakeDatadir) Exists() (bool, error) { return !d.missing, d.step("datadir.exists") }

func (d *fakeDatadir) Binlogs() (string, error) { return d.binlogs, d.step("datadir.binlogs") }

func (d *fakeDatadir) Relay(string) (Relay, error) { return d.relay, d.step("datadir.relay") }

func (d *fakeDatadir) Save(name string) (string, error) {
	if err := d.step("datadir.save"); err != nil {
		return "", err
	}
	d.saved = append(d.saved, name)
	return "/quarantine/" + name, nil
}

// fakeAddress is the virtual IP.
type fakeAddress struct {
	*journal
	held bool
}

func (a *fakeAddress) Held(context.Context) (bool, error) { return a.held, a.step("address.held") }

func (a *fakeAddress) Free(context.Context) error { return a.step("address.free") }

func (a *fakeAddress) Up(context.Context) error {
	err := a.step("address.up")
	a.held = err == nil
	return err
}

func (a *fakeAddress) Down(context.Context) error {
	if err := a.step("address.down"); err != nil {
		return err
	}
	a.held = false
	return nil
}

// fakePeer is another node's server.
type fakePeer struct {
	*journal
	name     string
	executed gtid.Set
	writable bool
	rows     []replication.Epoch
}

func (p *fakePeer) Position(context.Context) (gtid.Set, bool, error) {
	return p.executed, p.writable, p.step("peer.position " + p.name)
}

func (p *fakePeer) Epochs(context.Context) ([]replication.Epoch, error) {
	return p.rows, p.step("peer.epochs " + p.name)
}

func (p *fakePeer) Close() error { return nil }

// fakeOptions are the server's configuration files.
type fakeOptions struct {
	*journal
	set map[string]string
}

func (o *fakeOptions) Configured(context.Context, string, string) (map[string]string, error) {
	return o.set, o.step("options")
}

// fakeBackground starts nothing.
type fakeBackground struct{ *journal }

func (b *fakeBackground) Spawn(_ context.Context, name string, args ...string) error {
	return b.step(fmt.Sprintf("spawn %s %v", name, args))
}
