package replication

import (
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// mariadb is the dialect of MariaDB, tried on 10.11 and 11.8. On 10.5 (before
// 10.5.8 there is no SLAVE MONITOR to grant) it is the same, untried; what 10.5
// cannot do is cut off at its start what nobody acknowledged, so a former primary
// that holds such a tail stays diverged and has to be seeded anew.
type mariadb struct{}

const (
	// A dead source is noticed after slave_net_timeout without a heartbeat: later than by
	// a cluster (Corosync's token and consensus are about 7 s by default), since a
	// receiver that tries to reconnect to a lost node does not stop before that attempt
	// has ended, 4 s of 4 s (tried, 11.8), in the middle of an election.
	mariadbHeartbeat  = 1  // s
	mariadbNetTimeout = 10 // s
	// A stopping semi-synchronous receiver tries that long to tell its source;
	// an election waits for it when the source is gone. 0 would mean for ever.
	mariadbKillTimeout = 1 // s
	// The largest value: 584 million years.
	mariadbNoTimeout = 18446744073709551615 // ms
)

// limited: the servers's own limit keeps a stuck question from staying behind.
func (mariadb) limited(question string, d time.Duration) string {
	return fmt.Sprintf("SET STATEMENT max_statement_time=%.3f FOR %s", max(d.Seconds(), 0.001), question)
}

// position reads what the account of a peer may read, too.
func (mariadb) position() statement {
	return say("SELECT @@global.gtid_binlog_state AS gtid_binlog_state, @@global.gtid_slave_pos AS gtid_slave_pos," +
		" @@global.read_only AS read_only")
}

func threads(receiver, applier bool) string {
	switch {
	case receiver && !applier:
		return " IO_THREAD"
	case applier && !receiver:
		return " SQL_THREAD"
	}
	return ""
}

func (mariadb) start(receiver, applier bool) statement {
	return say("START SLAVE" + threads(receiver, applier))
}

func (mariadb) stop(receiver, applier bool) statement {
	return say("STOP SLAVE" + threads(receiver, applier))
}

// follow sets gtid_slave_pos first, since a former primary's own writes are not
// in it. The position is the maximum of each domain: a source that lacks any of
// these refuses, which is what we want to know.
func (mariadb) follow(src Source, executed gtid.Set) []statement {
	tls, ssl := TLS{}, 0
	if src.TLS != nil {
		tls, ssl = *src.TLS, 1
	}
	return []statement{
		say("SET GLOBAL gtid_slave_pos = ?", executed.Position()),
		secretly("CHANGE MASTER TO MASTER_HOST=?, MASTER_PORT=?, MASTER_USER=?, MASTER_PASSWORD=?,"+
			" MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=?,"+
			" MASTER_SSL=?, MASTER_SSL_CA=?, MASTER_SSL_CERT=?, MASTER_SSL_KEY=?, MASTER_SSL_VERIFY_SERVER_CERT=0",
			src.Host, src.Port, src.User, src.Password, mariadbHeartbeat, ssl, tls.CA, tls.Cert, tls.Key),
	}
}

// discreet: MariaDB writes CHANGE MASTER into both logs as it came.
func (mariadb) discreet() []statement {
	return []statement{say("SET SESSION sql_log_off = 1, slow_query_log = 0")}
}

func (mariadb) detach() []statement { return []statement{say("RESET SLAVE ALL")} }

// mariadbNobody is named as source where an applier needs one and there is none
// (RFC 6761: the name never resolves). It counts as no source.
const mariadbNobody = "nobody.invalid"

// mariadbNoLog is the source's log where the applier needs the name of one. A worker
// of a parallel applier looks for the number behind the name's dot, and the server dies
// where there is none (tried: 10.11.14, 10.11.18, 11.8.9). Nobody asks a source for it.
const mariadbNoLog = "none.000001"

// point: without GTIDs the relay log is kept, and the applier begins where it is
// told.
func (mariadb) point(file string, pos int64, configured bool) []statement {
	const at = "MASTER_LOG_FILE=?, RELAY_LOG_FILE=?, RELAY_LOG_POS=?, MASTER_USE_GTID=no"
	if !configured {
		return []statement{say("CHANGE MASTER TO MASTER_HOST=?, "+at, mariadbNobody, mariadbNoLog, file, pos)}
	}
	return []statement{say("CHANGE MASTER TO "+at, mariadbNoLog, file, pos)}
}

// unpoint throws the relay log away.
func (m mariadb) unpoint(configured bool) []statement {
	if !configured {
		return m.detach()
	}
	return []statement{say("CHANGE MASTER TO MASTER_USE_GTID=slave_pos")}
}

func (mariadb) patient(d time.Duration) []statement {
	return []statement{say("SET SESSION lock_wait_timeout = ?, innodb_lock_wait_timeout = ?", seconds(d), seconds(d))}
}

func (mariadb) protect() statement   { return say("SET GLOBAL read_only = 1") }
func (mariadb) unprotect() statement { return say("SET GLOBAL read_only = 0") }

// guard: MariaDB (up to 11.8) lets administrators write in any case.
func (mariadb) guard(row) (up, wanted bool, err error) { return false, false, nil }

func (mariadb) lift() statement { return statement{} }

func (mariadb) kill(id int64) statement { return say("KILL CONNECTION ?", id) }

// turn: somebody with rights on the grant tables sees everybody's privileges. A client
// is told only when it says something, until when it has a connection: of those that
// say nothing the server's patience gets rid.
func (mariadb) turn() string {
	return "BEGIN NOT ATOMIC" +
		" IF NOT EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'REPLICATION SLAVE'" +
		" AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), ''''))" +
		" THEN SET SESSION wait_timeout = 1; SIGNAL SQLSTATE '08004' SET MESSAGE_TEXT = 'mysql-ha turns clients away'; END IF; END"
}

func (mariadb) asleep() statement {
	return say("SELECT db, name, definer FROM mysql.event" +
		" WHERE status = 'SLAVESIDE_DISABLED' AND originator <> @@global.server_id ORDER BY db, name")
}

// bar: a shutdown does not wait for replicas here.
func (mariadb) bar() []statement { return nil }

// armSource: AFTER_SYNC before enabling, so that no commit is seen by others
// before it is acknowledged.
func (mariadb) armSource(on bool) []statement {
	if !on {
		return []statement{say("SET GLOBAL rpl_semi_sync_master_enabled = 0")}
	}
	return []statement{
		say("SET GLOBAL rpl_semi_sync_master_timeout = ?", uint64(mariadbNoTimeout)),
		say("SET GLOBAL rpl_semi_sync_master_wait_point = 'AFTER_SYNC'"),
		say("SET GLOBAL rpl_semi_sync_master_wait_no_slave = 1"),
		say("SET GLOBAL rpl_semi_sync_master_enabled = 1"),
	}
}

func (mariadb) armReplica(on bool) []statement {
	return []statement{
		say("SET GLOBAL rpl_semi_sync_slave_kill_conn_timeout = ?", mariadbKillTimeout),
		say("SET GLOBAL rpl_semi_sync_slave_enabled = ?", on),
	}
}

func (mariadb) marking() statement {
	return say("SELECT @@global.gtid_binlog_state AS gtid_binlog_state, @@global.gtid_slave_pos AS gtid_slave_pos," +
		" @@global.gtid_domain_id AS gtid_domain_id, @@global.server_id AS server_id")
}

// marker is the first GTID of an epoch: above everything seen, so that no GTID
// that was ever discarded is issued again.
func (mariadb) marker(answer row, seen gtid.Set) (gtid.Entry, gtid.Set, error) {
	r := reader{row: answer}
	executed := r.union(r.set("gtid_binlog_state"), r.set("gtid_slave_pos"))
	all := r.union(executed, seen)
	e := gtid.Entry{Domain: uint32(r.number("gtid_domain_id", 32)), Server: uint32(r.number("server_id", 32))}
	e.Seq = all.MaxSeq(e.Domain) + 1
	return e, executed, r.err
}

// mark: the sequence number counts for the session's next transaction, and must
// be set outside of it. A session keeps the server's number that it began with.
func (mariadb) mark(e gtid.Entry) []statement {
	return []statement{
		say("SET SESSION autocommit = 1, sql_log_bin = 1, binlog_format = 'ROW', gtid_domain_id = ?, server_id = ?", e.Domain, e.Server),
		say("SET SESSION gtid_seq_no = ?", e.Seq),
	}
}

func (mariadb) marked() statement { return say("SELECT @@session.last_gtid AS gtid") }

func (mariadb) written(answer row, e Epoch) error {
	r := reader{row: answer}
	if id := r.text("gtid"); r.err == nil && id != e.Marker.String() {
		return fmt.Errorf("the marker became %s instead of %s", id, e.Marker)
	}
	return r.err
}

// nudge: the binary log has it, the host cache is empty afterwards, and no table
// is concerned.
func (mariadb) nudge() statement { return say("FLUSH HOSTS") }

// release: of two groups of commits that wait, the second holds the binary log's lock
// (tried: 10.11, 11.8). The first goes on when it is told to end its statement, with
// success, as it has nothing left to end. By the statement's number, so that nothing
// that its session has begun since is concerned.
func (mariadb) release(c client) []statement { return []statement{say("KILL QUERY ID ?", c.Query)} }
