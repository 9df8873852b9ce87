package datadir

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Two log files of any content, and any position: what is found in them lies in
// them, and what was cut off is not found again.
func FuzzLogs(f *testing.F) {
	for _, seed := range [][3]string{
		{"mariadb-bin-mixed", "mariadb-bin-next", "0-3-9"},
		{"mariadb-split-2", "mariadb-split-4", "0-3-1"},
		{"mysql-bin-mixed", "mysql-bin-nocrc", mysqlServer + ":1-11"},
		{"mysql-relay-mixed", "mysql-relay-next", mysqlAll},
		{"mysql-bin-nocrc", "mysql-bin-mixed", mysqlServer + ":1-11"},
		{"mysql-bin-nocrc", "mysql-bin-mixed", mysqlServer + ":1-11:13"},
	} {
		f.Add(captured(f, seed[0]), captured(f, seed[1]), seed[2])
		f.Add(captured(f, seed[0]), append(captured(f, seed[1]), make([]byte, 99)...), seed[2])
	}
	d := server(f)
	d.write(f, "bin.index", []byte("./log.1\n./log.2\n"))
	d.write(f, "relay-bin.index", []byte("./log.1\n./log.2\n"))
	f.Fuzz(func(t *testing.T, first, second []byte, have string) {
		d.write(t, "log.1", first)
		d.write(t, "log.2", second)
		sizes := map[string]int{"log.1": len(first), "log.2": len(second)}
		inside := func(path string, offset int64) bool {
			return offset >= 4 && offset < int64(sizes[filepath.Base(path)])
		}
		if r, err := d.Relay(have); err == nil {
			received, err := gtid.Parse(r.Received)
			if err != nil || r.File != "" && (received.Empty() || !inside(r.File, r.Offset)) {
				t.Errorf("%+v, %v", r, err)
			}
		}
		before, err := d.Binlogs()
		if _, bad := gtid.Parse(before); bad != nil || err != nil && before != "" {
			t.Errorf("%q, %v, %v", before, err, bad)
		}
		b, err := d.Beyond(have)
		if err != nil {
			if b.Count != 0 || b.Stuck != "" || b.Position != "" {
				t.Errorf("%+v, %v", b, err)
			}
			return
		}
		if b.Count < 0 || b.Count > 0 != (b.Position != "") || b.Count > 0 && (filepath.Base(b.File) != "log.2" || !inside(b.File, b.Offset)) {
			t.Fatalf("%+v", b)
		}
		if err := d.Cut(b); (err == nil) != (b.Count > 0 && b.Stuck == "") {
			t.Fatalf("cut %+v: %v", b, err)
		} else if err != nil {
			return
		}
		if left, err := d.Beyond(have); err != nil || left.Count != 0 || left.Stuck != "" {
			t.Errorf("after the cut of %+v: %+v, %v", b, left, err)
		}
	})
}

// The other texts of a data directory: an error log, a data id.
func FuzzWords(f *testing.F) {
	const start = "2026-11-26T03:12:45.000000Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 9.7.4-2) starting as process %d\n"
	const undone = "2026-11-26T03:12:46.000000Z 0 [Warning] [MY-014061] [Server] Crash recovery rolled back %s internal transaction(s).\n"
	f.Add(fmt.Sprintf(start+undone, 7, "3"), 7)
	f.Add(fmt.Sprintf(start+undone+start+undone+undone, 6, "9", 7, "1", "2"), 7)
	f.Add(fmt.Sprintf(start+undone+undone, 7, "9223372036854775807", "1"), 7)
	f.Add("0a1b2c3d\n", 0)
	f.Add(" 0A1B2C3D", -1)
	f.Add("\xff\n\n starting as process 1 .\r\n", 1)
	d := server(f)
	log := filepath.Join(d.layout.Dir, "error.log")
	f.Fuzz(func(t *testing.T, text string, pid int) {
		d.write(t, "error.log", []byte(text))
		n, err := d.RolledBack(log, pid)
		if n < 0 || n > 0 && (err != nil || !strings.Contains(text, fmt.Sprintf("starting as process %d", pid))) {
			t.Errorf("%d, %v", n, err)
		}
		d.write(t, idFile, []byte(text))
		id, err := d.ID()
		if raw, bad := hex.DecodeString(id); err == nil && (bad != nil || len(raw) != 4) || err != nil && id != "" {
			t.Fatalf("%q, %v", id, err)
		}
		if left, bad := os.ReadFile(filepath.Join(d.layout.Dir, idFile)); bad != nil || string(left) != text {
			t.Errorf("%q was replaced by %q, %v", text, left, bad)
		}
		if err != nil {
			return
		}
		d.write(t, idFile, []byte(id+"\n"))
		if again, err := d.ID(); again != id || err != nil {
			t.Errorf("%q, then %q, %v", id, again, err)
		}
	})
}
