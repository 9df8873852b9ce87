package ocf

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

const secret = "geheim"

// world is one node with everything around it, in memory.
type world struct {
	*journal
	t       *testing.T
	self    scoring.NodeID
	cluster *fakeCluster
	unit    *fakeUnit
	server  *fakeServer
	ledger  *fakeLedger
	clock   *fakeClock
	datadir *fakeDatadir
	options *fakeOptions
	tails   *fakeTails
	host    *fakeHost
	address *fakeAddress // nil: none
	peers   map[string]*fakePeer
	request Request
	log     bytes.Buffer
}

// story runs a test in a bubble with a clock of its own: waits cost nothing, and
// deadlines come when they should.
func story(t *testing.T, name string, f func(t *testing.T, w *world)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { f(t, newWorld(t)) })
	})
}

// newWorld is db2, a replica in sync with db1, primary of epoch 3; db3 is one, too.
func newWorld(t *testing.T) *world {
	t.Helper()
	j := &journal{on: map[string]func() error{}}
	params, err := ParseParams(func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		journal: j, t: t, self: db2,
		clock:   &fakeClock{boot: "boot-1", up: time.Now().Add(-time.Hour)},
		ledger:  &fakeLedger{journal: j, mem: Memory{Record: record(t, epoch3).String(), Boot: "boot-1"}},
		datadir: &fakeDatadir{journal: j, id: db2.Data},
		options: &fakeOptions{journal: j, known: map[string]string{"gtid_strict_mode": "FALSE", "init_rpl_role": "MASTER"}},
		tails:   &fakeTails{journal: j},
		host:    &fakeHost{journal: j},
		peers:   map[string]*fakePeer{},
		request: Request{
			Resource: "db", Node: "db2", Timeout: 60 * time.Second, CloneMax: 3, Clone: true, Notify: true, Cluster: true, Params: params,
		},
	}
	w.cluster = &fakeCluster{
		journal: j, node: "db2", scores: map[string]int{}, public: map[string]string{},
		private: map[string]map[string]string{}, permanent: map[string]string{},
		record: record(t, epoch3).String(), quorate: true,
		members: []Member{{"db1", 1, true}, {"db2", 2, true}, {"db3", 3, true}},
	}
	w.unit = &fakeUnit{journal: j, process: Process{Running: true, Ready: true, PID: 4711}}
	w.server = &fakeServer{
		journal: j, unit: w.unit, sources: w.peers, locked: map[string]bool{}, tables: []string{"app.t"},
		rows: []replication.Epoch{{
			Epoch: 3, Primary: "db1:aa", Marker: gtid.Entry{Server: 1, Seq: 101}, Start: position(t, "0-1-100"), Record: record(t, epoch3).String(),
		}},
		state: replication.State{
			Flavour: gtid.MariaDB, ServerID: 2, Executed: position(t, "0-1-150"), Received: position(t, "0-1-150"),
			Source:   &replication.Source{Host: "db1", Port: 3306, User: "repl.db2"},
			Receiver: replication.Thread{Running: true}, Applier: replication.Thread{Running: true},
			Lag: new(time.Duration), SemiSync: replication.SemiSync{ReplicaEnabled: true, ReplicaOn: true},
			Durable: replication.Durable{SyncBinlog: 1, FlushAtCommit: 1, SyncRelayLog: 1},
		},
	}
	w.unit.started = w.boot
	w.peer("db1", "0-1-150").writable = true
	w.peer("db3", "0-1-150")
	w.says(attrPosition, Publication{Candidate: scoring.Candidate{
		Node: db1, Role: scoring.RolePrimary, Observed: true, Electable: true,
		Position: position(t, "0-1-150"), Previous: position(t, "0-1-150"), WholeBinlog: true,
	}, Record: epoch3, Executed: position(t, "0-1-150")})
	w.says(attrPosition, w.replica(db3, "0-1-150"))
	return w
}

// boot is what a start does: read-only as the command line says, no thread runs.
func (w *world) boot(c Command) {
	st := &w.server.state
	st.Writable = !slices.Contains(c.Args, "--read-only=1")
	st.Receiver, st.Applier, st.SemiSync = replication.Thread{}, replication.Thread{}, replication.SemiSync{}
}

// reign makes this node db1, the record's primary, with commits that wait for db2 and db3.
func (w *world) reign() {
	w.self, w.request.Node, w.cluster.node, w.datadir.id = db1, "db1", "db1", db1.Data
	st := &w.server.state
	st.ServerID, st.Writable, st.Source = 1, true, nil
	st.Receiver, st.Applier = replication.Thread{}, replication.Thread{}
	st.SemiSync = replication.SemiSync{SourceEnabled: true, SourceOn: true, Clients: 2}
	w.server.attached = []string{"repl.db2", "repl.db3"}
	w.peer("db2", "0-1-150")
	w.says(attrPosition, w.replica(db2, "0-1-150"))
	delete(w.cluster.private["db-position"], "db1")
}

func (w *world) peer(name, executed string) *fakePeer {
	p := &fakePeer{journal: w.journal, name: name, executed: position(w.t, executed), rows: w.server.rows}
	w.peers[name] = p
	return p
}

// replica is what a healthy replica publishes.
func (w *world) replica(id scoring.NodeID, at string) Publication {
	return Publication{
		Candidate: scoring.Candidate{
			Node: id, Role: scoring.RoleReplica, Observed: true, Position: position(w.t, at), Electable: true, Lag: new(time.Duration), RelayIntact: true,
		},
		Record: epoch3, Executed: position(w.t, at), Acks: true, Follows: "db1", Connected: true,
	}
}

// ballot is what it publishes in pre-promote.
func (w *world) ballot(id scoring.NodeID, at string) Publication {
	p := w.replica(id, at)
	p.Frozen, p.Connected, p.Counter, p.Target = true, false, 7, w.self.Name
	return p
}

func (w *world) says(what string, p Publication) {
	w.t.Helper()
	text, err := p.Encode()
	if err != nil {
		w.t.Fatal(err)
	}
	w.cluster.set("db-"+what, p.Node.Name, text)
}

// said is what this node has published.
func (w *world) said(what string) (Publication, bool) {
	w.t.Helper()
	text, ok := w.cluster.private["db-"+what][w.self.Name]
	if !ok {
		return Publication{}, false
	}
	p, err := DecodePublication(text)
	if err != nil {
		w.t.Fatal(err)
	}
	return p, true
}

// dies is the loss of a node: the cluster drops what it published.
func (w *world) dies(node string) {
	for i := range w.cluster.members {
		if w.cluster.members[i].Name == node {
			w.cluster.members[i].Online = false
		}
	}
	for _, values := range w.cluster.private {
		delete(values, node)
	}
	delete(w.peers, node)
	if w.server.state.Source != nil && w.server.state.Source.Host == node {
		w.server.state.Receiver = replication.Thread{Connecting: true}
	}
}

func (w *world) agent(action Action) *Agent {
	r := w.request
	r.Action = action
	if r.Action != Monitor {
		r.Interval = 0
	}
	a := &Agent{
		Request: r, Attributes: w.cluster, Scores: w.cluster, Records: w.cluster, Members: w.cluster, Failures: w.cluster, Unit: w.unit, Strays: w.unit,
		Background: &fakeBackground{w.journal}, Ledger: w.ledger, Clock: w.clock, Datadir: w.datadir, Tails: w.tails, Options: w.options,
		Local: w.server, Self: "/usr/sbin/mysql-ha", Host: w.host,
		Log:     slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Secrets: Secrets{ReplicationUser: "repl", ReplicationPassword: secret},
		Dial: func(_ context.Context, node string) (Peer, error) {
			if err := w.step("dial " + node); err != nil {
				return nil, err
			}
			if p, ok := w.peers[node]; ok {
				return p, nil
			}
			return nil, replication.ErrUnreachable
		},
	}
	if w.address != nil {
		a.Address = w.address
	}
	return a
}

// do runs one action.
func (w *world) do(action Action) error {
	w.t.Helper()
	err := w.agent(action).Do(w.t.Context())
	if w.ledger.locks != 0 {
		w.t.Errorf("%s: the lock is still held", action)
	}
	w.silent(err)
	return err
}

// silent: no secret in a log, a reason, an argument or an attribute.
func (w *world) silent(err error) {
	w.t.Helper()
	all := w.log.String() + ExitReason(err)
	for _, c := range w.unit.commands {
		all += strings.Join(c.Args, " ")
	}
	for v := range maps.Values(w.cluster.public) {
		all += v
	}
	if strings.Contains(all, secret) {
		w.t.Error("the password is told to everybody")
	}
}

// outcome is what an action may leave behind.
type outcome struct {
	Code                       Code
	Running, Writable, Address bool
	Executed, Record           string
	Rows, Score                int
	Public                     map[string]string
}

func (w *world) outcome(err error) outcome {
	o := outcome{
		Code: CodeOf(err), Running: w.unit.process.Running, Writable: w.server.state.Writable,
		Executed: w.server.state.Executed.String(), Record: w.cluster.record, Rows: len(w.server.rows),
		Score: w.cluster.scores[w.self.Name], Public: maps.Clone(w.cluster.public),
	}
	o.Address = w.address != nil && w.address.held
	return o
}

// twice runs an action two times: the second answers the same and changes nothing.
// It returns the first answer; the steps are those of the first run.
func (w *world) twice(action Action, code Code) error {
	w.t.Helper()
	err := w.do(action)
	if CodeOf(err) != code {
		w.t.Fatalf("%s: code %d (%v), want %d\n%s", action, CodeOf(err), err, code, w.log.String())
	}
	first, steps := w.outcome(err), w.steps
	w.clear()
	if diff := cmp.Diff(first, w.outcome(w.do(action))); diff != "" {
		w.t.Errorf("%s again: %s", action, diff)
	}
	w.steps = steps
	return err
}

// inOrder asserts that the steps were done, one after the other.
func (w *world) inOrder(want ...string) {
	w.t.Helper()
	rest := w.steps
	for _, step := range want {
		i := slices.Index(rest, step)
		if i < 0 {
			w.t.Fatalf("%q is not done, or not in the order %q; done was\n%s", step, want, strings.Join(w.steps, "\n"))
		}
		rest = rest[i+1:]
	}
}

// never asserts that steps were not done.
func (w *world) never(unwanted ...string) {
	w.t.Helper()
	for _, step := range unwanted {
		if slices.Contains(w.steps, step) {
			w.t.Errorf("%q was done:\n%s", step, strings.Join(w.steps, "\n"))
		}
	}
}

func (w *world) score(want int) {
	w.t.Helper()
	if got, ok := w.cluster.scores[w.self.Name]; !ok || got != want {
		w.t.Errorf("score is %d (set: %t), want %d", got, ok, want)
	}
}

// fails is a step that does.
func (w *world) fails(step string, err error) { w.on[step] = func() error { return err } }

var errInjected = errors.New("injected fault")
