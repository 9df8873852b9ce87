package binlog

import (
	"errors"
	"io"
)

// Errors that reading wraps. Whatever was read before is returned with them.
var (
	ErrFormat    = errors.New("not a binary log")             // magic number, header or an event's content make no sense
	ErrEncrypted = errors.New("the binary log is encrypted")  // MariaDB's START_ENCRYPTION event, MySQL's fd'bin'
	ErrChecksum  = errors.New("the binary log is damaged")    // an event's CRC32 does not match
	ErrIndex     = errors.New("not an index of binary logs")  // ParseIndex
	ErrPayload   = errors.New("event of an unknown encoding") // an event whose GTID cannot be read
)

// Transaction is one event group.
type Transaction struct {
	GTID     string // "0-1-100" or "uuid:7" or "uuid:tag:7"; empty for MySQL's anonymous ones
	Offset   int64  // where its GTID event begins, in the file
	End      int64  // just after its last event that was read whole
	DDL      bool   // a statement that commits by itself (MariaDB: the standalone flag)
	Complete bool   // its terminating event was read whole
}

// Format is what the last format description event says.
type Format struct {
	Server   string // version of the server that wrote the events: "10.11.19-MariaDB-log"
	MariaDB  bool
	Checksum bool // events carry a CRC32
}

// File is what a log file says about itself.
type File struct {
	Format       Format
	Relay        bool          // a relay log
	InUse        bool          // not closed: the server had it open when it died, or has it open now
	Start        string        // the GTID list at the head: what the logs before this file hold
	Transactions []Transaction // by Scan only
	Truncated    bool          // ended inside an event or inside a transaction
	Rotate       string        // the next file's name, if a rotate event closes this one
	ServerIDs    []uint32      // who wrote the transactions, sorted
	End          int64         // just after the last event that was read whole
}

// Scan reads a whole file.
func Scan(r io.Reader) (File, error) {
	var all []Transaction
	f, err := Walk(r, func(t Transaction) error {
		all = append(all, t)
		return nil
	})
	f.Transactions = all
	return f, err
}

// Walk reads a file of any length in bounded memory and calls fn for every
// transaction, in the order of the file.
func Walk(_ io.Reader, _ func(Transaction) error) (File, error) {
	return File{}, errors.ErrUnsupported
}

// ParseIndex reads the index file that lists a server's logs, oldest first.
func ParseIndex(_ io.Reader) ([]string, error) {
	return nil, errors.ErrUnsupported
}
