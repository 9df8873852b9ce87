package ocf

import (
	"maps"
	"slices"
	"strings"
)

// mysql are MySQL's options that safety depends on. Where a name was changed the
// binary's own list decides: 8.0.26 says replica for slave and source for master,
// 9.x knows the new names only of some.
func (p program) mysql(t tail) []string {
	args := []string{
		"--read-only=1", "--super-read-only=1", "--event-scheduler=OFF",
		"--gtid-mode=ON", "--enforce-gtid-consistency=ON",
		"--sync-binlog=1", "--innodb-flush-log-at-trx-commit=1",
		// What was received and not applied is all that an acknowledgement stands on:
		// recovery would throw it away.
		"--sync-relay-log=1", "--relay-log-recovery=OFF",
	}
	args = append(args, p.either("1", "skip-replica-start", "skip-slave-start")...)
	args = append(args, p.either("1", "log-replica-updates", "log-slave-updates")...)
	args = append(args, p.either("ROW", "binlog-format")...) // else there is no other format
	if t == dropTail {
		// The tail is cut off already. How many transactions the start rolls back must
		// be read in the error log, whatever the operator has it filtered by.
		args = append(args, "--log-error-verbosity=3", "--log-error-suppression-list=", "--log-error-services=log_filter_internal; log_sink_internal")
	}
	return append(append(args, p.semisync()...), p.customary()...)
}

// customary are options that nobody's safety depends on: the operator's word counts.
func (p program) customary() []string {
	var args []string
	// A start then tells what became of the transactions that it found prepared.
	if !p.chosen("log_error_verbosity") {
		args = append(args, "--log-error-verbosity=3")
	}
	// Older servers do not apply in order unless by the source's logical clock, which
	// is not their default; later ones have no other way.
	kind, choice := p.known["replica_parallel_type"], p.has("replica-parallel-type")
	if !choice {
		kind, choice = p.known["slave_parallel_type"], p.has("slave-parallel-type")
	}
	inOrder := !choice || kind == "LOGICAL_CLOCK"
	if inOrder && !p.chosen("replica_preserve_commit_order", "slave_preserve_commit_order", "replica_parallel_type", "slave_parallel_type") {
		args = append(args, p.either("ON", "replica-preserve-commit-order", "slave-preserve-commit-order")...)
	}
	// Its port is 33060 whatever --port says: two servers of one machine would clash.
	if !p.chosen("mysqlx", "mysqlx_port", "mysqlx_bind_address", "mysqlx_socket") {
		args = append(args, p.either("OFF", "mysqlx")...)
	}
	return args
}

// semisync loads the plugins, under the names whose files the binary could load,
// and keeps them off. A server that can load none starts all the same, and cannot
// be promoted where commits have to wait.
func (p program) semisync() []string {
	var args []string
	load := func(files ...string) {
		for _, file := range files {
			args = append(args, "--plugin-load-add="+file)
		}
	}
	source, old := p.has("rpl-semi-sync-source-enabled"), p.has("rpl-semi-sync-master-enabled")
	// A server takes only one generation of them: the operator's, where there is one.
	mine := p.set["plugin_load"] + p.set["plugin_load_add"]
	theirs := strings.Contains(mine, "semisync_master") || strings.Contains(mine, "semisync_slave")
	switch {
	case source && !theirs:
		load("semisync_source.so", "semisync_replica.so")
	case old:
		load("semisync_master.so", "semisync_slave.so")
	}
	if source {
		args = append(args,
			"--loose-rpl-semi-sync-source-enabled=0", "--loose-rpl-semi-sync-replica-enabled=0",
			"--loose-rpl-semi-sync-source-wait-point=AFTER_SYNC", "--loose-rpl-semi-sync-source-wait-no-replica=1",
			"--loose-rpl-semi-sync-source-wait-for-replica-count=1")
	}
	if old {
		args = append(args,
			"--loose-rpl-semi-sync-master-enabled=0", "--loose-rpl-semi-sync-slave-enabled=0",
			"--loose-rpl-semi-sync-master-wait-point=AFTER_SYNC", "--loose-rpl-semi-sync-master-wait-no-slave=1",
			"--loose-rpl-semi-sync-master-wait-for-slave-count=1")
	}
	return args
}

// carry is about SET PERSIST, which wins over the command line (tried: MySQL 9.7, a
// persisted read_only=OFF opens a server started with --read-only). Where nothing
// persisted contradicts our own options the server loads it all; otherwise it loads
// nothing, and what does not contradict is passed as options before ours. A variable
// that is no option is then out of force, and the server's log says so.
func (p program) carry(own []string) (args, overruled []string) {
	ours := map[string]string{}
	for _, arg := range own {
		name, value, _ := strings.Cut(strings.TrimPrefix(arg, "--"), "=")
		ours[newName(OptionName(name))] = value
	}
	for _, name := range slices.Sorted(maps.Keys(p.persisted)) {
		value := p.persisted[name]
		if own, ok := ours[newName(name)]; ok && !sameValue(own, value) {
			overruled = append(overruled, name)
			continue
		}
		if name == "time_zone" {
			name = "default_time_zone" // a variable whose option has another name
		}
		args = append(args, "--loose-"+strings.ReplaceAll(name, "_", "-")+"="+value)
	}
	if len(overruled) == 0 {
		return nil, nil
	}
	return append([]string{"--persisted-globals-load=OFF"}, args...), overruled
}

// sameValue compares as the server does: a switch is ON or 1.
func sameValue(a, b string) bool {
	on := func(v string) bool { return v == "1" || strings.EqualFold(v, "on") || strings.EqualFold(v, "true") }
	return strings.EqualFold(a, b) || on(a) && on(b) || off(a) && off(b)
}

// newName is an option under its name since 8.0.26: the older one is another name
// for the same variable.
func newName(option string) string {
	option = strings.ReplaceAll(option, "_slave", "_replica")
	option = strings.ReplaceAll(option, "slave_", "replica_")
	return strings.ReplaceAll(option, "_master", "_source")
}
