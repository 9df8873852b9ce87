package datadir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/binlog"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// logs reads an index: the names as they stand there. No index is no logs.
func (d *Dir) logs(base string) ([]string, error) {
	f, err := os.Open(d.index(base))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // read only
	return binlog.ParseIndex(f)
}

// walk reads the logs of an index as one series: a relay log may be rotated in
// the middle of a transaction. fn also gets the number of the log.
func (d *Dir) walk(names []string, fn func(i int, t binlog.Transaction) error) (first binlog.File, err error) {
	var s binlog.Series
	for i, name := range names {
		f, err := os.Open(d.path(name))
		if err != nil {
			return first, err
		}
		file, err := s.Walk(f, func(t binlog.Transaction) error { return fn(i, t) })
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if i == 0 {
			first = file
		}
		if err != nil && i == len(names)-1 && errors.Is(err, binlog.ErrFormat) {
			// A power loss can leave a tail of zeros in the last file. What was read
			// before it counts; it is at least what had been synced.
			return first, nil
		}
		if err != nil {
			return first, fmt.Errorf("%s: %w", name, err)
		}
	}
	return first, nil
}

// Relay reads the relay log. In a domain transactions come in the order of their
// sequence numbers (gtid_strict_mode), so one at or below the highest executed is
// executed, whichever server wrote it.
func (d *Dir) Relay(executed string) (ocf.Relay, error) {
	var r ocf.Relay
	done, err := gtid.ParseMariaDB(executed)
	if err != nil {
		return r, fmt.Errorf("relay log: %w", err)
	}
	names, err := d.logs(d.layout.RelayLog)
	if err != nil {
		return r, fmt.Errorf("relay log: %w", err)
	}
	var received []gtid.Entry
	_, err = d.walk(names, func(i int, t binlog.Transaction) error {
		if !t.Complete || t.GTID == "" {
			return nil
		}
		set, err := gtid.ParseMariaDB(t.GTID)
		if err != nil {
			return err
		}
		for _, e := range set.Entries() {
			received = append(received, e)
			if r.File == "" && e.Seq > done.MaxSeq(e.Domain) {
				// The server puts its relay log's directory before the name.
				r.File, r.Offset = filepath.Base(names[i-t.Earlier]), t.Offset
			}
		}
		return nil
	})
	if err != nil {
		return ocf.Relay{}, fmt.Errorf("relay log: %w", err)
	}
	r.Received = gtid.FromEntries(received).String()
	return r, nil
}

// Binlogs reads the binary logs: everything in them, also what a crash left
// unfinished, since its sequence numbers are used, too.
func (d *Dir) Binlogs() (string, error) {
	names, err := d.logs(d.layout.BinaryLog)
	if err != nil {
		return "", fmt.Errorf("binary logs: %w", err)
	}
	var all []gtid.Entry
	first, err := d.walk(names, func(_ int, t binlog.Transaction) error {
		set, err := gtid.ParseMariaDB(t.GTID)
		all = append(all, set.Entries()...)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("binary logs: %w", err)
	}
	before, err := gtid.ParseMariaDB(first.Start)
	if err != nil {
		return "", fmt.Errorf("binary logs: %w", err)
	}
	return gtid.FromEntries(append(all, before.Entries()...)).String(), nil
}
