package replication

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// capabilities are what a MySQL server was found to know. Nothing follows from a
// version's number: vendors count as they like.
type capabilities struct {
	Replica     bool // START REPLICA, SHOW REPLICA STATUS (8.0.22)
	Source      bool // CHANGE REPLICATION SOURCE TO (8.0.23)
	Variables   bool // log_replica_updates, plugin semisync_source and their kin (8.0.26)
	OldPlugins  bool // loaded is rpl_semi_sync_master or _slave, which excludes the new ones
	Processlist bool // information_schema.processlist, deprecated in 9
	Rounds      int  // caching_sha2_password_digest_rounds (8.0.24); else 5000
}

// mysqld is the dialect of MySQL 8.0 and later, in the words that the server at
// hand knows. It was tried on 9.7, 8.4 and 8.0.19; the words that came in between,
// from 8.0.22 to 8.0.26, are the same in another mixture.
type mysqld struct{ can capabilities }

// Signs that capable looks for. A keyword is known exactly where the grammar has
// it.
const (
	wordReplica = "REPLICAS"
	wordSource  = "SOURCE_AUTO_POSITION"
	mysqlRounds = "caching_sha2_password_digest_rounds"
)

// mysqlSigns asks which of the signs there are.
func mysqlSigns() statement {
	return say("SELECT word AS name, '' AS value FROM information_schema.keywords WHERE word IN (?, ?)"+
		" UNION ALL SELECT variable_name, variable_value FROM performance_schema.global_variables WHERE variable_name"+
		" IN ('log_replica_updates', 'rpl_semi_sync_master_enabled', 'rpl_semi_sync_slave_enabled', ?)"+
		" UNION ALL SELECT table_name, '' FROM information_schema.tables"+
		" WHERE table_schema = 'information_schema' AND table_name = 'PROCESSLIST'",
		wordReplica, wordSource, mysqlRounds)
}

func capable(signs []row) (capabilities, error) {
	can := capabilities{Rounds: 5000}
	for _, sign := range signs {
		r := reader{row: sign}
		switch r.text("name") {
		case wordReplica:
			can.Replica = true
		case wordSource:
			can.Source = true
		case "log_replica_updates":
			can.Variables = true
		case "rpl_semi_sync_master_enabled", "rpl_semi_sync_slave_enabled":
			can.OldPlugins = true
		case "PROCESSLIST":
			can.Processlist = true
		case mysqlRounds:
			can.Rounds = r.int("value")
		}
		if r.err != nil {
			return can, r.err
		}
	}
	return can, nil
}

const (
	// A dead source is noticed after replica_net_timeout without a heartbeat: later than
	// by a cluster (Corosync's token and consensus are about 7 s by default), since a
	// receiver that waits for data stops at once, and one that tries to reconnect to a
	// lost node takes 2 s (tried, 9.7.4), in the middle of an election.
	mysqlHeartbeat  = 1  // s
	mysqlNetTimeout = 10 // s
	// The largest value, which the plugin takes for 584 million years.
	mysqlNoTimeout = 18446744073709551615 // ms
)

// ours is the one channel that we speak of; State.Refused names others.
const ours = " FOR CHANNEL ''"

// replica is what the server calls one in statements.
func (m mysqld) replica() string {
	if m.can.Replica {
		return "REPLICA"
	}
	return "SLAVE"
}

// limited: only a SELECT can be limited by the server.
func (mysqld) limited(question string, d time.Duration) string {
	if rest, ok := strings.CutPrefix(question, "SELECT "); ok {
		return fmt.Sprintf("SELECT /*+ MAX_EXECUTION_TIME(%d) */ %s", max(d.Milliseconds(), 1), rest)
	}
	return question
}

// position reads what the account of a peer may read, too. gtid_owned comes first: what
// is in neither of the two was committed by nobody at any instant.
func (mysqld) position() statement {
	return say("SELECT @@global.gtid_owned AS gtid_owned, @@global.gtid_executed AS gtid_executed, @@global.read_only AS read_only," +
		" @@global.super_read_only AS super_read_only")
}

func (m mysqld) start(receiver, applier bool) statement {
	return say("START " + m.replica() + threads(receiver, applier) + ours)
}

func (m mysqld) stop(receiver, applier bool) statement {
	return say("STOP " + m.replica() + threads(receiver, applier) + ours)
}

// follow: the server offers all it has executed, and the source sends the rest.
// MySQL 9.7 would give up after ten attempts; 0 is no limit. The public key is for
// passwords on connections without TLS.
func (m mysqld) follow(src Source, _ gtid.Set) []statement {
	tls, ssl := TLS{}, 0
	if src.TLS != nil {
		tls, ssl = *src.TLS, 1
	}
	text := "CHANGE REPLICATION SOURCE TO SOURCE_HOST=?, SOURCE_PORT=?, SOURCE_USER=?, SOURCE_PASSWORD=?," +
		" SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1, SOURCE_RETRY_COUNT=0, SOURCE_HEARTBEAT_PERIOD=?," +
		" SOURCE_SSL=?, SOURCE_SSL_CA=?, SOURCE_SSL_CERT=?, SOURCE_SSL_KEY=?, SOURCE_SSL_VERIFY_SERVER_CERT=0," +
		" GET_SOURCE_PUBLIC_KEY=1" + ours
	if !m.can.Source {
		text = strings.ReplaceAll(strings.Replace(text, "REPLICATION SOURCE", "MASTER", 1), "SOURCE_", "MASTER_")
	}
	return []statement{secretly(text,
		src.Host, src.Port, src.User, src.Password, mysqlHeartbeat, ssl, tls.CA, tls.Cert, tls.Key)}
}

// discreet: MySQL itself writes <secret> for a password in its logs.
func (mysqld) discreet() []statement { return nil }

func (m mysqld) detach() []statement {
	return []statement{say("RESET " + m.replica() + " ALL" + ours)}
}

// point: MySQL keeps its relay log (relay_log_recovery is off), and knows where
// its applier was.
func (mysqld) point(string, int64, bool) []statement { return nil }
func (mysqld) unpoint(bool) []statement              { return nil }

func (mysqld) patient(d time.Duration) []statement {
	return mariadb{}.patient(d)
}

// protect also sets read_only. To end read_only ends super_read_only.
func (mysqld) protect() statement   { return say("SET GLOBAL super_read_only = 1") }
func (mysqld) unprotect() statement { return say("SET GLOBAL read_only = 0") }

func (mysqld) guard(position row) (up, wanted bool, err error) {
	r := reader{row: position}
	return r.flag("super_read_only"), r.flag("read_only"), r.err
}

func (mysqld) lift() statement { return say("SET GLOBAL super_read_only = 0") }

func (mysqld) kill(id int64) statement { return say("KILL CONNECTION ?", id) }

// asleep: the table hides what the account has no right to.
func (mysqld) asleep() statement {
	return say("SELECT event_schema AS db, event_name AS name, definer AS definer FROM information_schema.events" +
		" WHERE status IN ('SLAVESIDE_DISABLED', 'REPLICA_SIDE_DISABLED') AND originator <> @@global.server_id" +
		" UNION ALL SELECT NULL, NULL, NULL FROM DUAL WHERE NOT EXISTS" +
		" (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'EVENT'" +
		" AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), ''''))" +
		" ORDER BY db, name")
}

// bar: a receiver comes back at once, and a shutdown gives each dump thread seconds
// to end by itself (tried: 9.7). Administrators can log in as before.
func (mysqld) bar() []statement { return []statement{say("SET GLOBAL offline_mode = 1")} }

// turn: MySQL has no condition outside of stored programs, but a subquery
// with two rows where one is asked for fails. A right that comes by a role does
// not count: ours are granted to the account. The patience is short for clients
// that say nothing, as on MariaDB.
func (mysqld) turn() string {
	return "SET SESSION wait_timeout = 1; DO (SELECT 1 UNION ALL SELECT 2 FROM DUAL WHERE NOT EXISTS" +
		" (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'REPLICATION SLAVE'" +
		" AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')));" +
		" SET SESSION wait_timeout = @@global.wait_timeout"
}

// plugins are named as the server's variables are, for both sides.
func (m mysqld) plugins() (source, replica string) {
	if m.can.Variables && !m.can.OldPlugins {
		return "source", "replica"
	}
	return "master", "slave"
}

// armSource: all is set before commits begin to wait.
func (m mysqld) armSource(on bool) []statement {
	source, replica := m.plugins()
	set := "SET GLOBAL rpl_semi_sync_" + source
	if !on {
		return []statement{say(set + "_enabled = 0")}
	}
	return []statement{
		say(set+"_timeout = ?", uint64(mysqlNoTimeout)),
		say(set + "_wait_point = 'AFTER_SYNC'"),
		say(set + "_wait_for_" + replica + "_count = 1"),
		say(set + "_wait_no_" + replica + " = 1"),
		say(set + "_enabled = 1"),
	}
}

func (m mysqld) armReplica(on bool) []statement {
	_, replica := m.plugins()
	return []statement{say("SET GLOBAL rpl_semi_sync_"+replica+"_enabled = ?", on)}
}

func (mysqld) marking() statement {
	return say("SELECT @@global.gtid_executed AS gtid_executed")
}

// marker has no GTID of its own: what a server cut off is never issued again, as
// it comes back with another UUID.
func (mysqld) marker(answer row, _ gtid.Set) (gtid.Entry, gtid.Set, error) {
	r := reader{row: answer}
	return gtid.Entry{}, r.mysqlSet("gtid_executed"), r.err
}

func (mysqld) mark(gtid.Entry) []statement {
	return []statement{say("SET SESSION autocommit = 1, sql_log_bin = 1")}
}

func (m mysqld) marked() statement { return m.position() }

// written: the row must have become a transaction that replicas get.
func (mysqld) written(answer row, e Epoch) error {
	r := reader{row: answer}
	executed := r.mysqlSet("gtid_executed")
	if r.err == nil && e.Start.Contains(executed) {
		return errors.New("the marker is not in the binary log")
	}
	return r.err
}

// nudge: the binary log has it, and it only has the cost model read again.
func (mysqld) nudge() statement { return say("FLUSH OPTIMIZER_COSTS") }

// release: commits that wait are not in its way (tried: 9.7).
func (mysqld) release(client) []statement { return nil }
