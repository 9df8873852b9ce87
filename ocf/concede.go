package ocf

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A promotion that fails soon after another one is not tried again at once: what
// Pacemaker would do instead, as to start the last primary, would never get its turn.
const (
	setbackSoon  = 2 * time.Minute // later than that it is the first
	setbackFirst = 2 * time.Second // doubled each time
	setbackMost  = 30 * time.Second
)

// concede winds up a promotion that has failed: nobody is left bound by an election
// that is over, and the next one may have to wait.
func (a *Agent) concede(ctx context.Context, failed error) error {
	mem, err := a.Ledger.Load()
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	a.setback(&mem, failed)
	released, err := a.release(ctx, &mem)
	if err := errors.Join(err, a.Ledger.Save(mem)); err != nil || !released {
		return err
	}
	// The promise is gone, durably: now the others may know.
	return errors.Join(a.withdraw(ctx, attrBallot), a.tellConceded(ctx, mem))
}

// release gives up this node's own election, and names the ballots that were cast for
// it. Once a record was announced the outcome is not in this node's hands any more.
func (a *Agent) release(ctx context.Context, mem *Memory) (bool, error) {
	if a.announced || mem.Freeze == nil || mem.Freeze.Target != a.node() {
		return false, nil
	}
	pubs, err := a.ballots(ctx)
	if err != nil {
		return false, err
	}
	mem.Freeze, mem.Conceded = nil, map[string]uint64{}
	for node, p := range pubs {
		if node != a.node() {
			mem.Conceded[node] = p.Counter
		}
	}
	return true, nil
}

// tellConceded adds to this node's last word which ballots are free again.
func (a *Agent) tellConceded(ctx context.Context, mem Memory) error {
	pubs, err := a.publications(ctx, attrPosition)
	own, ok := pubs[a.node()]
	if err != nil || !ok {
		return err // what is published next says so, too
	}
	own.Conceded = mem.Conceded
	return a.publish(ctx, attrPosition, own)
}

// conceded tells whether the node for which this one froze has given up that election.
// It matters once there is a primary to follow: until then the next election may be
// about to begin.
func (a *Agent) conceded(f Freeze, pubs map[string]Publication) bool {
	return f.Target != a.node() && pubs[f.Target].Conceded[a.node()] == f.Counter && living(pubs)
}

// setback counts a failed promotion, and from the second on keeps the score down for
// a while.
func (a *Agent) setback(mem *Memory, failed error) {
	now := a.Clock.Now()
	b := Setback{At: now.Format(time.RFC3339), Times: 1}
	if old := mem.Setback; old != nil {
		if at, err := time.Parse(time.RFC3339, old.At); err == nil && now.Sub(at) < setbackSoon {
			b.Times = old.Times + 1
		}
	}
	mem.Setback = &b
	if b.Times < 2 || mem.Refusal != nil && mem.Refusal.Until == "" {
		return
	}
	wait := min(setbackFirst<<min(b.Times-2, 8), setbackMost)
	mem.Refusal = &Refusal{
		Reason: oneLine(fmt.Sprintf("%d promotions in a row have failed, the next after %s: %s", b.Times, wait, failed), reasonLimit),
		Record: mem.Record, Until: now.Add(wait).Format(time.RFC3339),
	}
}

// waits is PURE: whether a refusal with an end has not come to it. A clock that was
// set back does not prolong it.
func (r Refusal) waits(now time.Time) bool {
	until, err := time.Parse(time.RFC3339, r.Until)
	return err == nil && now.Before(until) && until.Sub(now) <= setbackMost+time.Second
}
