package binlog

import (
	"errors"
	"io"
)

// Errors that reading wraps, with the offset of the event. Whatever was read
// before is returned with them.
var (
	ErrFormat    = errors.New("not a binary log")
	ErrEncrypted = errors.New("encrypted binary log")
	ErrChecksum  = errors.New("checksum does not match")
)

// Transaction is one event group: what a GTID names.
type Transaction struct {
	// GTID is "0-1-100", "uuid:7" or "uuid:tag:7"; empty for MySQL's anonymous ones.
	GTID string
	// Offset is where its GTID event begins, in the file that it begins in. Right
	// after the event before it, so that an applier can start there.
	Offset int64
	// Earlier says how many files before this one that is. It is 0, except in a
	// Series whose relay log was rotated in the middle of the transaction.
	Earlier int
	// End is just after its last event that was read whole, in this file.
	End int64
	// DDL is a statement that commits by itself (MariaDB: flag standalone or ddl;
	// XA COMMIT and XA ROLLBACK of a prepared transaction are such, too).
	DDL bool
	// Complete says that the terminating event was read whole.
	Complete bool
}

// Format is what the last format description event says.
type Format struct {
	Server   string // version of the server that wrote the events, "10.11.19-MariaDB-log"
	MariaDB  bool
	Checksum bool // the events carry a CRC32
}

// File is what a log file says about itself.
type File struct {
	Format Format
	Relay  bool // a relay log
	InUse  bool // a binary log that was not closed: its server has it open, or died
	// Start is the last list of GTIDs before the first transaction. In a binary log,
	// and in a relay log of MySQL, it is what the logs before this file hold. In a
	// relay log of MariaDB it is there only if the receiver connected in this file,
	// and then says where the source began to send.
	Start string
	// Transactions are collected by Scan only.
	Transactions []Transaction
	// Resumes says that the file begins inside a transaction of an earlier file.
	Resumes bool
	// Truncated says that the file ended inside an event or inside a transaction.
	// If Rotate is set as well, the transaction goes on in that file.
	Truncated bool
	// Rotate is the name of the next file, if a rotate event closes this one.
	Rotate string
	// ServerIDs are the servers that wrote the transactions, sorted.
	ServerIDs []uint32
	// End is just after the last event that was read whole.
	End int64
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
// transaction, in the order of the file; the last one may be incomplete. An
// error of fn ends the walk and is returned as it is.
func Walk(r io.Reader, fn func(Transaction) error) (File, error) {
	var s Series
	w := walker{Series: &s, fn: fn}
	err := w.run(r)
	if s.open && !errors.Is(err, errStopped) {
		if stopped := w.emit(false); stopped != nil {
			err = stopped
		}
	}
	return w.file, w.cause(err)
}

// Series reads the files of one log in their order, and joins transactions that
// are spread over several of them. The zero value is ready.
type Series struct {
	group        // the transaction that has begun
	open    bool // there is one
	files   int  // files begun
	stopped error
}

// Walk is as the function Walk, for the next file of the series: a transaction
// that is still open at the end of the file is not reported, but kept for the
// next file. It is reported there, complete or, when another one begins instead,
// incomplete.
func (s *Series) Walk(r io.Reader, fn func(Transaction) error) (File, error) {
	w := walker{Series: s, fn: fn}
	err := w.run(r)
	return w.file, w.cause(err)
}

// Open returns the transaction that had begun but not ended with the last file.
func (s *Series) Open() (Transaction, bool) {
	if !s.open {
		return Transaction{}, false
	}
	return s.transaction(s.files, false), true
}
