package ocf

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// errant finds what somebody wrote into this replica while it follows: executed here,
// never received, and not on the living primary, which is asked only where its last
// word does not settle it. It is for MySQL, whose GTIDs are exact; MariaDB's maxima are
// held against the table of epochs instead. It returns the reason, or "".
func (a *Agent) errant(ctx context.Context, s *sight) (string, error) {
	primary := s.record.newest.Primary.Name
	p, ok := s.pubs[primary]
	if s.state.Flavour != gtid.MySQL || !ok || p.Role != scoring.RolePrimary {
		return "", nil
	}
	// What is received may be on nobody's list yet: the primary counts a commit only
	// once it is acknowledged.
	own := s.state.Executed.Subtract(s.state.Fetched)
	if p.Position.Contains(own) {
		return "", nil
	}
	seen, err := a.compare(ctx, *s.record.newest, own)
	if err != nil {
		a.Log.Info("primary cannot be compared yet", "primary", primary, "error", err)
		return "", nil
	}
	if seen.foreign.Empty() {
		return "", nil
	}
	return a.diverged(ctx, s, seen.foreign)
}

// astray finds what this node has executed, the history that counts has no place for
// and the primary lacks, while it follows: with MariaDB what the primary sends next
// stops the applier, before anybody compares. Rows of the table of epochs are executed
// before what follows them, so none is missing that would tell otherwise. The primary
// is asked once. It returns the reason, or "".
func (a *Agent) astray(ctx context.Context, s *sight) (string, error) {
	l, err := line(s.rows)
	if err != nil {
		return "", err
	}
	foreign := l.With(s.record.newest).Foreign(s.state.Executed, nil)
	if foreign.Empty() {
		return "", nil
	}
	if s.mem.Foreign != foreign.String() {
		primary := s.record.newest.Primary.Name
		held, err := a.heldBy(ctx, primary)
		if err != nil {
			a.Log.Info("primary cannot be compared yet", "primary", primary, "error", err)
			return "", nil
		}
		if held.Contains(foreign) {
			return "", nil // somebody had it write under another server's number
		}
	}
	return a.diverged(ctx, s, foreign)
}

// heldBy asks a node of the cluster what it has executed.
func (a *Agent) heldBy(ctx context.Context, node string) (gtid.Set, error) {
	if a.absent(ctx, node) {
		return gtid.Set{}, fmt.Errorf("%s is not in the cluster now", node)
	}
	return a.ask(ctx, node, peerPatience)
}

// ask asks a node's server what it has executed, whatever the cluster knows of it.
func (a *Agent) ask(ctx context.Context, node string, patience time.Duration) (gtid.Set, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	peer, err := a.Dial(ctx, node)
	if err != nil {
		return gtid.Set{}, err
	}
	defer peer.Close() //nolint:errcheck // nothing was written
	executed, _, err := peer.Position(ctx)
	return executed, err
}

// diverged keeps what this node holds too much, and has it follow nobody.
func (a *Agent) diverged(ctx context.Context, s *sight, foreign gtid.Set) (string, error) {
	s.mem.Foreign = foreign.String()
	if err := a.Ledger.Save(s.mem); err != nil {
		return "", err
	}
	return fmt.Sprintf("diverged: %s is not on %s", foreign, s.record.newest.Primary.Name), a.stopReceiving(ctx, s)
}
