package replication

import (
	"fmt"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Admin is the account as which the agent works on its own server. Without a
// password it logs in through the socket, as the operating system's root.
type Admin struct{ User, Password string }

// A grant is what the account may do in one place. Each privilege has a reason; the
// servers' own tests take each one away and see what no longer works.
type grant struct {
	privileges []string
	on         string
	further    bool // may be given to others: our replication accounts get some of it
}

// grants of MariaDB, from 10.5.8 on.
func (mariadb) grants() []grant {
	return []grant{
		{
			on: "*.*", further: true, privileges: []string{
				"PROCESS",                  // sessions of others, and their transactions
				"RELOAD",                   // FLUSH HOSTS, which is the nudge
				"CREATE USER",              // the replication accounts; locking them
				"REFERENCES",               // names of all tables, without what is in them
				"REPLICATION SLAVE",        // given to them
				"SLAVE MONITOR",            // given to them, and SHOW ALL SLAVES STATUS
				"REPLICATION SLAVE ADMIN",  // the replica's threads and settings
				"REPLICATION MASTER ADMIN", // settings of the semi-synchronous source
				"BINLOG ADMIN",             // sql_log_bin, sync_binlog, binlog_format
				"BINLOG REPLAY",            // the marker's number
				"CONNECTION ADMIN",         // KILL, init_connect, the slot when all are taken
				"READ_ONLY ADMIN",          // read_only, and writing our rows while it is on
				"SUPER",                    // event_scheduler, innodb_flush_log_at_trx_commit, query logs
			},
		},
		{on: "mysql.*", privileges: []string{"SELECT"}}, // accounts and their privileges
		{on: "`" + homePattern + "`.*", privileges: []string{"CREATE", "SELECT", "INSERT", "DELETE"}},
	}
}

// grants of MySQL. A schema's name in a GRANT is a pattern unless partial_revokes is
// on; as it stands it is right in either case, and as a pattern fits a few names more.
func (mysqld) grants() []grant {
	all := []grant{
		{
			on: "*.*", further: true, privileges: []string{
				"PROCESS",            // sessions of others, and their transactions
				"RELOAD",             // RESET REPLICA ALL; FLUSH OPTIMIZER_COSTS, which is the nudge
				"CREATE USER",        // the replication accounts; locking them
				"REFERENCES",         // names of all tables, without what is in them
				"REPLICATION SLAVE",  // given to them
				"REPLICATION CLIENT", // given to them, and SHOW REPLICA STATUS
			},
		},
		{
			on: "*.*", privileges: []string{
				"REPLICATION_SLAVE_ADMIN", // the replica's threads
				"SYSTEM_VARIABLES_ADMIN",  // settings, and sql_log_bin
				"CONNECTION_ADMIN",        // KILL, read_only and writing while it is on, the slot when all are taken
				"EVENT",                   // to see which events do not run here
				"SYSTEM_USER",             // KILL of those who have it, as root does; nobody with less can change this account
			},
		},
		{on: "mysql.user", privileges: []string{"SELECT"}},        // accounts
		{on: "mysql.tables_priv", privileges: []string{"SELECT"}}, // and their privileges
		{on: "mysql.plugin", privileges: []string{"INSERT"}},      // INSTALL PLUGIN
		// whether the applier of a server that others started runs
		{on: "performance_schema.replication_applier_status", privileges: []string{"SELECT"}},
		{on: home + ".*", privileges: []string{"CREATE", "SELECT", "INSERT", "DELETE"}},
	}
	for _, table := range mysqlTables {
		if !strings.HasPrefix(table, home+".") { // ours is in the row above
			all = append(all, grant{on: table, privileges: []string{"SELECT"}})
		}
	}
	return all
}

// identified is how the account logs in.
func (mariadb) identified(a Admin) string {
	if a.Password == "" {
		return "VIA unix_socket AS 'root'"
	}
	return "BY PASSWORD " + quoted(nativeHash(a.Password))
}

func (mysqld) identified(a Admin) string {
	if a.Password == "" {
		return "WITH auth_socket AS 'root'"
	}
	return "WITH caching_sha2_password AS " + quoted(sha2Hash(a.Password, 5000)) + " PASSWORD EXPIRE NEVER"
}

// preface are comments for whoever runs the statements.
func (mariadb) preface(a Admin) []string {
	if a.Password == "" {
		return []string{"MariaDB before 11.6 takes no name after AS: there the account needs a password ([admin] of the credentials file)."}
	}
	return nil
}

func (mysqld) preface(a Admin) []string {
	all := []string{"Before 8.0.16 there is no SYSTEM_USER: leave it out there."}
	if a.Password == "" {
		all = append(all, "auth_socket has to be there: INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';")
	}
	return all
}

// accountant is a dialect that knows what an account of the agent's needs.
type accountant interface {
	grants() []grant
	identified(Admin) string
	preface(Admin) []string
}

// Grants are the statements that make the agent's account with all that it needs and
// nothing more, for an operator to run once on each node: they are not written to the
// binary log. A password is in them as its hash. Run again they set the password anew.
func Grants(f gtid.Flavour, a Admin) ([]string, error) {
	var speak accountant
	switch f {
	case gtid.MariaDB:
		speak = mariadb{}
	case gtid.MySQL:
		speak = mysqld{}
	default:
		return nil, fmt.Errorf("flavour %s: %w", f, ErrUnsupported)
	}
	if a.User == "" || strings.ContainsAny(a.User, "'\\\n") {
		return nil, fmt.Errorf("account name %q: %w", a.User, ErrUnsupported)
	}
	var all []string
	for _, line := range speak.preface(a) {
		all = append(all, "-- "+line)
	}
	account := quoted(a.User) + "@'localhost'"
	all = append(all,
		"SET SESSION sql_log_bin = 0;",
		"CREATE USER IF NOT EXISTS "+account+" IDENTIFIED "+speak.identified(a)+";",
		"ALTER USER "+account+" IDENTIFIED "+speak.identified(a)+";")
	for _, g := range speak.grants() {
		all = append(all, g.statement(account))
	}
	return all, nil
}

func (g grant) statement(account string) string {
	text := "GRANT " + strings.Join(g.privileges, ", ") + " ON " + g.on + " TO " + account
	if g.further {
		text += " WITH GRANT OPTION"
	}
	return text + ";"
}

// quoted is a string that needs no escaping.
func quoted(s string) string { return "'" + s + "'" }
