package lab

import (
	"fmt"
	"path/filepath"
	"slices"
)

// The flavours of the database server.
const (
	MariaDB = "mariadb"
	MySQL   = "mysql"
)

// System is what the nodes run: one of four combinations.
type System struct {
	// Suite is Debian's: bookworm (Pacemaker 2.1, MariaDB 10.11) or trixie
	// (Pacemaker 3.0, MariaDB 11.8).
	Suite string `json:"suite"`
	// Flavour is MariaDB, the suite's own, or MySQL, which is sid's on both.
	Flavour string `json:"flavour"`
}

// DefaultSystem is what the lab runs unless told otherwise.
var DefaultSystem = System{"bookworm", MariaDB}

// Check names what there is when s is not among it.
func (s System) Check() error {
	for _, c := range []struct {
		what, value string
		known       []string
	}{
		{"suite", s.Suite, []string{"bookworm", "trixie"}},
		{"flavour", s.Flavour, []string{MariaDB, MySQL}},
	} {
		if !slices.Contains(c.known, c.value) {
			return fmt.Errorf("no %s %q: there are %v", c.what, c.value, c.known)
		}
	}
	return nil
}

func (s System) String() string { return s.Flavour + " on " + s.Suite }

// layers are the folders that a node's disk lies upon; the first wins.
func (s System) layers() []string {
	return append([]string{filepath.Join(s.accountDir(), "upper")}, s.below()...)
}

// below are the layers without the agent's account.
func (s System) below() []string {
	if s.Flavour == MySQL {
		return []string{filepath.Join(s.layerDir(), "upper"), s.baseDir()}
	}
	return []string{s.baseDir()}
}

// admin is the [admin] section of the credentials file. Before 11.6 MariaDB cannot
// let the operating system's root in under another name: there it has a password.
func (s System) admin() string {
	text := "[admin]\nuser = mysql-ha\n"
	if s == DefaultSystem {
		text += "password = lab-admin-Vq8ZtT0wK3\n"
	}
	return text
}

// facts are what differs between the flavours, so that stories need not know.
type facts struct {
	// unit is the distribution's, which would start a writable server at boot.
	unit string
	// binary is the server, and process are pgrep's arguments that find it.
	binary  string
	process []string
	// options is a file that more of the server's options can be added to.
	options string
	// params are what the resource needs beside DefaultParams.
	params map[string]string
	// position is a query whose value is equal on nodes that hold the same.
	position string
	// replicas is a statement, and the others are names in what it returns.
	replicas                                               string
	source, receiver, receiverError, applier, applierError string
	stopApplier                                            string
	// initialise is a script that makes an empty database in $1, root's without password
	// for whoever is root.
	initialise string
	// admin is what an administrator adds to adminFile before nodes replicate by hand;
	// follow has a replica begin, given a host, a user and a password; safe is what
	// keeps a server without systemd, where there is that.
	admin, adminFile, follow, safe string
	// report is what explains a failure.
	report string
}

func (s System) facts() facts {
	if s.Flavour == MySQL {
		return facts{
			unit: "mysql.service", binary: "/usr/sbin/mysqld", options: "/etc/mysql/my.cnf",
			// The process is the loader, with the server as its argument.
			process:  []string{"-f", `/mysqld\.bin `},
			params:   map[string]string{"binary": "/usr/sbin/mysqld", "config": "/etc/mysql/my.cnf"},
			position: "SELECT @@gtid_executed",
			replicas: "SHOW REPLICA STATUS", source: "Source_Host",
			receiver: "Replica_IO_Running", receiverError: "Last_IO_Error",
			applier: "Replica_SQL_Running", applierError: "Last_SQL_Error",
			stopApplier: "STOP REPLICA SQL_THREAD",
			initialise:  initialiseMySQL,
			admin:       "gtid_mode = ON\nenforce_gtid_consistency = ON\n", adminFile: "/etc/mysql/my.cnf",
			follow: "CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_USER='%s', SOURCE_PASSWORD='%s'," +
				" SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1; START REPLICA",
			report: "SELECT @@server_id, @@server_uuid, @@read_only, @@super_read_only, @@gtid_executed, @@gtid_purged;" +
				" SHOW PROCESSLIST; SHOW STATUS LIKE 'Rpl_semi_sync%'; SHOW REPLICA STATUS\\G",
		}
	}
	return facts{
		unit: "mariadb.service", binary: "/usr/sbin/mariadbd", options: "/etc/mysql/mariadb.conf.d/90-lab.cnf",
		process:  []string{"-x", "mariadbd"},
		position: "SELECT @@gtid_current_pos",
		replicas: "SHOW ALL SLAVES STATUS", source: "Master_Host",
		receiver: "Slave_IO_Running", receiverError: "Last_IO_Error",
		applier: "Slave_SQL_Running", applierError: "Last_SQL_Error",
		stopApplier: "STOP SLAVE SQL_THREAD",
		initialise:  `mariadb-install-db --user=mysql --datadir="$1" --auth-root-authentication-method=socket --skip-test-db`,
		admin:       "log_slave_updates\n", adminFile: "/etc/mysql/mariadb.conf.d/90-admin.cnf", safe: "/usr/bin/mariadbd-safe",
		follow: "CHANGE MASTER TO MASTER_HOST='%s', MASTER_USER='%s', MASTER_PASSWORD='%s'," +
			" MASTER_USE_GTID=slave_pos; START SLAVE",
		report: "SELECT @@server_id, @@read_only, @@gtid_binlog_pos, @@gtid_binlog_state, @@gtid_slave_pos;" +
			" SHOW PROCESSLIST; SHOW STATUS LIKE 'Rpl_semi_sync%'; SHOW ALL SLAVES STATUS\\G",
	}
}
