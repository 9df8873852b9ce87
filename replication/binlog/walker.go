package binlog

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

// Event types: MySQL's, then MariaDB's from 160 on.
const (
	typeQuery             = 2
	typeStop              = 3
	typeRotate            = 4
	typeFormat            = 15
	typeXID               = 16
	typeExecuteLoadQuery  = 18
	typeIncident          = 26
	typeHeartbeat         = 27
	typeIgnorable         = 28
	typeGTID              = 33
	typeAnonymousGTID     = 34
	typePreviousGTIDs     = 35
	typeXAPrepare         = 38
	typePayload           = 40
	typeHeartbeat2        = 41
	typeTaggedGTID        = 42
	typeMariaCheckpoint   = 161
	typeMariaGTID         = 162
	typeMariaGTIDList     = 163
	typeMariaEncryption   = 164
	typeMariaQueryCompact = 165
)

// Event flags.
const (
	flagInUse      = 0x01
	flagArtificial = 0x20
	flagRelay      = 0x40
)

// maxServerIDs bounds File.ServerIDs: no honest log has that many.
const maxServerIDs = 1024

// errStopped says that fn failed; the failure itself is in Series.stopped.
var errStopped = errors.New("stopped by the caller")

// walker reads one file of a series.
type walker struct {
	*Series
	fn    func(Transaction) error
	in    input
	file  File
	begun bool // a format description was read
	gtids bool // a GTID event was read
}

// cause puts fn's own error in the place of errStopped.
func (w *walker) cause(err error) error {
	if errors.Is(err, errStopped) {
		return w.stopped
	}
	return err
}

func (w *walker) run(r io.Reader) error {
	w.files++
	w.in.reset(r)
	whole, err := w.in.magic()
	if err != nil || !whole {
		w.file.Truncated = err == nil
		return err
	}
	w.file.End = w.in.offset
	for {
		ev, err := w.in.next()
		switch {
		case errors.Is(err, io.EOF):
			w.file.Truncated = w.open
			return nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			w.file.Truncated = true
			return nil
		case err == nil:
			err = w.event(ev)
			w.file.End = ev.end
		}
		if err != nil {
			w.file.Truncated = w.open
			if errors.Is(err, errStopped) {
				return err
			}
			return fmt.Errorf("event at %d: %w", ev.offset, err)
		}
	}
}

// event takes one whole event with a right checksum.
func (w *walker) event(ev event) error {
	if !w.begun && ev.kind != typeFormat {
		return fmt.Errorf("%w: it does not begin with a format description", ErrFormat)
	}
	if n := keep(ev.kind); ev.size > n && n > 0 && ev.kind != typeQuery {
		return fmt.Errorf("%w: event of type %d with %d bytes", ErrFormat, ev.kind, ev.size)
	}
	w.file.Rotate = "" // nothing may follow what closes a file
	switch ev.kind {
	case typeFormat:
		return w.format(ev)
	case typeMariaEncryption:
		return ErrEncrypted
	case typeRotate:
		return w.rotate(ev)
	case typeMariaGTIDList:
		return w.start(decodeGTIDList(ev.body))
	case typePreviousGTIDs:
		return w.start(decodePreviousGTIDs(ev.body))
	case typeMariaGTID:
		gtid, flags, err := decodeMariaGTID(ev)
		if err != nil {
			return err
		}
		return w.begin(ev, gtid, group{
			maria:      true,
			standalone: flags&mariaStandalone != 0,
			ddl:        flags&(mariaStandalone|mariaDDL) != 0,
		})
	case typeGTID, typeTaggedGTID:
		gtid, err := decodeMySQLGTID(ev)
		if err != nil {
			return err
		}
		return w.begin(ev, gtid, group{})
	case typeAnonymousGTID:
		return w.begin(ev, "", group{})
	case typeStop, typeHeartbeat, typeHeartbeat2, typeIgnorable, typeMariaCheckpoint:
		return nil
	}
	return w.inside(ev)
}

func (w *walker) format(ev event) error {
	f, err := decodeFormat(ev.body)
	if err != nil {
		return err
	}
	if !w.begun {
		w.begun = true
		w.file.Relay = ev.flags&flagRelay != 0
		w.file.InUse = ev.flags&flagInUse != 0
	}
	w.file.Format = f
	w.in.checksum = f.Checksum
	return nil
}

// rotate takes the event that closes the file. A relay log also holds those of
// the source: made up for a receiver that connects, or the end of the source's
// file; only the replica's own has the relay flag.
func (w *walker) rotate(ev event) error {
	if len(ev.body) <= 8 {
		return fmt.Errorf("%w: rotate event without a name", ErrFormat)
	}
	if ev.flags&flagArtificial == 0 && (ev.flags&flagRelay != 0) == w.file.Relay {
		w.file.Rotate = string(ev.body[8:])
	}
	return nil
}

func (w *walker) start(gtids string, err error) error {
	if err == nil && !w.gtids {
		w.file.Start = gtids
	}
	return err
}

// begin takes a GTID event. If a transaction is still open, its source died in
// the middle of sending it, and appliers roll it back.
func (w *walker) begin(ev event, gtid string, g group) error {
	if w.open {
		if err := w.emit(false); err != nil {
			return err
		}
	}
	w.gtids = true
	g.gtid, g.offset, g.end, g.file = gtid, ev.offset, ev.end, w.files
	w.group, w.open = g, true
	if i, known := slices.BinarySearch(w.file.ServerIDs, ev.server); !known && len(w.file.ServerIDs) < maxServerIDs {
		w.file.ServerIDs = slices.Insert(w.file.ServerIDs, i, ev.server)
	}
	return nil
}

// inside takes an event that belongs to a transaction.
func (w *walker) inside(ev event) error {
	if !w.gtids {
		w.file.Resumes = true
	}
	if !w.open {
		return nil
	}
	ends := w.ends(ev)
	w.end = ev.end
	if ends {
		return w.emit(true)
	}
	return nil
}

// emit reports the open transaction and closes it.
func (w *walker) emit(complete bool) error {
	w.open = false
	if err := w.fn(w.transaction(w.files, complete)); err != nil {
		w.stopped = err
		return errStopped
	}
	return nil
}
