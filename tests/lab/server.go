package lab

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// ServerPID is the process of a node's database server, as the node counts: the oldest,
// since the agent asks the binary itself for its options now and then.
func (l *Lab) ServerPID(ctx context.Context, node string) (string, error) {
	out, _, err := l.Exec(ctx, node, append([]string{"pgrep", "--oldest"}, l.System.facts().process...)...)
	if err != nil {
		return "", fmt.Errorf("no server: %w", err)
	}
	return strings.TrimSpace(out), nil
}

// AwaitStopped waits until no database server runs on the node, and no stop of the
// agent: what was started there by hand meanwhile would be one that it has not ended.
func (l *Lab) AwaitStopped(ctx context.Context, node string, timeout time.Duration) error {
	return poll(ctx, timeout, 200*time.Millisecond, func(ctx context.Context) error {
		if pid, err := l.ServerPID(ctx, node); err == nil {
			return fmt.Errorf("the server still runs: %s", pid)
		}
		if _, _, err := l.Exec(ctx, node, "pgrep", "-f", "/mysql-ha/mysql stop"); err == nil {
			return errors.New("the agent's stop has not ended")
		}
		return ctx.Err() // what could not be asked is not known
	})
}

// KillMysqld sends SIGKILL to the database server of a node.
func (s *Story) KillMysqld(ctx context.Context, node string) error {
	_, _, err := s.Exec(ctx, node, append([]string{"pkill", "-KILL"}, s.System.facts().process...)...)
	return err
}

// KillStarting does the same as soon as there is one: an action that starts it may
// need longer for that than the story thought.
func (s *Story) KillStarting(ctx context.Context, node string) error {
	return poll(ctx, 10*time.Second, 20*time.Millisecond, func(ctx context.Context) error {
		// The unit's, not the one that the agent asks for its options before.
		_, _, err := s.Exec(ctx, node, "systemctl", "kill", "--kill-whom=main", "--signal=KILL", "mysql-ha-"+resourceID+".service")
		return err
	})
}

// StopApplier lets a replica receive but not apply.
func (s *Story) StopApplier(ctx context.Context, node string) error {
	_, err := s.SQL(ctx, node, s.System.facts().stopApplier)
	return err
}

// Client runs statements in the background, for a minute at most, and returns
// half a second later: they may wait for what does not come.
func (s *Story) Client(ctx context.Context, node, stmt string) error {
	argv := append([]string{"sh", "-c", `timeout 60 "$@" >/dev/null 2>&1 & sleep 0.5`, "client"}, client("-e", stmt)...)
	_, _, err := s.Exec(ctx, node, argv...)
	return err
}

// Writable waits until a node accepts writes, or until it does not.
func (s *Story) Writable(ctx context.Context, node string, want bool, timeout time.Duration) error {
	value := "1"
	if want {
		value = "0"
	}
	return s.AwaitSQL(ctx, node, "SELECT @@read_only", value, timeout)
}

// aloneScript runs $1 as the server until the statements of $2 are done.
const aloneScript = `server=$1 stmt=$2; shift 2
install -d -o mysql -g mysql /run/mysqld
"$server" --user=mysql --skip-networking >/dev/null 2>&1 &
n=0
until "$@" -e 'SELECT 1' >/dev/null 2>&1; do
  n=$((n + 1)); test $n -lt 150; sleep 0.2
done
"$@" -e "$stmt"
"$@" -e SHUTDOWN || true
wait`

// Alone starts a node's server without agent and network, runs statements, and
// stops it: what somebody did before the cluster was there.
func (s *Story) Alone(ctx context.Context, node, stmt string) error {
	argv := append([]string{"sh", "-ec", aloneScript, "alone", s.System.facts().binary, stmt}, client()...)
	_, _, err := s.Exec(ctx, node, argv...)
	return err
}

// AwaitRejoined waits for health. A server that crashed as the primary may come back
// with what nobody acknowledged and cannot be rolled back (it was started in between,
// and kept it), and stays aside: then it is seeded anew, as an operator would: MySQL's
// always, MariaDB's where seeding is expected. It returns the
// nodes with which that was done.
func (s *Story) AwaitRejoined(ctx context.Context, nodes []string, seeding bool, timeout time.Duration) (reseeded []string, err error) {
	err = poll(ctx, timeout, 300*time.Millisecond, func(ctx context.Context) error {
		err := s.healthy(ctx)
		if err == nil || s.System.Flavour != MySQL && !seeding {
			return err
		}
		reseeded = nil
		for _, node := range nodes {
			why, e := s.Attribute(ctx, node, resourceID+"-reason")
			if e == nil && (strings.HasPrefix(why, "diverged") || strings.HasSuffix(why, "seed it anew")) {
				reseeded = append(reseeded, node)
			}
		}
		if len(reseeded) > 0 {
			return nil
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("await rejoined: %w", err)
	}
	for _, node := range reseeded {
		if err := s.Reseed(ctx, node); err != nil {
			return reseeded, fmt.Errorf("reseed %s: %w", node, err)
		}
	}
	return reseeded, s.AwaitHealthy(ctx, timeout)
}

// Reseed gives a node other data: the resource stops there (standby), the data
// directory is replaced, and the node comes back. MySQL clones the primary's; of
// MariaDB a stopped replica's files are copied.
func (s *Story) Reseed(ctx context.Context, node string) error {
	primary, err := s.Resolve(ctx, "primary")
	if err != nil {
		return err
	}
	if s.System.Flavour == MariaDB {
		return s.copyReplica(ctx, primary, node)
	}
	if err := s.Standby(ctx, node); err != nil {
		return err
	}
	if err := s.awaitReleased(ctx, node); err != nil {
		return err
	}
	if err := s.clone(ctx, primary, node); err != nil {
		return err
	}
	return s.Unstandby(ctx, node)
}

// awaitReleased waits until a node in standby has neither server nor resource: the stop
// action looks again when it has ended the server, and fails for one that somebody has
// started on the same data since.
func (s *Story) awaitReleased(ctx context.Context, node string) error {
	if err := s.AwaitStopped(ctx, node, time.Minute); err != nil {
		return err
	}
	return poll(ctx, time.Minute, 200*time.Millisecond, func(ctx context.Context) error {
		st, err := s.QuorateStatus(ctx)
		if err == nil && (slices.Contains(st.Unpromoted, node) || slices.Contains(st.Promoted, node)) {
			err = fmt.Errorf("the resource is still on %s", node)
		}
		return err
	})
}

// copyReplica stops the other replica, too, and copies its files, without the id by
// which the agent knows the data.
func (s *Story) copyReplica(ctx context.Context, primary, node string) error {
	i := slices.IndexFunc(s.Nodes, func(n Node) bool { return n.Name != primary && n.Name != node && s.IsOn(n.Name) })
	if i < 0 {
		return errors.New("there is no other replica to copy")
	}
	from, to := s.Nodes[i], Node{Name: node}
	for _, name := range []string{from.Name, to.Name} {
		if err := s.Standby(ctx, name); err != nil {
			return err
		}
	}
	for _, name := range []string{from.Name, to.Name} {
		if err := s.awaitReleased(ctx, name); err != nil {
			return err
		}
	}
	const data = "/var/lib/mysql"
	if err := host(ctx, "find", to.root()+data, "-mindepth", "1", "-delete"); err != nil {
		return err
	}
	if err := host(ctx, "cp", "-a", from.root()+data+"/.", to.root()+data); err != nil {
		return err
	}
	if err := os.Remove(to.root() + data + "/mysql-ha.id"); err != nil {
		return err
	}
	for _, name := range []string{from.Name, to.Name} {
		if err := s.Unstandby(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// cloneScript fills an empty data directory from the donor $1, with password $2.
// A complete clone ends with a restart. There is nobody to do it: the server says
// so (3707), and ends.
const cloneScript = `donor=$1 password=$2 server=$3; shift 3
find /var/lib/mysql -mindepth 1 -delete
install -d -o mysql -g mysql /run/mysqld
"$server" --initialize-insecure --user=mysql
"$server" --user=mysql --skip-networking --plugin-load-add=mysql_clone.so --clone-valid-donor-list="$donor:3306" >/dev/null 2>&1 &
n=0
until "$@" -e 'SELECT 1' >/dev/null 2>&1; do
  n=$((n + 1)); test $n -lt 150; sleep 0.2
done
said=$("$@" -e "CLONE INSTANCE FROM 'lab-clone'@'$donor':3306 IDENTIFIED BY '$password'" 2>&1) || true
case $said in
*"ERROR 3707 "*) wait || true ;;
*) echo "clone: $said" >&2; "$@" -e SHUTDOWN; exit 1 ;;
esac`

// clone copies from's data to a node whose server is down. The account is the
// donor's own: nothing of it is replicated.
func (s *Story) clone(ctx context.Context, from, node string) error {
	have, err := s.SQL(ctx, from, "SELECT COUNT(*) FROM information_schema.plugins WHERE plugin_name = 'clone'")
	if err != nil {
		return err
	}
	password := rand.Text()
	account := "SET sql_log_bin = 0; DROP USER IF EXISTS 'lab-clone'@'%'; CREATE USER 'lab-clone'@'%' IDENTIFIED BY '" + password + "'; " +
		"GRANT BACKUP_ADMIN ON *.* TO 'lab-clone'@'%'"
	if have == "0" {
		account = "INSTALL PLUGIN clone SONAME 'mysql_clone.so'; " + account
	}
	if _, err := s.SQL(ctx, from, account); err != nil {
		return err
	}
	argv := append([]string{"sh", "-ec", cloneScript, "clone", from, password, s.System.facts().binary}, client()...)
	if _, _, err := s.Exec(ctx, node, argv...); err != nil {
		return err
	}
	_, err = s.SQL(ctx, from, "SET sql_log_bin = 0; DROP USER 'lab-clone'@'%'")
	return err
}
