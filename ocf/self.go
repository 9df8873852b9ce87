package ocf

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// sight is one look at everything an action decides from.
type sight struct {
	id     scoring.NodeID
	mem    Memory
	state  replication.State
	rows   []replication.Epoch // own copy of the table of epochs
	pubs   map[string]Publication
	record known
	role   scoring.Role
	// deposed: writable although the record names somebody else, or nobody.
	deposed bool
}

// observeRetry is how often a server that did not answer is asked again: one
// slow answer is not a failure.
const observeRetry = 500 * time.Millisecond

// observe looks at the local server, asking again until ctx is two thirds used.
func (a *Agent) observe(ctx context.Context) (replication.State, error) {
	deadline, _ := ctx.Deadline()
	patience := a.Clock.Now().Add(deadline.Sub(a.Clock.Now()) * 2 / 3)
	for {
		st, err := a.Local.Observe(ctx)
		if err == nil {
			return st, nil
		}
		if errors.Is(err, replication.ErrUnsupported) || errors.Is(err, replication.ErrAccessDenied) ||
			a.Clock.Now().After(patience) || ctx.Err() != nil {
			return st, fmt.Errorf("observe the server: %w", err)
		}
		if p, lookErr := a.Unit.Look(ctx); lookErr == nil && !p.Running {
			return st, fmt.Errorf("observe the server: it stopped: %w", err)
		}
		a.Clock.Sleep(observeRetry)
	}
}

// local looks at this node alone: the server, and the record as it last knew it.
// It is enough to close a server, which must work without the cluster.
func (a *Agent) local(ctx context.Context) (sight, error) {
	var s sight
	var err error
	if s.id, err = a.id(); err != nil {
		return s, err
	}
	if s.mem, err = a.Ledger.Load(); err != nil {
		return s, fmt.Errorf("ledger: %w", err)
	}
	if s.state, err = a.observe(ctx); err != nil {
		return s, err
	}
	if s.rows, err = a.Local.Epochs(ctx); err != nil {
		return s, err
	}
	if s.mem.Record != "" {
		rec, err := scoring.ParseRecord(s.mem.Record)
		if err != nil {
			return s, fmt.Errorf("ledger: %w", err)
		}
		s.record.newest = &rec
	}
	s.role, s.deposed = roleOf(s.id, s.state, s.record.newest)
	return s, nil
}

// errCluster marks what failed on the cluster's side: the server is as it was seen.
type errCluster struct{ error }

func (e errCluster) Unwrap() error { return e.error }

// look adds what the others published, and the newest record there is.
func (a *Agent) look(ctx context.Context) (sight, error) {
	s, err := a.local(ctx)
	if err != nil {
		return s, err
	}
	if s.state.Refused != "" {
		return s, fail(ErrGeneric, nil, "%s", s.state.Refused)
	}
	if s.pubs, err = a.publications(ctx, attrPosition); err != nil && !a.alone(err) {
		return s, errCluster{err}
	}
	if s.record, err = a.records(ctx, s.mem, s.pubs); err != nil {
		return s, errCluster{err}
	}
	if s.record, err = withTable(s.record, s.rows); err != nil {
		return s, err
	}
	s.role, s.deposed = roleOf(s.id, s.state, s.record.newest)
	return s, nil
}

// alone: no cluster runs here and none called us (ocf-tester, by hand).
func (a *Agent) alone(err error) bool {
	return errors.Is(err, ErrNoCluster) && !a.Request.Cluster
}

// publication is this node's word about itself.
func (a *Agent) publication(ctx context.Context, s sight) (Publication, error) {
	electable, err := a.electable(ctx, s.state)
	if err != nil {
		return Publication{}, err
	}
	p := Publication{
		Candidate: scoring.Candidate{
			Node:        s.id,
			Role:        s.role,
			Observed:    true,
			Position:    s.state.Received,
			Electable:   electable,
			Lag:         s.state.Lag,
			Foreign:     s.mem.Foreign,
			Quarantined: quarantined(s.mem),
			WholeBinlog: whole(s.record.newest, s.id, s.state, s.rows, s.mem.Opened),
			RelayIntact: s.state.Durable.SyncRelayLog == 1 && holds(s.mem.Held, s.id, s.record.newest, s.state.Received),
			Led:         s.state.Source != nil,
			Version:     s.state.Version,
		},
		Executed: s.state.Executed,
		Acks:     s.state.SemiSync.ReplicaEnabled,
		Waiting:  s.state.SemiSync.Waiting,
		Turn:     s.mem.Turn,
		Conceded: s.mem.Conceded,
	}
	if f := s.mem.Freeze; f != nil && a.frozen(*f) {
		p.Freeze = f.Target
	}
	if a.Address != nil {
		if held, err := a.Address.Held(ctx); err == nil {
			p.Address = &held
		}
		if err := a.Address.Usable(ctx); unlinked(err) {
			p.Unlinked = oneLine(err.Error(), reasonLimit)
		}
	}
	p.Ailment = a.ailment(s.mem)
	if s.mem.Refusal != nil {
		p.Refused = s.mem.Refusal.Reason
	}
	if s.record.newest != nil {
		p.Record = s.record.newest.String()
	}
	if s.state.Source != nil {
		p.Follows = s.state.Source.Host
		p.Connected = s.state.Receiver.Running && !s.state.Receiver.Connecting
		if s.state.Applier.Error != "" && !s.state.Applier.Running {
			p.Broken = fmt.Sprintf("error %d", s.state.Applier.Errno)
		}
	}
	if s.record.newest == nil || s.record.newest.Grant != scoring.GrantNone {
		tables, err := a.Local.UserTables(ctx)
		if err != nil {
			return p, err
		}
		p.Tables = digest(tables)
	}
	return p, nil
}

// electable reads the operator's candidate=no for this node. A replica that is told to
// apply late is none either: it could not apply what it received in an election's time.
func (a *Agent) electable(ctx context.Context, st replication.State) (bool, error) {
	if st.Source != nil && st.Source.Delay > 0 {
		return false, nil
	}
	value, ok, err := a.Scores.Permanent(ctx, a.node(), a.name(attrCandidate))
	if a.alone(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("attribute %s: %w", a.name(attrCandidate), err)
	}
	if !ok {
		return true, nil
	}
	yes, err := parseBool(value)
	if err != nil {
		// Not readable is not "yes": a node that should never be promoted stays so.
		a.Log.Warn("attribute is not readable, taken as no", "attribute", a.name(attrCandidate), "value", value)
		return false, nil
	}
	return yes, nil
}

// view is what this node ranks or elects from.
func (a *Agent) view(s sight, own Publication, pubs map[string]Publication) (scoring.View, error) {
	l, err := line(s.rows)
	if err != nil {
		return scoring.View{}, err
	}
	v := scoring.View{
		Policy:      a.policy(),
		ClusterSize: a.Request.CloneMax,
		Record:      s.record.newest,
		Line:        l,
		Waited:      a.waited(s.mem),
		Candidates:  []scoring.Candidate{own.Candidate},
	}
	for _, node := range sortedKeys(pubs) {
		if node != a.node() {
			v.Candidates = append(v.Candidates, pubs[node].Candidate)
		}
	}
	if plant.Planted == plant.NoAckers && v.Record != nil {
		rec := v.Record.WithAckers(nil)
		for _, c := range v.Candidates {
			rec.Ackers = append(rec.Ackers, c.Node)
		}
		v.Record = &rec
	}
	return v, nil
}

// waited tells whether an election has lacked its proof for wait_for_peers.
func (a *Agent) waited(m Memory) bool {
	since, err := time.Parse(time.RFC3339, m.Waiting)
	return err == nil && a.Clock.Now().Sub(since) >= a.Request.Params.Duration("wait_for_peers")
}

// digest of the list of user tables: equal lists, equal digests.
func digest(tables []string) string {
	sum := sha256.Sum256([]byte(strings.Join(tables, "\n")))
	return hex.EncodeToString(sum[:8])
}
