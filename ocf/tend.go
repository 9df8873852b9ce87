package ocf

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// tend is what a primary does in every monitor: keep the record, let caught-up
// replicas acknowledge, exclude those that left, hold the address, tell the others
// its position.
func (a *Agent) tend(ctx context.Context, s sight) error {
	accounts, err := a.accounts(ctx)
	if err != nil {
		return err
	}
	if err := a.outfit(ctx, s, accounts); err != nil {
		return err
	}
	if err := a.door(ctx, s); err != nil {
		return err
	}
	if _, err := a.thaw(ctx, &s); err != nil {
		return err
	}
	if err := a.keepRecord(ctx, &s); err != nil {
		return err
	}
	if err := a.remember(&s); err != nil {
		return err
	}
	if err := a.hangUp(ctx, &s); err != nil {
		a.Log.Warn("a lost replica's dump thread cannot be ended", "error", err)
	}
	if err := a.admit(ctx, &s); err != nil {
		a.Log.Warn("a replica cannot be let acknowledge yet", "error", err)
	}
	if err := a.exclude(ctx, &s); err != nil {
		a.Log.Warn("a replica cannot be excluded yet", "error", err)
	}
	if err := a.durability(ctx, &s); err != nil {
		return err
	}
	if a.Address == nil {
		return a.tellPrimary(ctx, s)
	}
	down, err := a.linked(ctx)
	switch {
	case err != nil:
		return err
	case down != nil && a.relieved(s, true):
		return a.yield(ctx, "virtual ip", down, true)
	case down == nil:
		if err := a.keepAddress(ctx); err != nil {
			return err
		}
	}
	if err := a.tellPrimary(ctx, s); err != nil || down == nil {
		return err
	}
	// Nobody would be reached elsewhere, either.
	return fail(DegradedPromoted, down, "virtual ip")
}

// outfitPatience bounds a preparation while commits wait, whose locks it may meet.
const outfitPatience = 3 * time.Second

// outfit prepares the server. While commits wait it is tried all the same, and no
// more: without its account no new replica could ever come to acknowledge them.
func (a *Agent) outfit(ctx context.Context, s sight, accounts []replication.Account) error {
	waits := s.state.SemiSync.Waiting > 0
	if waits {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, outfitPatience)
		defer cancel()
	}
	switch err := a.Local.Prepare(ctx, accounts); {
	case err == nil:
		return nil
	case waits:
		a.Log.Warn("server cannot be prepared while commits wait", "error", err)
		return nil
	default:
		return fmt.Errorf("prepare the server: %w", err)
	}
}

// tellPrimary publishes the position with the one of the monitor before, which is
// what replicas are measured by, keeps the score, and looks whether the server has
// outlived that.
func (a *Agent) tellPrimary(ctx context.Context, s sight) error {
	own, err := a.publication(ctx, s)
	if err != nil {
		return err
	}
	if before, ok := s.pubs[a.node()]; ok && before.Role == scoring.RolePrimary {
		own.Previous = before.Position
	}
	if own.Asleep, own.Wake, err = a.asleep(ctx, &s); err != nil {
		return err
	}
	if err := a.publish(ctx, attrPosition, own); err != nil {
		return err
	}
	if err := a.score(ctx, scoring.PrimaryScore); err != nil {
		return err
	}
	err = errors.Join(a.status(ctx, s, own, scoring.Place{Score: scoring.PrimaryScore}, ""), a.offer(ctx, &s, own))
	if err != nil {
		return err
	}
	return a.outlived(ctx)
}

// keepRecord writes the record again where the CIB has lost it: configuration
// written in a minority can win over the majority's after a cut has healed.
func (a *Agent) keepRecord(ctx context.Context, s *sight) error {
	rec := s.record.newest
	if s.record.cib != nil && s.record.cib.String() == rec.String() {
		return nil
	}
	quorate, err := a.Members.Quorate(ctx)
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	if !quorate {
		return nil
	}
	a.Log.Warn("the cib holds an older epoch record, writing the newest again", "record", rec.String())
	return a.write(ctx, s, *rec)
}

// write puts a record in force: in the CIB, read back, with quorum before and
// after; then in the ledger. Quorum is asked again because a change of the CIB
// returns only once it is ordered in the membership of that moment: a cut that
// nobody had noticed before is noticed by then.
func (a *Agent) write(ctx context.Context, s *sight, rec scoring.Record) error {
	err := a.quorate(ctx)
	switch {
	case a.alone(err):
		// Nobody else to agree with.
	case err != nil:
		return err
	default:
		if err := a.Records.WriteRecord(ctx, s.record.text, rec.String()); err != nil {
			return fmt.Errorf("write the epoch record: %w", err)
		}
		if err := a.quorate(ctx); err != nil {
			return err
		}
	}
	s.record = known{cib: &rec, newest: &rec, text: rec.String()}
	s.mem.Record = rec.String()
	if err := a.Ledger.Save(s.mem); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	a.Log.Info("epoch record written", "record", rec.String())
	return nil
}

// quorate is nil in a partition that may write the record.
func (a *Agent) quorate(ctx context.Context) error {
	quorate, err := a.Members.Quorate(ctx)
	if err != nil {
		return fmt.Errorf("quorum: %w", err)
	}
	if !quorate {
		return errors.New("no quorum: the epoch record cannot be written")
	}
	return nil
}
