package binlog

import (
	"bytes"
	"encoding/binary"
)

// group is a transaction of which the GTID event was read.
type group struct {
	gtid        string
	offset, end int64
	file        int // of the series, that offset belongs to

	maria      bool
	standalone bool // MariaDB: one statement, nothing terminates it
	ddl        bool
	begun      bool // MySQL: BEGIN or XA START was read
}

// transaction is the group as the caller sees it, while reading the given file.
func (g *group) transaction(file int, complete bool) Transaction {
	return Transaction{
		GTID:     g.gtid,
		Offset:   g.offset,
		Earlier:  file - g.file,
		End:      g.end,
		DDL:      g.ddl,
		Complete: complete,
	}
}

// ends reports whether the event terminates the group.
func (g *group) ends(ev event) bool {
	switch ev.kind {
	case typeXID, typeXAPrepare:
		return true
	case typePayload: // MySQL: the whole transaction in one event
		return true
	case typeIncident:
		return !g.maria
	case typeQuery, typeMariaQueryCompact, typeExecuteLoadQuery:
		if g.maria {
			return g.standalone || ev.commits()
		}
		return g.endsMySQL(ev)
	}
	return false
}

// endsMySQL follows MySQL's rule: a query that neither opens nor follows BEGIN is
// a transaction of its own.
func (g *group) endsMySQL(ev event) bool {
	switch text, _ := ev.query(); {
	case ev.commits():
		return true
	case g.begun:
		return false
	case bytes.Equal(text, []byte("BEGIN")), bytes.HasPrefix(text, []byte("XA START")):
		g.begun = true
		return false
	}
	g.ddl = true
	return true
}

// commits reports whether the event is a query COMMIT or ROLLBACK (not ROLLBACK
// TO a savepoint). No server compresses texts that short.
func (ev event) commits() bool {
	text, whole := ev.query()
	return whole && (string(text) == "COMMIT" || string(text) == "ROLLBACK")
}

// query returns the text of a query event, or the start of a long one: u32
// thread, u32 seconds, u8 length of the database name, u16 error, u16 length of
// the status variables, then these, the name, NUL, text.
func (ev event) query() (text []byte, whole bool) {
	const fixed = 13
	b := ev.body
	if ev.kind != typeQuery || len(b) < fixed {
		return nil, false
	}
	at := fixed + int(binary.LittleEndian.Uint16(b[11:])) + int(b[8]) + 1
	if at > len(b) {
		return nil, false
	}
	return b[at:], int64(len(b)) == ev.size
}
