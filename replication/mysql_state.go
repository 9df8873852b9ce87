package replication

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Order of look's questions. All of them answer while commits wait for an
// acknowledgement.
const (
	mysqlGlobals = iota
	mysqlReplica
	mysqlWorkers
	mysqlFilters
	mysqlSettings
	mysqlSemiSync
	mysqlQuestions
)

// mysqlVariables are read as one row. SHOW GLOBAL VARIABLES would cut a GTID set
// at 1024 bytes.
var mysqlVariables = []string{
	"version", "server_id", "read_only", "super_read_only", "log_bin", "gtid_mode", "event_scheduler",
	"performance_schema", "gtid_executed", "sync_binlog", "innodb_flush_log_at_trx_commit", "sync_relay_log",
}

func (m mysqld) look() []statement {
	var columns []string
	for _, name := range mysqlVariables {
		columns = append(columns, "@@global."+name+" AS "+name)
	}
	updates := "log_slave_updates"
	if m.can.Variables {
		updates = "log_replica_updates"
	}
	columns = append(columns, "@@global."+updates+" AS log_replica_updates")
	return []statement{
		mysqlGlobals: say("SELECT " + strings.Join(columns, ", ")),
		mysqlReplica: say("SHOW " + m.replica() + " STATUS"),
		mysqlWorkers: say("SELECT last_error_number AS number, last_error_message AS message" +
			" FROM performance_schema.replication_applier_status_by_worker" +
			" WHERE channel_name = '' AND last_error_number <> 0 ORDER BY last_error_timestamp DESC LIMIT 1"),
		mysqlFilters: say("SELECT filter_name AS name FROM performance_schema.replication_applier_filters WHERE filter_rule <> ''" +
			" UNION SELECT filter_name FROM performance_schema.replication_applier_global_filters WHERE filter_rule <> ''"),
		// Of the plugins' variables there are none where none is loaded.
		mysqlSettings: say("SHOW GLOBAL VARIABLES LIKE 'rpl\\_semi\\_sync%'"),
		mysqlSemiSync: say("SHOW GLOBAL STATUS LIKE 'Rpl\\_semi\\_sync%'"),
	}
}

func (m mysqld) observed(answers [][]row) (State, error) {
	if len(answers) != mysqlQuestions || len(answers[mysqlGlobals]) != 1 {
		return State{}, errMissing
	}
	r := reader{row: answers[mysqlGlobals][0]}
	st := State{
		Flavour:  gtid.MySQL,
		Version:  r.text("version"),
		ServerID: uint32(r.number("server_id", 32)),
		Writable: r.mayWrite(),
		Executed: r.mysqlSet("gtid_executed"),
		Events:   strings.EqualFold(r.text("event_scheduler"), "ON"),
		Durable: Durable{
			SyncBinlog:    r.int("sync_binlog"),
			FlushAtCommit: r.int("innodb_flush_log_at_trx_commit"),
			SyncRelayLog:  r.int("sync_relay_log"),
		},
	}
	st.Received = st.Executed
	var refused []string
	for _, name := range []string{"log_bin", "log_replica_updates", "performance_schema"} {
		if !r.flag(name) {
			refused = append(refused, name+" is off")
		}
	}
	if mode := r.text("gtid_mode"); mode != "ON" {
		refused = append(refused, "gtid_mode is "+strings.ToLower(mode))
	}
	if r.err != nil {
		return State{}, r.err
	}
	for _, filter := range answers[mysqlFilters] {
		f := reader{row: filter}
		refused = append(refused, "replication filter "+strings.ToLower(f.text("name")))
		if f.err != nil {
			return State{}, f.err
		}
	}
	more, err := m.channels(&st, answers[mysqlReplica])
	if err != nil {
		return State{}, err
	}
	refused = append(refused, more...)
	slices.Sort(refused)
	st.Refused = strings.Join(slices.Compact(refused), ", ")
	if err := worker(&st.Applier, answers[mysqlWorkers]); err != nil {
		return State{}, err
	}
	return st, m.semiSync(&st.SemiSync, answers[mysqlSettings], answers[mysqlSemiSync])
}

// mayWrite: either of the two keeps ordinary clients from writing.
func (r *reader) mayWrite() bool {
	super := r.flag("super_read_only")
	return !r.flag("read_only") && !super
}

// modern gives the columns of SHOW SLAVE STATUS the names they have since. One that
// has its new name already is the one that counts.
func modern(old row) row {
	names := strings.NewReplacer("Master", "Source", "master", "Source", "Slave", "Replica")
	r := make(row, len(old))
	for column, value := range old {
		name := names.Replace(column)
		if _, twice := old[name]; !twice || name == column {
			r[name] = value
		}
	}
	return r
}

// channels reads the one unnamed channel; others are named as refused. What only
// Replicate_Ignore_Server_Ids says is no filter to performance_schema.
func (mysqld) channels(st *State, rows []row) (refused []string, err error) {
	for _, row := range rows {
		r := reader{row: modern(row)}
		if name := r.text("Channel_Name"); name != "" {
			refused = append(refused, "multi-source channel "+name)
		}
		if r.text("Replicate_Ignore_Server_Ids") != "" {
			refused = append(refused, "replication filter replicate_ignore_server_ids")
		}
		if r.err != nil {
			return nil, r.err
		}
	}
	r := reader{row: mysqlChannel(rows)}
	if r.row == nil {
		return refused, nil
	}
	if host := r.text("Source_Host"); host != "" {
		st.Source = &Source{Host: host, Port: r.int("Source_Port"), User: r.text("Source_User"), Delay: time.Duration(r.number("SQL_Delay", 32)) * time.Second}
		if r.flag("Source_SSL_Allowed") {
			st.Source.TLS = &TLS{CA: r.text("Source_SSL_CA_File"), Cert: r.text("Source_SSL_Cert"), Key: r.text("Source_SSL_Key")}
		}
	}
	st.Receiver = Thread{Errno: r.int("Last_IO_Errno"), Error: r.text("Last_IO_Error")}
	switch s := r.text("Replica_IO_Running"); s {
	case "Yes":
		st.Receiver.Running = true
	case "Connecting":
		st.Receiver.Connecting = true
	case "No":
	default:
		r.fail("Replica_IO_Running", fmt.Errorf("%q is not understood", s))
	}
	st.Applier = Thread{Running: r.flag("Replica_SQL_Running"), Errno: r.int("Last_SQL_Errno"), Error: r.text("Last_SQL_Error")}
	st.Fetched = r.mysqlSet("Retrieved_Gtid_Set")
	st.Received = r.union(st.Executed, st.Fetched)
	// While it connects MySQL says 0, and cannot know.
	if !r.null("Seconds_Behind_Source") && st.Receiver.Running {
		lag := time.Duration(r.number("Seconds_Behind_Source", 32)) * time.Second
		st.Lag = &lag
	}
	return refused, r.err
}

// mysqlChannel is the row of the channel without a name.
func mysqlChannel(rows []row) row {
	for _, r := range rows {
		r = modern(r)
		if name := r["Channel_Name"]; name != nil && *name == "" {
			return r
		}
	}
	return nil
}

// worker puts the worker's own error in the place of the coordinator's, which only
// says where to look for it.
func worker(applier *Thread, rows []row) error {
	for _, row := range rows {
		r := reader{row: row}
		number, text := r.int("number"), r.text("message")
		if r.err != nil {
			return r.err
		}
		if applier.Errno != 0 && number != 0 {
			applier.Errno, applier.Error = number, text
		}
	}
	return nil
}

func (mysqld) follows(answers [][]row, src Source) bool {
	r := reader{row: mysqlChannel(answers[mysqlReplica])}
	if r.row == nil {
		return false
	}
	want := TLS{}
	if src.TLS != nil {
		want = *src.TLS
	}
	return r.text("Source_Host") == src.Host && r.int("Source_Port") == src.Port && r.text("Source_User") == src.User &&
		r.flag("Auto_Position") && r.flag("Source_SSL_Allowed") == (src.TLS != nil) &&
		r.text("Source_SSL_CA_File") == want.CA && r.text("Source_SSL_Cert") == want.Cert &&
		r.text("Source_SSL_Key") == want.Key && r.text("Source_Retry_Count") == "0" && r.err == nil
}

// semiSync reads what is loaded, under its new or its old name; a plugin that is
// not loaded does nothing.
func (mysqld) semiSync(s *SemiSync, settings, status []row) error {
	r := reader{row: row{}}
	for _, lines := range [][]row{settings, status} {
		for _, line := range lines {
			l := reader{row: line}
			name, value := l.text("Variable_name"), l.text("Value")
			if l.err != nil {
				return l.err
			}
			name = strings.ToLower(name)
			r.row[strings.NewReplacer("_master", "_source", "_slave", "_replica").Replace(name)] = &value
		}
	}
	if _, loaded := r.row["rpl_semi_sync_source_enabled"]; loaded {
		s.SourceEnabled = r.flag("rpl_semi_sync_source_enabled")
		s.Timeout = r.milliseconds("rpl_semi_sync_source_timeout")
		s.SourceOn = r.flag("rpl_semi_sync_source_status")
		s.Clients = r.int("rpl_semi_sync_source_clients")
		s.Waiting = r.int("rpl_semi_sync_source_wait_sessions")
		s.Acknowledged = r.number("rpl_semi_sync_source_yes_tx", 64)
	}
	if _, loaded := r.row["rpl_semi_sync_replica_enabled"]; loaded {
		s.ReplicaEnabled = r.flag("rpl_semi_sync_replica_enabled")
		s.ReplicaOn = r.flag("rpl_semi_sync_replica_status")
	}
	return r.err
}

func (mysqld) held(answer row) (gtid.Set, bool, error) {
	r := reader{row: answer}
	executed := r.mysqlSet("gtid_executed")
	return executed, r.mayWrite(), r.err
}

// owner follows each number in gtid_owned: the thread that has it.
var owner = regexp.MustCompile(`#[0-9]+`)

// pending: a commit is executed when it is acknowledged; its session owns it until then.
func (mysqld) pending(position row) (gtid.Set, error) {
	r := reader{row: position}
	owned, err := gtid.Parse(owner.ReplaceAllString(r.text("gtid_owned"), ""))
	return owned, errors.Join(r.err, err)
}

// sessions asks information_schema while there is one: it misses nobody, however
// performance_schema is set.
func (m mysqld) sessions() statement {
	from := "performance_schema"
	if m.can.Processlist {
		from = "information_schema"
	}
	return say("SELECT p.id AS id, p.user AS user, p.command AS command, COALESCE(p.state, '') AS state, p.id = CONNECTION_ID() AS own," +
		" t.trx_mysql_thread_id IS NOT NULL AS transaction," +
		" GREATEST(COALESCE(p.time, 0), COALESCE(TIMESTAMPDIFF(SECOND, t.trx_started, NOW()), 0), 0) AS age" +
		" FROM " + from + ".processlist p" +
		" LEFT JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.id")
}

// client reads a row of sessions. Behind the session that waits for an
// acknowledgement others queue in their commit, DDL statements too.
func (mysqld) client(answer row) (client, error) {
	r := reader{row: answer}
	c := client{ID: int64(r.number("id", 63)), User: r.text("user"), Own: r.flag("own")}
	c.Age = time.Duration(r.number("age", 31)) * time.Second
	command, state := r.text("command"), r.text("state")
	switch command {
	case "Binlog Dump", "Binlog Dump GTID":
		c.Dump, c.Server = true, true
	case "Daemon":
		c.Server = true
	}
	if c.User == "system user" || c.User == "event_scheduler" {
		c.Server = true
	}
	c.Busy = r.flag("transaction") || command != "Sleep" && command != "Connect"
	c.Waits = strings.HasPrefix(state, "Waiting for semi-sync ACK")
	c.Commits = state == "waiting for handler commit"
	return c, r.err
}
