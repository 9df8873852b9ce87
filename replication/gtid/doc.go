// Package gtid is the arithmetic of what a server holds: MySQL GTID sets, tags
// included, and MariaDB's highest sequence number per domain and server id.
//
// It promises immutable values, one canonical text per value, exact answers for
// MySQL, and parsers that neither panic nor accept what they do not understand.
// Parse takes a server's own output as it is printed.
//
// It does not promise to know how a set came about. MariaDB's maxima say "up to
// here", not "all of it": they are sound only where sequence numbers grow within
// a domain (gtid_strict_mode) and nothing in between was ever discarded. Whoever
// discards transactions must keep a lineage beside the set.
//
// A bare MariaDB position (gtid_slave_pos, gtid_current_pos) names one entry per
// domain, the last one. It cannot prove containment: 0-2-150 does not say whether
// 0-1-120 was ever seen, since server 1 may have written 120 aside while server 2
// was at 119. Therefore a Set keeps every (domain, server) maximum, as
// gtid_binlog_state does, and compares entry by entry. Order inside a domain is
// by sequence number.
//
// It may import the standard library's text and number packages, nothing else.
package gtid
