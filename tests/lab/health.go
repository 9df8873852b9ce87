package lab

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// AwaitPrimary waits until a quorate node sees exactly one primary that accept
// agrees to, and that primary accepts writes. It returns its name.
func (l *Lab) AwaitPrimary(ctx context.Context, timeout time.Duration, accept func(node string) error) (string, error) {
	var primary string
	err := poll(ctx, timeout, 100*time.Millisecond, func(ctx context.Context) error {
		s, err := l.QuorateStatus(ctx)
		if err != nil {
			return err
		}
		if len(s.Promoted) != 1 {
			return fmt.Errorf("promoted: %v", s.Promoted)
		}
		primary = s.Promoted[0]
		if err := accept(primary); err != nil {
			return err
		}
		ro, err := l.SQL(ctx, primary, "SELECT @@read_only")
		if err == nil && ro != "0" {
			err = fmt.Errorf("%s is promoted but read-only", primary)
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("await primary: %w", err)
	}
	return primary, nil
}

// AwaitHealthy waits for the state in which nothing is left to do: one primary
// that holds the virtual IP, everybody else following it, nothing failed.
func (l *Lab) AwaitHealthy(ctx context.Context, timeout time.Duration) error {
	err := poll(ctx, timeout, 300*time.Millisecond, l.healthy)
	if err != nil {
		return fmt.Errorf("await healthy: %w", err)
	}
	return nil
}

func (l *Lab) healthy(ctx context.Context) error {
	s, err := l.QuorateStatus(ctx)
	if err != nil {
		return err
	}
	if len(s.Trouble) > 0 {
		return errors.New(strings.Join(s.Trouble, "; "))
	}
	if len(s.Promoted) != 1 {
		return fmt.Errorf("promoted: %v, unpromoted: %v", s.Promoted, s.Unpromoted)
	}
	primary := s.Promoted[0]
	var want []string
	for _, node := range l.On() {
		if node != primary && !slices.Contains(s.Standby, node) {
			want = append(want, node)
		}
	}
	if !slices.Equal(s.Unpromoted, want) {
		return fmt.Errorf("%s is promoted; unpromoted: %v, want %v", primary, s.Unpromoted, want)
	}
	for _, node := range l.On() {
		held, err := l.HoldsAddress(ctx, node)
		if err != nil {
			return err
		}
		if held != (node == primary) {
			return fmt.Errorf("%s is promoted; %s holds the virtual IP: %v", primary, node, held)
		}
	}
	if ro, err := l.SQL(ctx, primary, "SELECT @@read_only"); err != nil || ro != "0" {
		return fmt.Errorf("primary %s: read_only=%q: %w", primary, ro, orNil(err))
	}
	for _, node := range want {
		if err := l.follows(ctx, node, primary); err != nil {
			return fmt.Errorf("replica %s: %w", node, err)
		}
	}
	return nil
}

var errState = errors.New("not as it should be")

func orNil(err error) error {
	if err == nil {
		return errState
	}
	return err
}

// follows checks that node is read-only and both its threads run from primary.
func (l *Lab) follows(ctx context.Context, node, primary string) error {
	ro, err := l.SQL(ctx, node, "SELECT @@read_only")
	if err != nil {
		return err
	}
	if ro == "0" {
		return errors.New("it is writable")
	}
	threads, err := l.ReplicaStatus(ctx, node)
	if err != nil {
		return err
	}
	if len(threads) != 1 {
		return fmt.Errorf("it has %d replication connections", len(threads))
	}
	nd, err := l.Node(primary)
	if err != nil {
		return err
	}
	t, f := threads[0], l.System.facts()
	if host := t[f.source]; host != nd.Name && host != nd.IP {
		return fmt.Errorf("it follows %q, not %s", host, primary)
	}
	if t[f.receiver] != "Yes" || t[f.applier] != "Yes" {
		return fmt.Errorf("threads: receiver %s %q, applier %s %q", t[f.receiver], t[f.receiverError], t[f.applier], t[f.applierError])
	}
	return nil
}

// ReplicaStatus is the status of every replication connection, by the flavour's
// own column names.
func (l *Lab) ReplicaStatus(ctx context.Context, node string) ([]map[string]string, error) {
	out, _, err := l.Exec(ctx, node, client("-E", "-e", l.System.facts().replicas)...)
	if err != nil {
		return nil, err
	}
	var all []map[string]string
	for _, line := range lines(out) {
		if strings.HasPrefix(line, "****") {
			all = append(all, map[string]string{})
			continue
		}
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && len(all) > 0 {
			all[len(all)-1][name] = strings.TrimSpace(value)
		}
	}
	return all, nil
}
