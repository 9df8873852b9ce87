package ocf

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/ocf/plant"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
	"github.com/mysql-ha/mysql-ha/scoring"
)

// converge brings a running, read-only server to where the record wants it and
// tells the cluster: position, score, status. start, monitor and notify end here.
func (a *Agent) converge(ctx context.Context) error {
	s, err := a.look(ctx)
	if err != nil {
		return err
	}
	accounts, err := a.accounts(ctx)
	if err != nil {
		return err
	}
	if err := a.Local.Prepare(ctx, accounts); err != nil {
		return fmt.Errorf("prepare the server: %w", err)
	}
	if err := a.welcome(ctx); err != nil {
		return err
	}
	if err := a.judgeCut(ctx, &s); err != nil {
		return err
	}
	why, err := a.rejoin(ctx, &s)
	if err != nil {
		return err
	}
	if err := a.remember(&s); err != nil {
		return err
	}
	return a.tell(ctx, s, why)
}

// remember keeps the newest record, and how far the living primary was seen to be.
// Only a running server's agent does: a start decides about a tail by comparing the
// last record this node knew with the newest.
func (a *Agent) remember(s *sight) error {
	before := s.mem
	if rec := s.record.newest; rec != nil {
		s.mem.Record = rec.String()
		// Of two that say so, only the record's.
		p := s.pubs[rec.Primary.Name]
		if at := p.Position.String(); p.Role == scoring.RolePrimary && (s.mem.Primary == nil || s.mem.Primary.Position != at) {
			s.mem.Primary = &Position{Node: rec.Primary.Name, At: a.Clock.Now().Format(time.RFC3339), Position: at}
		}
	}
	if s.mem.Held != nil && holds(s.mem.Held, s.id, s.record.newest, s.state.Executed) {
		s.mem.Held = nil
	}
	if s.mem.Record == before.Record && s.mem.Primary == before.Primary && s.mem.Held == before.Held {
		return nil
	}
	return a.Ledger.Save(s.mem)
}

// tell publishes the position, then the score that follows from everybody's, and
// looks whether the server has outlived that.
func (a *Agent) tell(ctx context.Context, s sight, why string) error {
	own, err := a.publication(ctx, s)
	if err != nil {
		return err
	}
	if why != "" && own.Broken == "" && !strings.HasPrefix(why, "frozen") && !strings.Contains(why, "is away") && own.Foreign == "" && own.Quarantined == "" {
		own.Broken = why
	}
	if err := a.publish(ctx, attrPosition, own); err != nil {
		return err
	}
	place, proof, err := a.rank(&s, own)
	if err != nil {
		return err
	}
	if err := a.await(&s, proof); err != nil {
		return err
	}
	if err := a.score(ctx, place.Score); err != nil {
		return err
	}
	if err := errors.Join(a.status(ctx, s, own, place, why), a.offer(ctx, &s, own)); err != nil {
		return err
	}
	return a.outlived(ctx)
}

// rank computes this node's place, honouring a refusal that still holds.
func (a *Agent) rank(s *sight, own Publication) (scoring.Place, scoring.Proof, error) {
	if r := s.mem.Refusal; r != nil && (!refusalHolds(*r, s, a.Clock.Now()) || r.Link && own.Unlinked == "") {
		s.mem.Refusal = nil
		own.Refused = ""
		if err := a.Ledger.Save(s.mem); err != nil {
			return scoring.Place{}, scoring.Proof{}, err
		}
	}
	v, err := a.view(*s, own, s.pubs)
	if err != nil {
		return scoring.Place{}, scoring.Proof{}, err
	}
	ranking := scoring.Rank(v)
	place, ok := ranking.Of(a.node())
	if !ok {
		return place, ranking.Proof, fmt.Errorf("ranking does not know node %q", a.node())
	}
	return place, ranking.Proof, nil
}

// await keeps since when no primary lives and no proof is there.
func (a *Agent) await(s *sight, proof scoring.Proof) error {
	lacking := !living(s.pubs) && s.role != scoring.RolePrimary && !proof.Complete
	switch {
	case lacking && s.mem.Waiting == "":
		s.mem.Waiting = a.Clock.Now().Format(time.RFC3339)
	case !lacking && s.mem.Waiting != "":
		s.mem.Waiting = ""
	default:
		return nil
	}
	return a.Ledger.Save(s.mem)
}

// lastWord is the time for what must be done in any case when the action's own has
// run out, out of the margin that Budget leaves.
const lastWord = time.Second

// lastly is ctx, or where that has no time left, a moment longer.
func (a *Agent) lastly(ctx context.Context) (context.Context, context.CancelFunc) {
	if until, ok := ctx.Deadline(); ctx.Err() == nil && (!ok || until.Sub(a.Clock.Now()) > lastWord) {
		return ctx, func() {}
	}
	return context.WithTimeout(context.WithoutCancel(ctx), lastWord)
}

// score writes this node's promotion score. Without a cluster there is none.
func (a *Agent) score(ctx context.Context, value int) error {
	if value == scoring.NegInf {
		// Whatever failed by its deadline must not be promoted right again.
		var cancel context.CancelFunc
		ctx, cancel = a.lastly(ctx)
		defer cancel()
	}
	if a.Request.Action == Monitor && a.Request.Interval > 0 && !a.scored {
		// A monitor writes on change; every other action always.
		shown, ok, err := a.Scores.Shown(ctx, "master-"+a.Request.Resource)
		if err == nil && ok && shown == scoring.FormatScore(value) {
			return nil
		}
	}
	a.scored = true
	if plant.Planted == plant.UnsetScore && value == scoring.NegInf {
		return a.Attributes.Withdraw(ctx, false, "master-"+a.Request.Resource)
	}
	err := a.Scores.SetScore(ctx, value)
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("score: %w", err)
	}
	return nil
}

func (a *Agent) publish(ctx context.Context, what string, p Publication) error {
	text, err := p.Encode()
	if err != nil {
		return err
	}
	if what == attrBallot {
		// Counted only when everybody can see it.
		err = a.Attributes.Publish(ctx, true, a.name(what), text)
	} else {
		err = a.Attributes.Hint(ctx, a.name(what), text)
	}
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("publish the %s: %w", what, err)
	}
	return nil
}

func (a *Agent) withdraw(ctx context.Context, what string) error {
	if plant.Planted == plant.DeadFloor && what == attrPosition {
		return nil
	}
	err := a.Attributes.Withdraw(ctx, true, a.name(what))
	if a.alone(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("withdraw the %s: %w", what, err)
	}
	return nil
}

// status is what crm_mon -A shows. It is public, so each change disturbs the
// cluster once: coarse buckets only, and written only when it changes.
func (a *Agent) status(ctx context.Context, s sight, own Publication, place scoring.Place, why string) error {
	durability := "none"
	if rec := s.record.newest; rec != nil {
		durability = string(rec.Durability)
	}
	words := []string{string(s.role)}
	if s.role == scoring.RolePrimary {
		words = append(words, fmt.Sprintf("epoch %d", s.record.newest.Epoch))
	} else if own.Follows != "" {
		words = append(words, "follows "+own.Follows, "lag "+lagBucket(own.Lag))
	}
	words = append(words, durability)
	reason := why
	if place.Score < 0 {
		reason = place.Reason
	}
	if reason == "" {
		reason = own.Unlinked
	}
	if ill := a.ailment(s.mem); reason == "" && ill != "" {
		reason = degraded + ill
	}
	if reason == "" && own.Asleep != "" {
		reason = well(s) + "; events that do not run: " + own.Asleep
	}
	if reason == "" {
		reason = well(s)
	}
	return errors.Join(
		a.show(ctx, attrStatus, strings.Join(words, ", ")),
		a.show(ctx, attrReason, oneLine(reason, reasonLimit)),
	)
}

func (a *Agent) show(ctx context.Context, what, value string) error {
	if shown, ok, err := a.Scores.Shown(ctx, a.name(what)); err == nil && ok && shown == value {
		return nil
	}
	err := a.Attributes.Publish(ctx, false, a.name(what), value)
	if a.alone(err) {
		return nil
	}
	return err
}

// lagBucket is coarse on purpose.
func lagBucket(lag *time.Duration) string {
	switch {
	case lag == nil:
		return "unknown"
	case *lag < 5*time.Second:
		return "none"
	case *lag < time.Minute:
		return "seconds"
	case *lag < time.Hour:
		return "minutes"
	}
	return "hours"
}

// refusalHolds is PURE: a refusal stands until the node holds what it lacked or
// the record moves; otherwise a constraint and a recomputed score flip for ever.
func refusalHolds(r Refusal, s *sight, now time.Time) bool {
	if r.Until != "" && !r.waits(now) {
		return false
	}
	text := ""
	if rec := s.record.newest; rec != nil {
		if r.Epoch != 0 {
			return r.Epoch == rec.Epoch
		}
		text = rec.String()
	}
	if r.Record != text {
		return false
	}
	lacked, err := gtid.Parse(r.Lacked)
	return err != nil || lacked.Empty() || !s.state.Executed.Contains(lacked)
}
