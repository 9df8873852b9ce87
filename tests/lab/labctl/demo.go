package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/tests/bench"
	"github.com/mysql-ha/mysql-ha/tests/lab"
)

// demo shows two failovers as they happen, and takes the cluster down again.
func demo(ctx context.Context, args []string) (err error) {
	sys, err := parse(flag.NewFlagSet("demo", flag.ContinueOnError), args)
	if err != nil {
		return err
	}
	lockCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	unlock, err := lab.Lock(lockCtx)
	if err != nil {
		return err
	}
	defer unlock()
	logf := progress()
	defer func() {
		logf("taking the cluster down")
		err = errors.Join(err, lab.Down(ctx, logf))
	}()
	logf("booting three nodes with Corosync, Pacemaker and the server: %s", sys)
	l, err := lab.Up(ctx, 3, sys, logf)
	if err != nil {
		return err
	}
	s := &lab.Story{Lab: l}
	logf("installing mysql-ha and configuring ocf:mysql-ha:mysql on stock servers with empty data")
	if err := l.Install(ctx); err != nil {
		return err
	}
	if err := s.Load(ctx); err != nil {
		return err
	}
	if err := l.AwaitHealthy(ctx, 120*time.Second); err != nil {
		return err
	}
	primary, err := s.Resolve(ctx, "primary")
	if err != nil {
		return err
	}
	logf("%s is the primary and holds %s; the others follow", primary, lab.VirtualIP)
	acts := []struct {
		what string
		do   func(context.Context, string) error
		mend func(context.Context, string) error
	}{
		{"SIGKILL to mysqld on", s.KillMysqld, func(context.Context, string) error { return nil }},
		{"loss of power of", s.PowerOff, s.PowerOn},
	}
	for _, act := range acts {
		s.StopWriters()
		if err := s.StartWriters(ctx); err != nil {
			return err
		}
		if err := watch(ctx, s, logf, 3*time.Second, nil); err != nil {
			return err
		}
		old, err := s.Resolve(ctx, "primary")
		if err != nil {
			return err
		}
		logf(">>> %s %s", act.what, old)
		if err := act.do(ctx, old); err != nil {
			return err
		}
		moved := func(a bench.Ack) bool { return a.Node != old }
		if err := watch(ctx, s, logf, 60*time.Second, moved); err != nil {
			return err
		}
		if err := why(ctx, s, logf); err != nil {
			return err
		}
		if err := watch(ctx, s, logf, 2*time.Second, nil); err != nil {
			return err
		}
		if err := act.mend(ctx, old); err != nil {
			return err
		}
		if err := l.AwaitHealthy(ctx, 120*time.Second); err != nil {
			return err
		}
		logf("%s is back and follows", old)
	}
	verdict := s.Verify(ctx, 60*time.Second)
	for line := range strings.Lines(s.Report().String()) {
		logf("%s", strings.TrimSpace(line))
	}
	if verdict == nil {
		logf("0 acknowledged rows lost; the three nodes hold the same rows; never two nodes acknowledged at once")
	}
	return verdict
}

// watch prints a line about the writes twice a second, until done agrees to an
// acknowledged row, or the time is over (an error only when done was to agree).
func watch(ctx context.Context, s *lab.Story, logf func(string, ...any), d time.Duration, done func(bench.Ack) bool) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	start, before, said := time.Now(), s.Meter().Count(), time.Now()
	for time.Since(start) < d {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		last, err := s.Meter().Last()
		if done != nil && err == nil && last.At.After(start) && done(last) {
			logf("writes go on through %s", last.Node)
			return nil
		}
		if time.Since(said) < 500*time.Millisecond {
			continue
		}
		n := s.Meter().Count()
		switch {
		case n > before:
			logf("%4d rows/s through %s", int(float64(n-before)/time.Since(said).Seconds()), last.Node)
		case err == nil:
			logf("  no writes (no answer yet)")
		default:
			logf("  no writes (%v)", err)
		}
		before, said = n, time.Now()
	}
	if done != nil {
		return fmt.Errorf("nobody took over within %v", d)
	}
	return nil
}

// why prints the ranking as the new primary sees it.
func why(ctx context.Context, s *lab.Story, logf func(string, ...any)) error {
	name, err := s.Resolve(ctx, "primary")
	if err != nil {
		return err
	}
	out, _, err := s.Exec(ctx, name, "mysql-ha", "score", "--resource", "db")
	if err != nil {
		logf("(no ranking: %v)", err)
		return nil
	}
	for line := range strings.Lines(out) {
		logf("  %s", strings.TrimRight(line, "\n"))
	}
	return nil
}
