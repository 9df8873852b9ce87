package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/tests/bench"
)

// StartWriters writes through the virtual IP from the client's namespace, and
// to every node from the node's own, so that a node that is cut off is watched, too.
func (s *Story) StartWriters(ctx context.Context) error {
	if s.running != nil {
		return errors.New("writers run already")
	}
	primary, err := s.Resolve(ctx, "primary")
	if err != nil {
		return err
	}
	schema := bench.Schema(benchUser, benchPassword)
	if len(s.done) == 0 {
		for _, table := range []string{bench.WriterRows, bench.ProbeRows} {
			schema += fmt.Sprintf("TRUNCATE %s.%s;", bench.Database, table)
		}
	}
	if _, err := s.SQL(ctx, primary, schema); err != nil {
		return err
	}
	cfg := bench.Config{
		User: benchUser, Password: benchPassword,
		Service: bench.Target{Name: "service", Addr: net.JoinHostPort(s.Address(), fmt.Sprint(BasePort)), Dial: DialFrom(clientNS)},
	}
	for _, nd := range s.Nodes {
		cfg.Nodes = append(cfg.Nodes, bench.Target{Name: nd.Name, Addr: fmt.Sprintf("%s:%d", nd.IP, BasePort), Dial: DialFrom(nd.Name)})
	}
	m := bench.Start(cfg)
	s.running = m
	return poll(ctx, 15*time.Second, 50*time.Millisecond, func(context.Context) error {
		if n := m.Count(); n < 50 {
			_, err := m.Last()
			return fmt.Errorf("writers start: %d rows acknowledged, last error: %w", n, orNil(err))
		}
		return nil
	})
}

// StopWriters ends the meter and keeps its report.
func (s *Story) StopWriters() {
	if s.running == nil {
		return
	}
	s.done = append(s.done, s.running.Stop())
	s.running = nil
}

// AwaitWrites waits until rows are acknowledged through the virtual IP again.
func (s *Story) AwaitWrites(ctx context.Context, timeout time.Duration) error {
	if s.running == nil {
		return errors.New("no writers run")
	}
	start := time.Now()
	return poll(ctx, timeout, 50*time.Millisecond, func(context.Context) error {
		if last, err := s.running.Last(); !last.At.After(start) {
			return fmt.Errorf("no row acknowledged since %s, last error: %w", last.At.UTC().Format("15:04:05.000"), orNil(err))
		}
		return nil
	})
}

// Meter is the running meter, nil without one.
func (s *Story) Meter() *bench.Meter { return s.running }

// Report joins what all meters of the story saw.
func (s *Story) Report() *bench.Report {
	rs := s.done
	if s.running != nil {
		rs = append(rs[:len(rs):len(rs)], s.running.Report())
	}
	return bench.Merge(rs...)
}

// Verify stops the writers and demands: every acknowledged row on every node
// with power exactly once, the same rows everywhere, and never two nodes that
// acknowledged during the same time. Replicas get the timeout to catch up.
func (s *Story) Verify(ctx context.Context, timeout time.Duration) error {
	s.StopWriters()
	r := s.Report()
	if len(r.Acks) == 0 {
		return errors.New("verify: nothing was ever acknowledged: start writers first")
	}
	if two := r.Overlaps(); len(two) > 0 {
		return fmt.Errorf("two nodes acknowledged at once, %d times: %s", len(two), two[0])
	}
	return poll(ctx, timeout, time.Second, func(ctx context.Context) error {
		var errs []error
		for _, table := range []string{bench.WriterRows, bench.ProbeRows} {
			nodes := map[string][]bench.Row{}
			for _, node := range s.On() {
				out, err := s.SQL(ctx, node, bench.RowsQuery(table))
				if err != nil {
					return err
				}
				if nodes[node], err = bench.ParseRows(out); err != nil {
					return err
				}
			}
			errs = append(errs, r.Check(table, nodes))
		}
		return errors.Join(errs...)
	})
}

// Outage reports the gaps and fails above the maximum.
func (s *Story) Outage(limit time.Duration) (string, error) {
	r := s.Report()
	text := strings.TrimSpace(r.String())
	if g := bench.Longest(r.Gaps(300 * time.Millisecond)); g.Length > limit {
		return text, fmt.Errorf("no writes for %s, more than %v", g, limit)
	}
	return text, nil
}
