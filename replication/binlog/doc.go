// Package binlog reads binary and relay log files of MariaDB and MySQL: which
// transactions they hold, where each begins and ends, and whether it is whole.
//
// It promises that a transaction is called complete only when its terminating
// event was read to the last byte with a right checksum, that a file cut at any
// byte yields what was complete before the cut, that memory stays bounded
// whatever sizes the file claims, and that offsets are those of the file, fit
// for CHANGE MASTER TO relay_log_pos.
//
// It does not decode rows or statements, and does not know whether a
// transaction was applied, only that it is in the file.
//
// # Events understood
//
//   - FORMAT_DESCRIPTION (15): version and checksum algorithm of the events that
//     follow. A relay log has two, the replica's and the source's; the last one
//     read counts.
//   - MariaDB GTID (162), with its flags standalone, DDL, prepared and completed
//     XA; GTID_LIST (163); START_ENCRYPTION (164), which ends the reading.
//   - MySQL GTID (33), ANONYMOUS_GTID (34), GTID_TAGGED (42), PREVIOUS_GTIDS (35),
//     with and without tags.
//   - What ends a transaction: XID (16), XA_PREPARE (38), QUERY (2, and compressed
//     165) with COMMIT or ROLLBACK, the one statement of a standalone group, also
//     as EXECUTE_LOAD_QUERY (18), and MySQL's TRANSACTION_PAYLOAD (40), which is a
//     whole transaction.
//   - ROTATE (4), which closes the file or, made up by the source for a receiver
//     that connects, only names its log.
//
// All others are read over, with their checksums verified.
//
// A replica may rotate its relay log in the middle of a transaction (MariaDB
// does, by size and on FLUSH LOGS). Series follows such a transaction from file
// to file.
//
// Sources: MariaDB's Knowledge Base, "Replication Protocol" (event header,
// FORMAT_DESCRIPTION_EVENT, GTID_EVENT, GTID_LIST_EVENT, ROTATE_EVENT,
// QUERY_EVENT, XID_EVENT) and the receiver's own rule for the end of a group
// (queue_event in sql/slave.cc); MySQL's source documentation, "Binlog Event",
// "mysql::serialization" (tagged GTIDs) and Gtid_set::encode (previous GTIDs).
//
// It may import the standard library's io interfaces, text, number and checksum
// packages, nothing else.
package binlog
