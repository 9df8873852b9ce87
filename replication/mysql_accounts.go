package replication

import (
	"fmt"
	"strings"
	"time"
)

// mysqlTables are what an account of ours may read, besides variables: our table,
// and what a look at a replica needs. Table by table, since a schema's name is a
// pattern in a GRANT, or is not, as the server is set (partial_revokes).
var mysqlTables = []string{
	home + ".epoch",
	"performance_schema.replication_applier_filters",
	"performance_schema.replication_applier_global_filters",
	"performance_schema.replication_applier_status_by_worker",
}

// unlogged: what a session does then is this node's own, and not replicated.
func (m mysqld) unlogged(d time.Duration) []statement {
	return append([]statement{say("SET SESSION sql_log_bin = 0")}, m.patient(d)...)
}

// settings that lossless needs, and one that lets a dead source be noticed.
func (m mysqld) settings() []setting {
	timeout := "slave_net_timeout"
	if m.can.Variables {
		timeout = "replica_net_timeout"
	}
	return []setting{
		{"sync_binlog", 1},
		{"innodb_flush_log_at_trx_commit", 1},
		{"sync_relay_log", 1},
		{timeout, mysqlNetTimeout},
	}
}

func (mysqld) supplies() []statement {
	return []statement{say("SELECT plugin_name AS name, plugin_status AS status" +
		" FROM information_schema.plugins WHERE plugin_name LIKE 'rpl\\_semi\\_sync%'")}
}

// supply installs a plugin for good: it is there again after a restart, switched
// off. Installing is never replicated.
func (m mysqld) supply(answers [][]row) ([]statement, error) {
	var todo []statement
	source, replica := m.plugins()
plugins:
	for _, side := range []string{source, replica} {
		name := "rpl_semi_sync_" + side
		for _, rows := range answers {
			for _, plugin := range rows {
				r := reader{row: plugin}
				have, status := r.text("name"), r.text("status")
				switch {
				case r.err != nil:
					return nil, r.err
				case have != name:
				case status == "ACTIVE":
					continue plugins
				default:
					return nil, fmt.Errorf("plugin %s is %s", name, strings.ToLower(status))
				}
			}
		}
		todo = append(todo, say("INSTALL PLUGIN "+name+" SONAME 'semisync_"+side+".so'"))
	}
	return todo, nil
}

// accounts asks for one row per login (an account is a user at a host).
func (mysqld) accounts(user string) statement {
	tables := "'" + strings.Join(mysqlTables, "', '") + "'"
	return say("SELECT u.host AS host, CONCAT(u.plugin, ' ', HEX(u.authentication_string)) AS password,"+
		" u.ssl_type <> '' AS tls, u.account_locked = 'Y' AS locked,"+
		" u.repl_slave_priv = 'Y' AND u.repl_client_priv = 'Y' AS privileged,"+
		" (SELECT COUNT(*) FROM mysql.tables_priv t WHERE t.user = u.user AND t.host = u.host"+
		"  AND FIND_IN_SET('Select', t.table_priv) AND CONCAT(t.db, '.', t.table_name) IN ("+tables+")) AS tables"+
		" FROM mysql.user u WHERE u.user = ?", user)
}

func (mysqld) account(answer row) (login, error) {
	r := reader{row: answer}
	return login{
		Host:       r.text("host"),
		Password:   r.text("password"),
		TLS:        r.flag("tls"),
		Locked:     r.flag("locked"),
		Privileged: r.flag("privileged") && r.int("tables") == len(mysqlTables),
	}, r.err
}

// settle makes the login what it should be; nothing when it is. It never
// unlocks, nor takes back what an operator made stricter. The hash is made here,
// which keeps the password out of process lists, audit and error logs; only a new
// one has a new salt, so whether the password is right is computed, not tried.
func (m mysqld) settle(a Account, have *login) []statement {
	var todo []statement
	const by, never = " IDENTIFIED WITH caching_sha2_password AS ?", " PASSWORD EXPIRE NEVER"
	require := ""
	if a.RequireTLS {
		require = " REQUIRE SSL"
	}
	switch {
	case have == nil:
		todo = append(todo, secretly("CREATE USER ?@'%'"+by+require+never, a.User, sha2Hash(a.Password, m.can.Rounds)))
		have = &login{}
	case !sha2Verify(have.Password, a.Password), a.RequireTLS && !have.TLS:
		todo = append(todo, secretly("ALTER USER ?@'%'"+by+require+never, a.User, sha2Hash(a.Password, m.can.Rounds)))
	}
	if !have.Privileged {
		todo = append(todo, say("GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO ?@'%'", a.User))
		for _, table := range mysqlTables {
			todo = append(todo, say("GRANT SELECT ON "+table+" TO ?@'%'", a.User))
		}
	}
	return todo
}

func (mysqld) lock(user, host string, lock bool) statement {
	return mariadb{}.lock(user, host, lock)
}
