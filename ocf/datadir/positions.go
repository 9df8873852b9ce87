package datadir

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/binlog"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Relay reads the relay log. File is a bare name, as CHANGE MASTER takes it.
func (d *Dir) Relay(executed string) (ocf.Relay, error) {
	r, err := d.relay(executed)
	if err != nil {
		return ocf.Relay{}, fmt.Errorf("read the relay log: %w", err)
	}
	return r, nil
}

func (d *Dir) relay(executed string) (r ocf.Relay, err error) {
	done, err := gtid.Parse(executed)
	if err != nil {
		return r, err
	}
	l, err := d.open(d.layout.RelayLog)
	if err != nil {
		return r, err
	}
	var received gtid.Set
	_, err = l.walk(func(i int, t binlog.Transaction) error {
		if !t.Complete {
			return nil // never acknowledged
		}
		one, err := parse(t)
		if err != nil {
			return err
		}
		if received, err = received.Union(one); err != nil {
			return err
		}
		if r.File == "" && !isExecuted(done, one) {
			r.File, r.Offset = filepath.Base(l.files[i-t.Earlier]), t.Offset
		}
		return nil
	})
	r.Received = received.String()
	if errors.Is(err, binlog.ErrChecksum) || errors.Is(err, binlog.ErrFormat) {
		r.Damaged, err = err.Error(), nil
	}
	return r, err
}

// isExecuted tells whether the transaction is done. With MariaDB transactions of a
// domain come in the order of their sequence numbers (gtid_strict_mode), so one at
// or below the highest executed is, whichever server wrote it: a position names
// only the last one of each domain.
func isExecuted(done, one gtid.Set) bool {
	for _, e := range one.Entries() {
		return e.Seq <= done.MaxSeq(e.Domain)
	}
	return done.Contains(one)
}

// Binlogs reads the binary logs: everything in them, also what a crash left
// unfinished, since its GTIDs are used, too, and what their oldest one says that
// the purged ones held.
func (d *Dir) Binlogs() (position string, err error) {
	all, err := d.binlogs()
	if err != nil {
		return "", fmt.Errorf("read the binary logs: %w", err)
	}
	return all.String(), nil
}

func (d *Dir) binlogs() (all gtid.Set, err error) {
	l, err := d.open(d.layout.BinaryLog)
	if err != nil {
		return all, err
	}
	first, err := l.walk(func(_ int, t binlog.Transaction) error {
		if t.GTID == "" {
			return nil // MySQL before GTIDs were switched on: nobody has a name for it
		}
		one, err := parse(t)
		if err == nil {
			all, err = all.Union(one)
		}
		return err
	})
	if err != nil {
		return gtid.Set{}, err
	}
	before, err := gtid.Parse(first.Start)
	if err != nil {
		return gtid.Set{}, err
	}
	return all.Union(before)
}

func parse(t binlog.Transaction) (gtid.Set, error) {
	if t.GTID == "" {
		return gtid.Set{}, errors.New("a transaction without a GTID")
	}
	return gtid.Parse(t.GTID)
}
