package datadir

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// mysqlBinlog is a server with MySQL's binary logs.
func mysqlBinlog(t *testing.T, files ...string) *Dir {
	t.Helper()
	d := server(t)
	for _, f := range files {
		d.write(t, f, captured(t, f))
	}
	d.write(t, "bin.index", []byte("./"+strings.Join(files, "\n./")+"\n"))
	return d
}

const (
	mysqlServer = "cbe0b78b-e644-11f1-a81e-02fc00000001"
	mysqlAll    = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300," + mysqlServer + ":1-13:blue:1:red_2:1"
)

func TestBeyondAndCut(t *testing.T) {
	d := mysqlBinlog(t, "mysql-bin-mixed")
	path := filepath.Join(d.layout.Dir, "mysql-bin-mixed")
	if b, err := d.Beyond(mysqlAll + ":14-20"); err != nil || b.Count != 0 || b.Position != "" {
		t.Errorf("others have it all: %+v, %v", b, err)
	}
	// The log's order is 1 to 13, then the others.
	b, err := d.Beyond(mysqlServer + ":1-11")
	if err != nil || b.Stuck != "" || b.Count != 5 || b.File != path ||
		b.Position != "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300,"+mysqlServer+":12-13:blue:1:red_2:1" {
		t.Fatalf("%+v, %v", b, err)
	}
	stuck, err := d.Beyond(mysqlServer + ":1-11:13")
	if err != nil || !strings.Contains(stuck.Stuck, mysqlServer+":13, which others hold, comes after it") {
		t.Errorf("%+v, %v", stuck, err)
	}
	if err := d.Cut(stuck); err == nil {
		t.Error("what is stuck was cut")
	}
	if err := d.Cut(ocf.Beyond{}); err == nil {
		t.Error("nothing was cut")
	}
	if got, err := d.Binlogs(); got != mysqlAll || err != nil {
		t.Fatalf("it was changed: %s, %v", got, err)
	}
	for range 2 {
		if err := d.Cut(b); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Binlogs(); got != mysqlServer+":1-11" || err != nil {
			t.Errorf("left is %s, %v", got, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() != b.Offset {
			t.Errorf("%v, %v", info, err)
		}
	}
}

func TestBeyondInTheLastFile(t *testing.T) {
	const before = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300," + mysqlServer + ":1-14:blue:1:red_2:1"
	d := mysqlBinlog(t, "mysql-bin-mixed", "mysql-bin-nocrc") // the second holds 15
	if b, err := d.Beyond(before); err != nil || b.Stuck != "" || b.Count != 1 || b.Position != mysqlServer+":15" || b.Offset != 327 {
		t.Errorf("%+v, %v", b, err)
	}
	for _, have := range []string{mysqlServer + ":1-14:blue:1:red_2:1", mysqlServer + ":1-15:blue:1:red_2:1"} {
		b, err := d.Beyond(have)
		if err != nil || b.Stuck != "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa:300 is in an earlier file and so committed" {
			t.Errorf("%+v, %v", b, err)
		}
	}
	if _, err := d.Beyond("rubbish"); err == nil {
		t.Error("rubbish was read as a position")
	}
	d.write(t, "mysql-bin-nocrc", []byte("what is this that was written here"))
	if b, err := d.Beyond(mysqlAll); err == nil {
		t.Errorf("a damaged log: %+v", b)
	}
	if b, err := server(t).Beyond(""); err != nil || b.Count != 0 {
		t.Errorf("no log: %+v, %v", b, err)
	}
}

// Lines as MySQL 9.7 wrote them.
func TestRolledBack(t *testing.T) {
	const (
		start  = "2026-11-26T13:41:46.559836Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 9.7.4-2) starting as process 20211\n"
		again  = "2026-11-26T13:42:46.559836Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 9.7.4-2) starting as process 2021\n"
		found  = "2026-11-26T13:41:48.958206Z 0 [Note] [MY-010224] [Server] Found 4 prepared transaction(s) in InnoDB\n"
		none   = "2026-11-26T13:41:48.958089Z 0 [Note] [MY-013911] [Server] Crash recovery finished in binlog engine. No attempts to commit, rollback or prepare any transactions.\n"
		all    = "2026-11-26T13:41:48.985628Z 0 [Note] [MY-013911] [Server] Crash recovery finished in InnoDB engine. Successfully rolled back 4 internal transaction(s). \n"
		some   = "2026-11-26T13:42:01.441129Z 0 [Note] [MY-013911] [Server] Crash recovery finished in InnoDB engine. Successfully committed 2, rolled back 3 internal transaction(s). \n"
		commit = "2026-11-26T13:41:44.142821Z 0 [Note] [MY-013911] [Server] Crash recovery finished in InnoDB engine. Successfully committed 4 internal transaction(s). \n"
		number = "2026-11-26T13:41:48.985628Z 0 [Note] Successfully rolled back 99999999999999999999 internal transaction(s)\n"
	)
	for name, c := range map[string]struct {
		log  string
		want int
	}{
		"all":                        {start + found + none + all, 4},
		"some":                       {start + found + none + some, 3},
		"none":                       {start + found + none + commit, 0},
		"says nothing":               {start, 0},
		"another start's":            {again + all, 0},
		"another start's, before":    {again + all + start + some, 3},
		"another start's, after":     {start + all + again + some, 0},
		"the start is not there":     {all, 0},
		"an empty log":               {"", 0},
		"a number that is none":      {start + number, -1},
		"without an end of the line": {strings.TrimSpace(start + all), 4},
	} {
		path := filepath.Join(t.TempDir(), "error.log")
		if err := os.WriteFile(path, []byte(c.log), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := server(t).RolledBack(path, 20211)
		if diff := cmp.Diff(max(c.want, 0), got); diff != "" || (err != nil) != (c.want < 0) {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
	if n, err := server(t).RolledBack("/nowhere/at/all", 1); err == nil {
		t.Errorf("no log says %d", n)
	}
}
