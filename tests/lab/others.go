package lab

import (
	"context"
	"fmt"
	"path/filepath"
	"time"
)

// Others has the distribution's own servers run on all nodes as an administrator
// would: configured by hand, started at boot by systemd, or now by mysqld_safe.
// The second and the third node follow the first, by GTIDs, and are read-only there.
func (s *Story) Others(ctx context.Context, safe bool) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	f := s.System.facts()
	start := []string{"sh", "-ec", `systemctl unmask "$1"; systemctl enable --now "$1"`, "start", f.unit}
	if safe {
		start = []string{"sh", "-ec", `install -d -o mysql -g mysql /run/mysqld; setsid "$1" </dev/null >/dev/null 2>&1 &`, "start", f.safe}
	}
	err := s.each(ctx, func(ctx context.Context, nd Node) error {
		text := fmt.Sprintf("[mysqld]\nbind-address = *\nserver_id = %d\nlog_bin = mysql-bin\nrelay_log = mysql-relay\n%s", nd.ID, f.admin)
		const add = `mkdir -p "$(dirname "$1")"; printf '%s' "$2" >>"$1"`
		if _, _, err := s.Exec(ctx, nd.Name, "sh", "-ec", add, "add", f.adminFile, text); err != nil {
			return err
		}
		if _, _, err := s.Exec(ctx, nd.Name, start...); err != nil {
			return err
		}
		return s.AwaitSQL(ctx, nd.Name, "SELECT 1", "1", time.Minute)
	})
	if err != nil {
		return err
	}
	source := s.Nodes[0].Name
	const account = "CREATE USER follower@'%' IDENTIFIED BY 'follower'; GRANT REPLICATION SLAVE ON *.* TO follower@'%'"
	if _, err := s.SQL(ctx, source, account); err != nil {
		return err
	}
	for _, nd := range s.Nodes[1:] {
		if _, err := s.SQL(ctx, nd.Name, fmt.Sprintf(f.follow, source, "follower", "follower")+"; SET GLOBAL read_only = 1"); err != nil {
			return err
		}
	}
	return s.AwaitEqual(ctx, time.Minute)
}

// nameServer has MySQL's process run a program called mysqld, as it does anywhere
// but here, where it is the loader that comes with it: that is how the agent knows a
// server that somebody else has started.
func (l *Lab) nameServer(ctx context.Context, nd Node) error {
	if l.System.Flavour != MySQL {
		return nil
	}
	const script = `mkdir "$1/usr/libexec"
cp "$1/usr/lib64/ld-linux-x86-64.so.2" "$1/usr/libexec/mysqld"
sed -i 's,usr/lib64/ld-linux-x86-64.so.2,usr/libexec/mysqld,' "$1/usr/sbin/mysqld"
grep -q usr/libexec/mysqld "$1/usr/sbin/mysqld"`
	return host(ctx, "sh", "-ec", script, "name", filepath.Join(nd.root(), "opt/mysql"))
}
