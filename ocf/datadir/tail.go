package datadir

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/mysql-ha/mysql-ha/ocf"
	"github.com/mysql-ha/mysql-ha/replication/binlog"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Beyond reads MySQL's binary log for what it holds beyond have. Only what lies at
// the end of the last file can be cut off: the server opens no other while a
// transaction is prepared, so what is in an earlier one is committed. Of those the
// last one's beginning tells.
func (d *Dir) Beyond(have string) (ocf.Beyond, error) {
	b, err := d.beyond(have)
	if err != nil {
		return ocf.Beyond{}, fmt.Errorf("read the binary logs: %w", err)
	}
	return b, nil
}

func (d *Dir) beyond(have string) (b ocf.Beyond, err error) {
	held, err := gtid.Parse(have)
	if err != nil {
		return b, err
	}
	l, err := d.open(d.layout.BinaryLog)
	if err != nil || len(l.files) == 0 {
		return b, err
	}
	l.files = l.files[len(l.files)-1:]
	var all gtid.Set
	last, err := l.walk(func(_ int, t binlog.Transaction) error {
		if !t.Complete {
			return nil // the server cuts it off by itself
		}
		one, err := parse(t)
		if err != nil {
			return err
		}
		if held.Contains(one) {
			if b.Count > 0 {
				b.Stuck = t.GTID + ", which others hold, comes after it"
			}
			return nil
		}
		if b.Count == 0 {
			b.File, b.Offset = l.files[0], t.Offset
		}
		b.Count++
		all, err = all.Union(one)
		return err
	})
	if err != nil {
		return ocf.Beyond{}, err
	}
	before, err := gtid.Parse(last.Start)
	if err != nil {
		return ocf.Beyond{}, err
	}
	if earlier := before.Subtract(held); !earlier.Empty() {
		b.Stuck = earlier.String() + " is in an earlier file and so committed"
	}
	b.Position = all.String()
	return b, nil
}

// Cut ends the file before the first transaction of b, and syncs.
func (d *Dir) Cut(b ocf.Beyond) error {
	if b.Stuck != "" || b.Count == 0 {
		return errors.New("cut the binary log: there is nothing that can be cut off")
	}
	f, err := os.OpenFile(b.File, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("cut the binary log: %w", err)
	}
	err = f.Truncate(b.Offset)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("cut the binary log: %w", err)
	}
	return syncDir(filepath.Dir(b.File))
}

// logEnd is how much of an error log's end is read: a start is near it.
const logEnd = 16 << 20

var rolledBack = regexp.MustCompile(`rolled back (\d+) internal transaction`)

// RolledBack reads how many transactions the start of process pid rolled back, in
// MySQL's own words; 0 where it does not say.
func (d *Dir) RolledBack(log string, pid int) (int, error) {
	f, err := os.Open(log)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	if _, err := f.Seek(max(0, info.Size()-logEnd), io.SeekStart); err != nil {
		return 0, err
	}
	began := fmt.Sprintf(" starting as process %d", pid)
	here, n := false, 0
	lines := bufio.NewReader(f)
	for {
		line, err := lines.ReadString('\n')
		if strings.Contains(line, " starting as process ") {
			here, n = strings.HasSuffix(strings.TrimRight(line, " .\r\n"), began), 0
		} else if m := rolledBack.FindStringSubmatch(line); here && m != nil {
			more, err := strconv.ParseInt(m[1], 10, 32) // more would not be a count, and the sum could turn negative
			if err != nil {
				return 0, err
			}
			n += int(more)
		}
		if errors.Is(err, io.EOF) {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
