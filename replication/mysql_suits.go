package replication

// suiting asks for what decides whether a running MySQL can be a member, and for
// what is still to be set. Of what the agent's own start has on its command line
//
//   - log_bin, log_replica_updates and gtid_mode are State.Refused's. A server can
//     step up to gtid_mode=ON while it runs, but only together with all that replicate
//     from it, and what it logged before has no GTIDs: the operator's to do.
//     enforce_gtid_consistency cannot be off where gtid_mode is on.
//   - relay_log_recovery throws relay logs away, and skip_replica_start holds threads
//     back, when a server starts, and never while it runs (tried: 9.7 keeps its relay
//     log through any number of starts of its threads). It is the agent that starts
//     this one the next time.
//   - what was persisted is in force already, or waits for that start, which overrules
//     it.
//   - the plugins, and how durable it is, are Prepare's; read_only is the gate's.
//   - order and number of the applier's workers are the operator's, and take a stopped
//     applier to change; the log's verbosity is for a start that drops a tail.
//
// server_uuid cannot be changed, and would be no other after a start: where it is a
// copy's, following says so. Where the server has one format only there is no
// binlog_format.
func (mysqld) suiting() statement {
	return say("SELECT @@global.datadir AS datadir, @@global.port AS port, @@global.skip_networking AS skip_networking," +
		" @@global.bind_address AS bind_address, @@global.server_id AS server_id, @@global.event_scheduler AS event_scheduler," +
		" @@global.log_bin_basename AS log_bin, COALESCE(@@global.relay_log_basename, '') AS relay_log," +
		" (SELECT COALESCE(MAX(variable_value), 'ROW') FROM performance_schema.global_variables" +
		" WHERE variable_name = 'binlog_format') AS binlog_format," +
		" (SELECT COALESCE(MAX(variable_value), 'OFF') FROM performance_schema.global_variables" +
		" WHERE variable_name = 'binlog_encryption') AS binlog_encryption," +
		" (SELECT COALESCE(MAX(service_state), 'OFF') FROM performance_schema.replication_applier_status" +
		" WHERE channel_name = '') AS applier")
}

func (m mysqld) suited(answer row, l Layout) (string, []statement, error) {
	r := reader{row: answer}
	why, todo := r.layout(l), r.adapt(l)
	if r.flag("binlog_encryption") && why == "" {
		why = "binlog_encryption is on" // relay logs that the agent cannot read prove nothing
	}
	applies := r.flag("applier")
	if r.text("binlog_format") != "ROW" {
		set := []statement{say("SET GLOBAL binlog_format = 'ROW'")}
		if applies { // which keeps the server from taking it
			set = []statement{m.stop(false, true), set[0], m.start(false, true)}
		}
		todo = append(todo, set...)
	}
	if r.err != nil || why != "" {
		return why, nil, r.err
	}
	return "", todo, nil
}
