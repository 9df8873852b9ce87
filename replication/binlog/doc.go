// Package binlog reads binary and relay log files of MariaDB and MySQL: which
// transactions they hold, where each begins and ends, and whether it is whole.
package binlog
