package replication

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Order of look's questions. None of them waits for commits that wait for an
// acknowledgement; SHOW MASTER STATUS and SHOW BINARY LOGS would.
const (
	mariadbGlobals = iota
	mariadbReplica
	mariadbSemiSync
)

// mariadbVariables are read as one row.
var mariadbVariables = []string{
	"version", "server_id", "read_only", "log_bin", "log_slave_updates", "event_scheduler",
	"gtid_binlog_state", "gtid_slave_pos",
	"sync_binlog", "innodb_flush_log_at_trx_commit", "sync_relay_log",
	"rpl_semi_sync_master_enabled", "rpl_semi_sync_master_timeout", "rpl_semi_sync_slave_enabled",
	"replicate_do_db", "replicate_ignore_db", "replicate_do_table", "replicate_ignore_table",
	"replicate_wild_do_table", "replicate_wild_ignore_table",
}

func (mariadb) look() []statement {
	columns := make([]string, len(mariadbVariables))
	for i, name := range mariadbVariables {
		columns[i] = "@@global." + name + " AS " + name
	}
	return []statement{
		mariadbGlobals:  say("SELECT " + strings.Join(columns, ", ")),
		mariadbReplica:  say("SHOW ALL SLAVES STATUS"),
		mariadbSemiSync: say("SHOW GLOBAL STATUS LIKE 'Rpl\\_semi\\_sync%'"),
	}
}

func (m mariadb) observed(answers [][]row) (State, error) {
	if len(answers) != 3 || len(answers[mariadbGlobals]) != 1 {
		return State{}, errMissing
	}
	r := reader{row: answers[mariadbGlobals][0]}
	st := State{
		Flavour:  gtid.MariaDB,
		Version:  r.text("version"),
		ServerID: uint32(r.number("server_id", 32)),
		Writable: r.writable(),
		Executed: r.union(r.set("gtid_binlog_state"), r.set("gtid_slave_pos")),
		Events:   strings.EqualFold(r.text("event_scheduler"), "ON"),
		Durable: Durable{
			SyncBinlog:    r.int("sync_binlog"),
			FlushAtCommit: r.int("innodb_flush_log_at_trx_commit"),
			SyncRelayLog:  r.int("sync_relay_log"),
		},
		SemiSync: SemiSync{
			SourceEnabled:  r.flag("rpl_semi_sync_master_enabled"),
			Timeout:        r.milliseconds("rpl_semi_sync_master_timeout"),
			ReplicaEnabled: r.flag("rpl_semi_sync_slave_enabled"),
		},
	}
	st.Received = st.Executed
	var refused []string
	for _, name := range []string{"log_bin", "log_slave_updates"} {
		if !r.flag(name) {
			refused = append(refused, name+" is off")
		}
	}
	for _, name := range mariadbVariables {
		if strings.HasPrefix(name, "replicate_") && !r.null(name) && *r.row[name] != "" {
			refused = append(refused, "replication filter "+name)
		}
	}
	if r.err != nil {
		return State{}, r.err
	}
	more, err := m.replica(&st, answers[mariadbReplica])
	if err != nil {
		return State{}, err
	}
	refused = append(refused, more...)
	slices.Sort(refused)
	st.Refused = strings.Join(slices.Compact(refused), ", ")
	return st, m.semiSync(&st.SemiSync, answers[mariadbSemiSync])
}

// mariadbFilters of SHOW ALL SLAVES STATUS.
var mariadbFilters = []string{
	"Replicate_Do_DB", "Replicate_Ignore_DB", "Replicate_Do_Table", "Replicate_Ignore_Table",
	"Replicate_Wild_Do_Table", "Replicate_Wild_Ignore_Table", "Replicate_Ignore_Server_Ids",
	"Replicate_Do_Domain_Ids", "Replicate_Ignore_Domain_Ids", "Replicate_Rewrite_DB",
}

// replica reads the one unnamed connection; others are named as refused.
func (mariadb) replica(st *State, rows []row) (refused []string, err error) {
	for _, row := range rows {
		r := reader{row: row}
		if name := r.text("Connection_name"); name != "" {
			refused = append(refused, "multi-source connection "+name)
		}
		for _, name := range mariadbFilters {
			// Not every version has every column.
			if v := row[name]; v != nil && *v != "" {
				refused = append(refused, "replication filter "+strings.ToLower(name))
			}
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	row := mariadbConnection(rows)
	if row == nil {
		return refused, nil
	}
	r := reader{row: row}
	if host := r.text("Master_Host"); host != mariadbNobody {
		st.Source = &Source{Host: host, Port: r.int("Master_Port"), User: r.text("Master_User"), Delay: time.Duration(r.number("SQL_Delay", 32)) * time.Second}
		if r.flag("Master_SSL_Allowed") {
			st.Source.TLS = &TLS{CA: r.text("Master_SSL_CA_File"), Cert: r.text("Master_SSL_Cert"), Key: r.text("Master_SSL_Key")}
		}
	}
	st.Receiver = Thread{Errno: r.int("Last_IO_Errno"), Error: r.text("Last_IO_Error")}
	switch s := r.text("Slave_IO_Running"); s {
	case "Yes":
		st.Receiver.Running = true
	case "Connecting", "Preparing":
		st.Receiver.Connecting = true
	case "No":
	default:
		r.fail("Slave_IO_Running", fmt.Errorf("%q is not understood", s))
	}
	st.Applier = Thread{Running: r.flag("Slave_SQL_Running"), Errno: r.int("Last_SQL_Errno"), Error: r.text("Last_SQL_Error")}
	st.Received = r.union(st.Executed, r.set("Gtid_IO_Pos"))
	if !r.null("Seconds_Behind_Master") {
		lag := time.Duration(r.number("Seconds_Behind_Master", 32)) * time.Second
		st.Lag = &lag
	}
	return refused, r.err
}

// mariadbConnection is the row of the connection without a name, if it has a source.
func mariadbConnection(rows []row) row {
	for _, r := range rows {
		if name, host := r["Connection_name"], r["Master_Host"]; name != nil && *name == "" && host != nil && *host != "" {
			return r
		}
	}
	return nil
}

func (mariadb) follows(answers [][]row, src Source) bool {
	r := reader{row: mariadbConnection(answers[mariadbReplica])}
	if r.row == nil {
		return false
	}
	want := TLS{}
	if src.TLS != nil {
		want = *src.TLS
	}
	return r.text("Master_Host") == src.Host && r.int("Master_Port") == src.Port && r.text("Master_User") == src.User &&
		r.text("Using_Gtid") == "Slave_Pos" && r.flag("Master_SSL_Allowed") == (src.TLS != nil) &&
		r.text("Master_SSL_CA_File") == want.CA && r.text("Master_SSL_Cert") == want.Cert &&
		r.text("Master_SSL_Key") == want.Key && r.err == nil
}

func (mariadb) semiSync(s *SemiSync, rows []row) error {
	all := row{}
	for _, line := range rows {
		r := reader{row: line}
		name, value := r.text("Variable_name"), r.text("Value")
		if r.err != nil {
			return r.err
		}
		all[name] = &value
	}
	r := reader{row: all}
	s.SourceOn = r.flag("Rpl_semi_sync_master_status")
	s.Clients = r.int("Rpl_semi_sync_master_clients")
	s.Waiting = r.int("Rpl_semi_sync_master_wait_sessions")
	s.Acknowledged = r.number("Rpl_semi_sync_master_yes_tx", 64)
	s.ReplicaOn = r.flag("Rpl_semi_sync_slave_status")
	return r.err
}

func (mariadb) held(answer row) (gtid.Set, bool, error) {
	r := reader{row: answer}
	executed := r.union(r.set("gtid_binlog_state"), r.set("gtid_slave_pos"))
	return executed, r.writable(), r.err
}

// pending: the binary log's state has it all.
func (mariadb) pending(row) (gtid.Set, error) { return gtid.Set{}, nil }

// writable reads read_only, which is a switch up to 11.x and has more values
// later: everything that is not off forbids ordinary clients to write.
func (r *reader) writable() bool {
	switch s := r.text("read_only"); strings.ToUpper(s) {
	case "0", "OFF":
		return true
	case "1", "ON", "NO_LOCK", "NO_LOCK_NO_ADMIN":
	default:
		r.fail("read_only", fmt.Errorf("%q is not understood", s))
	}
	return false
}

// milliseconds reads a time that may not fit: the largest value means no end.
func (r *reader) milliseconds(column string) time.Duration {
	n := r.number(column, 64)
	if n > math.MaxInt64/uint64(time.Millisecond) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Millisecond
}

func (mariadb) sessions() statement {
	return say("SELECT p.id, p.query_id, p.user, p.command, COALESCE(p.state, '') AS state, p.id = CONNECTION_ID() AS own," +
		" t.trx_mysql_thread_id IS NOT NULL AS transaction," +
		" GREATEST(COALESCE(p.time, 0), COALESCE(TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), 0), 0) AS age" +
		" FROM information_schema.processlist p" +
		" LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id")
}

// client reads a row of sessions. Behind the session that waits for an
// acknowledgement others queue in their commit: they look like "Commit" and,
// for a DDL statement, "Writing to binlog".
func (mariadb) client(answer row) (client, error) {
	r := reader{row: answer}
	c := client{ID: int64(r.number("id", 63)), Query: int64(r.number("query_id", 63)), User: r.text("user"), Own: r.flag("own")}
	c.Age = time.Duration(r.number("age", 31)) * time.Second
	command, state := r.text("command"), r.text("state")
	switch command {
	case "Binlog Dump":
		c.Dump, c.Server = true, true
	case "Daemon", "Slave_IO", "Slave_SQL", "Slave_worker":
		c.Server = true
	}
	if c.User == "system user" || c.User == "event_scheduler" {
		c.Server = true
	}
	c.Busy = r.flag("transaction") || command != "Sleep" && command != "Connect"
	c.Waits = strings.HasPrefix(state, "Waiting for semi-sync ACK")
	switch state {
	case "Commit", "Writing to binlog", "Waiting for prior transaction to commit":
		c.Commits = true
	}
	return c, r.err
}
