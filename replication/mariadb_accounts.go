package replication

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// unlogged: what a session does then is this node's own, and not replicated.
func (m mariadb) unlogged(d time.Duration) []statement {
	return append(append(m.discreet(), say("SET SESSION sql_log_bin = 0")), m.patient(d)...)
}

// settings that lossless needs, and those that let a dead source be noticed. In
// GTID mode neither master.info nor relay-log.info decides anything, so their
// syncing is left as it is.
func (mariadb) settings() []setting {
	return []setting{
		{"sync_binlog", 1},
		{"innodb_flush_log_at_trx_commit", 1},
		{"sync_relay_log", 1},
		{"gtid_strict_mode", 1},
		{"slave_net_timeout", mariadbNetTimeout},
		{"rpl_semi_sync_slave_kill_conn_timeout", mariadbKillTimeout},
	}
}

// supplies: semi-synchronous replication is built in.
func (mariadb) supplies() []statement               { return nil }
func (mariadb) supply([][]row) ([]statement, error) { return nil, nil }

// accounts asks for one row per login (an account is a user at a host).
func (mariadb) accounts(user string) statement {
	const mine = "grantee = CONCAT('''', g.user, '''@''', g.host, '''')"
	return say("SELECT g.host, COALESCE(JSON_VALUE(g.priv, '$.plugin'), '') AS plugin,"+
		" COALESCE(JSON_VALUE(g.priv, '$.authentication_string'), '') AS password,"+
		" COALESCE(JSON_VALUE(g.priv, '$.ssl_type'), 0) AS tls,"+
		" COALESCE(JSON_VALUE(g.priv, '$.account_locked'), 0) AS locked,"+
		" (SELECT COUNT(*) FROM information_schema.user_privileges WHERE "+mine+
		"  AND privilege_type IN ('REPLICATION SLAVE', 'SLAVE MONITOR', 'REPLICA MONITOR')) AS privileges,"+
		" (SELECT COUNT(*) FROM information_schema.schema_privileges WHERE "+mine+
		"  AND table_schema = ? AND privilege_type = 'SELECT') AS ours"+
		" FROM mysql.global_priv g WHERE g.user = ?", homePattern, user)
}

func (mariadb) account(answer row) (login, error) {
	r := reader{row: answer}
	return login{
		Host:       r.text("host"),
		Password:   r.text("plugin") + " " + r.text("password"),
		TLS:        r.int("tls") > 0,
		Locked:     r.flag("locked"),
		Privileged: r.int("privileges") == 2 && r.int("ours") == 1,
	}, r.err
}

// settle makes the login what it should be; nothing when it is. It never
// unlocks, nor takes back what an operator made stricter.
func (mariadb) settle(a Account, have *login) []statement {
	var todo []statement
	hash := nativeHash(a.Password)
	require := ""
	if a.RequireTLS {
		require = " REQUIRE SSL"
	}
	switch {
	case have == nil:
		todo = append(todo, secretly("CREATE USER ?@'%' IDENTIFIED BY PASSWORD ?"+require, a.User, hash))
		have = &login{}
	case have.Password != "mysql_native_password "+hash, a.RequireTLS && !have.TLS:
		todo = append(todo, secretly("ALTER USER ?@'%' IDENTIFIED BY PASSWORD ?"+require, a.User, hash))
	}
	if !have.Privileged {
		todo = append(todo,
			say("GRANT REPLICATION SLAVE, SLAVE MONITOR ON *.* TO ?@'%'", a.User),
			say(fmt.Sprintf("GRANT SELECT ON `%s`.* TO ?@'%%'", homePattern), a.User))
	}
	return todo
}

func (mariadb) lock(user, host string, lock bool) statement {
	if lock {
		return say("ALTER USER ?@? ACCOUNT LOCK", user, host)
	}
	return say("ALTER USER ?@? ACCOUNT UNLOCK", user, host)
}

// nativeHash is what mysql_native_password keeps. Sending it instead of the
// password keeps that out of process lists, audit and error logs.
func nativeHash(password string) string {
	if password == "" {
		return ""
	}
	first := sha1.Sum([]byte(password))
	second := sha1.Sum(first[:])
	return "*" + strings.ToUpper(hex.EncodeToString(second[:]))
}
