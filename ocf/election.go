package ocf

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// electionPoll is how often ballots are looked at again.
const electionPoll = 50 * time.Millisecond

// elect asks the participants until the proof is there, or election_wait is over:
// the proof decides, not the clock. It changes nothing.
func (a *Agent) elect(ctx context.Context, s *sight) (scoring.Election, map[string]Publication, error) {
	wait := a.Request.Params.Duration("election_wait")
	until := a.Clock.Now().Add(wait)
	for {
		e, pubs, err := a.count(ctx, s)
		if err != nil {
			return e, pubs, err
		}
		if e.Verdict != scoring.Refuse {
			return e, pubs, nil
		}
		missing := slices.DeleteFunc(a.expected(), func(node string) bool { _, ok := pubs[node]; return ok })
		if len(missing) == 0 || a.Clock.Now().After(until) {
			return e, pubs, nil
		}
		a.Clock.Sleep(electionPoll)
	}
}

// count is one look at the ballots, and what they say.
func (a *Agent) count(ctx context.Context, s *sight) (scoring.Election, map[string]Publication, error) {
	pubs, err := a.ballots(ctx)
	if err != nil && !a.alone(err) {
		return scoring.Election{}, nil, err
	}
	own, ok := pubs[a.node()]
	if !ok || !own.Observed || s.mem.Freeze == nil || own.Counter != s.mem.Freeze.Counter {
		return scoring.Election{Reason: "this node has published no ballot of its own"}, pubs, nil
	}
	if s.record, err = a.records(ctx, s.mem, pubs); err != nil {
		return scoring.Election{}, pubs, err
	}
	if s.record, err = withTable(s.record, s.rows); err != nil {
		return scoring.Election{}, pubs, err
	}
	v, err := a.view(*s, own, pubs)
	if err != nil {
		return scoring.Election{}, pubs, err
	}
	v.Ledgers = a.ledgers(pubs)
	return scoring.Elect(v, a.node()), pubs, nil
}

// ledgers is how many ledgers an election has read, or 0 where all that could be
// asked have answered: then there is nothing more to wait for. A node in standby has
// no instance to ask, and must not keep the others from electing.
func (a *Agent) ledgers(pubs map[string]Publication) int {
	for _, node := range a.expected() {
		if _, ok := pubs[node]; !ok {
			return len(pubs)
		}
	}
	return 0
}

// catchUp applies everything that was received, then fetches what is missing from
// the peer that has it, until target is executed here.
func (a *Agent) catchUp(ctx context.Context, s *sight, e scoring.Election) error {
	if !s.state.Executed.Contains(s.state.Received) {
		a.Log.Info("applying what was received", "target", s.state.Received.String())
		if err := a.Local.Drain(ctx, s.state.Received); err != nil {
			return fmt.Errorf("apply what was received: %w", err)
		}
	}
	if e.Verdict == scoring.Fetch {
		src, err := a.Source(ctx, e.From)
		if err != nil {
			return err
		}
		a.Log.Info("fetching what is missing", "from", e.From, "target", e.Target.String())
		if err := a.Local.StopAll(ctx); err != nil {
			return err
		}
		if err := a.Local.Follow(ctx, src); err != nil {
			return fmt.Errorf("fetch from %s: %w", e.From, err)
		}
		if err := a.Local.Drain(ctx, e.Target); err != nil {
			return fmt.Errorf("fetch from %s: %w", e.From, err)
		}
		if err := a.Local.StopAll(ctx); err != nil {
			return err
		}
	}
	st, err := a.observe(ctx)
	if err != nil {
		return err
	}
	s.state = st
	if !st.Executed.Contains(e.Target) {
		return fmt.Errorf("catch up: %s is not applied", e.Target.Subtract(st.Executed))
	}
	return nil
}

// marker is the GTID of the epoch's first transaction: above everything seen, and
// everything ever discarded here, so that no GTID is issued twice. MySQL names its
// transactions by itself, by a UUID that goes with what was discarded: no entry, and
// nothing to be above of.
func marker(st replication.State, mem Memory, target gtid.Set) (gtid.Entry, gtid.Set, error) {
	if st.Flavour == gtid.MySQL {
		return gtid.Entry{}, gtid.Set{}, nil
	}
	if plant.Planted == plant.ReissueGTID {
		mem.Discarded = ""
	}
	discarded, err := gtid.Parse(mem.Discarded)
	if err != nil {
		return gtid.Entry{}, gtid.Set{}, fmt.Errorf("ledger: discarded: %w", err)
	}
	seen, err := target.Union(discarded)
	if err != nil {
		return gtid.Entry{}, gtid.Set{}, err
	}
	if seen, err = seen.Union(st.Executed); err != nil {
		return gtid.Entry{}, gtid.Set{}, err
	}
	return gtid.Entry{Domain: 0, Server: st.ServerID, Seq: seen.MaxSeq(0) + 1}, seen, nil
}
