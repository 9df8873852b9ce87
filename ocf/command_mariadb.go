package ocf

// mariadb are MariaDB's options that safety depends on: read-only from the first
// instant, no replication thread, no event, nothing acknowledged, and the tail as
// it was decided.
func (p program) mariadb(t tail) []string {
	role, semisync := "MASTER", "0"
	switch {
	case t == dropTail && p.has("init-rpl-role"):
		role = "SLAVE"
	case t == dropTail:
		// Before MDEV-33465 a replica's semi-sync has the server cut a tail off. No
		// replication thread starts here, so nothing is acknowledged by it.
		semisync = "1"
	}
	args := []string{
		"--read-only=1", "--skip-slave-start", "--event-scheduler=OFF",
		"--log-slave-updates", "--binlog-format=ROW", "--gtid-strict-mode=1",
		"--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1",
		"--sync-relay-log=1", "--sync-relay-log-info=1", "--sync-master-info=1", "--relay-log-recovery=0",
		"--rpl-semi-sync-master-enabled=0", "--rpl-semi-sync-slave-enabled=" + semisync,
		"--rpl-semi-sync-master-wait-point=AFTER_SYNC", "--rpl-semi-sync-master-wait-no-slave=1",
	}
	return append(args, p.either(role, "init-rpl-role")...)
}
