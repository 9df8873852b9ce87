package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
)

// accountDir is what lies over everything: a data directory that was used once, to
// make the agent's account.
func (s System) accountDir() string {
	return filepath.Join(cacheDir, "account-"+s.Flavour+"-"+s.Suite)
}

// ensureAccount does what an operator does on each node before the cluster is
// started: it has the server run what `mysql-ha grants` prints.
func (l *Lab) ensureAccount(ctx context.Context, below string) error {
	src, err := moduleRoot()
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", labName)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// Another lab may build from the same tree.
	binary := filepath.Join(dir, "mysql-ha")
	if err := host(ctx, "make", "-C", src, "--no-print-directory", "build", "BIN="+binary); err != nil {
		return err
	}
	credentials := filepath.Join(dir, "credentials")
	if err := os.WriteFile(credentials, []byte(l.System.admin()), 0o600); err != nil {
		return err
	}
	grants, _, err := run(ctx, os.Environ(), binary, "grants",
		"--flavour", l.System.Flavour, "--credentials", credentials)
	if err != nil {
		return err
	}
	key := hashed(below + " " + grants + " " + accountScript)
	_, err = cached(ctx, l.System.accountDir(), key, func(ctx context.Context, tmp string) error {
		return l.accountLayer(ctx, tmp, grants)
	})
	return err
}

// accountScript runs $1 as the server and has it execute /tmp/grants.sql. The other
// arguments are a client. Nothing of the server's identity stays.
const accountScript = `server=$1; shift
install -d -o mysql -g mysql /run/mysqld
"$server" --user=mysql --skip-networking --skip-log-bin >/tmp/server.log 2>&1 &
trap 'kill $! 2>/dev/null && wait || true' EXIT
n=0
until "$@" -e 'SELECT 1' >/dev/null 2>&1; do
  n=$((n + 1)); test $n -lt 150 || { cat /tmp/server.log >&2; exit 1; }; sleep 0.2
done
"$@" </tmp/grants.sql
"$@" -e SHUTDOWN
wait
rm -rf /tmp/grants.sql /tmp/server.log /run/mysqld /var/lib/mysql/auto.cnf /var/log/mysql/error.log`

func (l *Lab) accountLayer(ctx context.Context, tmp, grants string) (err error) {
	l.logf("making the agent's account for %s (once)", l.System)
	if err := overlay(ctx, tmp, l.System.below()...); err != nil {
		return err
	}
	root := filepath.Join(tmp, "root")
	defer func() { err = errors.Join(err, host(context.WithoutCancel(ctx), "umount", root)) }()
	if err := writeFile(filepath.Join(root, "tmp/grants.sql"), grants, 0o600); err != nil {
		return err
	}
	argv := append([]string{"chroot", root, "sh", "-ec", accountScript, "account", l.System.facts().binary}, client()...)
	return host(ctx, argv...)
}

// newAccountScript runs the server $1 on the data directory $2, and has it execute what
// the agent prints for flavour $3.
const newAccountScript = `socket=/run/mysqld/new-account.sock
"$1" --user=mysql --datadir="$2" --socket=$socket --pid-file=/run/mysqld/new-account.pid \
  --skip-networking --skip-log-bin >/run/new-account.log 2>&1 &
trap 'kill $! 2>/dev/null && wait || true' EXIT
client="mariadb --no-defaults -uroot -S$socket"
n=0
until $client -e 'SELECT 1' >/dev/null 2>&1; do
  n=$((n + 1)); test $n -lt 150 || { cat /run/new-account.log >&2; exit 1; }; sleep 0.2
done
mysql-ha grants --flavour "$3" --credentials /etc/mysql-ha/credentials | $client
$client -e SHUTDOWN
wait
rm -f "$2/auto.cnf" /run/new-account.log`

// MakeAccount does the same on a node, for another data directory.
func (l *Lab) MakeAccount(ctx context.Context, node, datadir string) error {
	_, _, err := l.Exec(ctx, node, "sh", "-ec", newAccountScript, "account", l.System.facts().binary, datadir, l.System.Flavour)
	return err
}
