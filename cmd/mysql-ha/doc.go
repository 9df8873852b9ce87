// Command mysql-ha runs MySQL and MariaDB replication under Pacemaker: as the OCF
// resource agent ocf:mysql-ha:mysql, and as an operator's command.
//
// It promises: an OCF exit code and one line of reason for every action, also where
// something panics; meta-data without any access; no secret on argv, in a log or in
// a reason.
//
// It does not: decide anything. It joins the agent (ocf) with its adapters, and is
// the only place that reads arguments and environment, and ends the process.
//
// It may import everything; nobody imports it.
package main
