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

// at is a step that takes no effect once its time is over.
func (j *journal) at(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return j.step(name)
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
	late      *string // what the CIB goes on showing as the score
	unmanaged bool
}

func (c *fakeCluster) SetScore(ctx context.Context, score int) error {
	if err := c.at(ctx, "score "+scoring.FormatScore(score)); err != nil {
		return err
	}
	c.scores[c.node] = score
	return nil
}

func (c *fakeCluster) Shown(ctx context.Context, name string) (string, bool, error) {
	if err := c.at(ctx, "shown "+name); err != nil {
		return "", false, err
	}
	if name == "master-db" && c.late != nil {
		return *c.late, true, nil
	}
	if name == "master-db" {
		score, ok := c.scores[c.node]
		return scoring.FormatScore(score), ok, nil
	}
	value, ok := c.public[name]
	return value, ok, nil
}

func (c *fakeCluster) Hint(ctx context.Context, name, value string) error {
	return c.Publish(ctx, true, name, value)
}

func (c *fakeCluster) Publish(ctx context.Context, private bool, name, value string) error {
	if err := c.at(ctx, "publish "+name); err != nil {
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

func (c *fakeCluster) Withdraw(ctx context.Context, _ bool, name string) error {
	if err := c.at(ctx, "withdraw "+name); err != nil {
		return err
	}
	delete(c.private[name], c.node)
	return nil
}

func (c *fakeCluster) Collect(ctx context.Context, name string) (map[string]string, error) {
	if err := c.at(ctx, "collect "+name); err != nil {
		return nil, err
	}
	return maps.Clone(c.private[name]), nil
}

func (c *fakeCluster) Permanent(ctx context.Context, node, name string) (string, bool, error) {
	if err := c.at(ctx, "permanent "+name); err != nil {
		return "", false, err
	}
	v, ok := c.permanent[node+"/"+name]
	return v, ok, nil
}

func (c *fakeCluster) ReadRecord(ctx context.Context) (string, bool, error) {
	if err := c.at(ctx, "record.read"); err != nil {
		return "", false, err
	}
	return c.record, c.record != "", nil
}

func (c *fakeCluster) WriteRecord(ctx context.Context, old, text string) error {
	if err := c.at(ctx, "record.write"); err != nil {
		return err
	}
	if old != c.record {
		return errors.New("it has changed since it was read")
	}
	c.record = text
	return c.at(ctx, "record.readback")
}

func (c *fakeCluster) Quorate(ctx context.Context) (bool, error) {
	return c.quorate, c.at(ctx, "quorate")
}

func (c *fakeCluster) Members(ctx context.Context) ([]Member, error) {
	return c.members, c.at(ctx, "members")
}

func (c *fakeCluster) Managed(ctx context.Context) (bool, error) {
	return !c.unmanaged, c.at(ctx, "managed")
}

func (c *fakeCluster) Fail(ctx context.Context) error { return c.at(ctx, "fail") }

// fakeUnit is the process. The server answers while it runs.
type fakeUnit struct {
	*journal
	process  Process
	slow     time.Duration // from start to ready
	stubborn bool          // does not end when it is asked to
	commands []Command
	hook     []string      // of an adopted one
	started  func(Command) // what a start does to the server
}

func (u *fakeUnit) Look(ctx context.Context) (Process, error) {
	err := u.at(ctx, "unit.look")
	p := u.process
	if p.Running && !p.Since.IsZero() && time.Since(p.Since) < u.slow {
		p.Ready = false
	}
	return p, err
}

func (u *fakeUnit) Start(ctx context.Context, c Command) error {
	u.commands = append(u.commands, c)
	if err := u.at(ctx, "unit.start"); err != nil {
		return err
	}
	u.process = Process{Running: true, Ready: true, PID: 4711, Since: time.Now()}
	u.started(c)
	return nil
}

func (u *fakeUnit) Adopt(ctx context.Context, hook []string) error {
	if err := u.at(ctx, "unit.adopt"); err != nil {
		return err
	}
	u.process.Stray, u.hook = "", hook
	return nil
}

func (u *fakeUnit) Terminate(ctx context.Context) error {
	err := u.at(ctx, "unit.terminate")
	if !u.stubborn {
		u.process = Process{Result: "success"}
	}
	return err
}

func (u *fakeUnit) Kill(ctx context.Context) error {
	if err := u.at(ctx, "unit.kill"); err != nil {
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

func (d *fakeDatadir) Renew() (string, error) {
	if err := d.step("datadir.renew"); err != nil {
		return "", err
	}
	d.id += "2"
	return d.id, nil
}

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

// fakeTails is the end of MySQL's binary log.
type fakeTails struct {
	*journal
	beyond     func(have string) Beyond
	rolledBack int
	cuts       []Beyond
}

func (f *fakeTails) Beyond(have string) (Beyond, error) {
	b := Beyond{}
	if f.beyond != nil {
		b = f.beyond(have)
	}
	return b, f.step("tails.beyond")
}

func (f *fakeTails) Cut(b Beyond) error {
	if err := f.step("tails.cut"); err != nil {
		return err
	}
	f.cuts = append(f.cuts, b)
	return nil
}

func (f *fakeTails) RolledBack(string, int) (int, error) {
	return f.rolledBack, f.step("tails.rolled-back")
}

// fakeAddress is the virtual IP.
type fakeAddress struct {
	*journal
	held bool
}

func (a *fakeAddress) Held(ctx context.Context) (bool, error) {
	return a.held, a.at(ctx, "address.held")
}

func (a *fakeAddress) Usable(ctx context.Context) error { return a.at(ctx, "address.usable") }

func (a *fakeAddress) Rival(ctx context.Context) error { return a.at(ctx, "address.rival") }

func (a *fakeAddress) Free(ctx context.Context) error { return a.at(ctx, "address.free") }

func (a *fakeAddress) Up(ctx context.Context) error {
	err := a.at(ctx, "address.up")
	a.held = err == nil
	return err
}

func (a *fakeAddress) Down(ctx context.Context) error {
	if err := a.at(ctx, "address.down"); err != nil {
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

func (p *fakePeer) Position(ctx context.Context) (gtid.Set, bool, error) {
	return p.executed, p.writable, p.at(ctx, "peer.position "+p.name)
}

func (p *fakePeer) Epochs(ctx context.Context) ([]replication.Epoch, error) {
	return p.rows, p.at(ctx, "peer.epochs "+p.name)
}

func (p *fakePeer) Close() error { return nil }

// fakeOptions are the server's configuration files.
type fakeOptions struct {
	*journal
	set, known, persisted map[string]string
}

func (o *fakeOptions) Configured(ctx context.Context, _, _ string) (map[string]string, error) {
	return o.set, o.at(ctx, "options")
}

func (o *fakeOptions) Known(ctx context.Context, _ string, _ map[string]string) (map[string]string, error) {
	return o.known, o.at(ctx, "options.known")
}

func (o *fakeOptions) Persisted(string) (map[string]string, error) {
	return o.persisted, o.step("options.persisted")
}

// fakeBackground starts nothing.
type fakeBackground struct{ *journal }

func (b *fakeBackground) Spawn(ctx context.Context, name string, args ...string) error {
	return b.at(ctx, fmt.Sprintf("spawn %s %v", name, args))
}

// fakeHost is this machine.
type fakeHost struct {
	*journal
	units []string // of the distribution, enabled
	free  map[string]uint64
}

func (h *fakeHost) Executable(string) error      { return h.step("host.executable") }
func (h *fakeHost) Readable(string) error        { return h.step("host.readable") }
func (h *fakeHost) Account(string, string) error { return h.step("host.account") }

func (h *fakeHost) Writable(ctx context.Context, _, _, _ string) error {
	return h.at(ctx, "host.writable")
}

func (h *fakeHost) Free(dir string) (uint64, error) {
	if free, ok := h.free[dir]; ok {
		return free, h.step("host.free")
	}
	return 1 << 40, h.step("host.free")
}

func (h *fakeHost) Enabled(ctx context.Context) ([]string, error) {
	return h.units, h.at(ctx, "host.enabled")
}
