package binlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

const (
	headerLen     = 19
	checksumLen   = 4
	checksumCRC32 = 1

	// keepQuery is the longest start of a query event up to its text: post-header,
	// status variables (u16), database name (u8), NUL, and enough of the text.
	keepQuery = 13 + 1<<16 + 1<<8 + 1 + 16
	// keepList bounds lists of GTIDs: about a million entries.
	keepList = 16 << 20
)

// event is one event, read whole; body has at most the bytes that its type
// needs, size says how many there were, both without the checksum.
type event struct {
	offset, end int64
	kind        byte
	server      uint32
	flags       uint16
	size        int64
	body        []byte // valid until the next event
}

// input cuts a file into events. It never trusts a size: memory grows only with
// bytes that were really read.
type input struct {
	r        *bufio.Reader
	offset   int64
	checksum bool // of the events to come, by the last format description
	buf      []byte
	crc      uint32
}

func (in *input) reset(r io.Reader) { *in = input{r: bufio.NewReaderSize(r, 1<<14), buf: in.buf[:0]} }

var (
	magicPlain     = []byte("\xfebin")
	magicEncrypted = []byte("\xfdbin") // MySQL; MariaDB's encrypted files begin as plain ones
)

// magic reads the four bytes that all logs begin with; false if the file ends before.
func (in *input) magic() (whole bool, err error) {
	b, err := in.take(len(magicPlain))
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch {
	case bytes.Equal(b, magicEncrypted):
		return false, ErrEncrypted
	case !bytes.HasPrefix(magicPlain, b):
		return false, fmt.Errorf("%w: it begins with %q", ErrFormat, b)
	}
	in.offset = int64(len(b))
	return err == nil, nil
}

// take returns the next n bytes, valid until the next call; fewer, and io.EOF or
// the reader's error, if there are not so many.
func (in *input) take(n int) ([]byte, error) {
	b, err := in.r.Peek(n)
	_, _ = in.r.Discard(len(b)) // they are in the buffer
	return b, err
}

// next reads one event. io.EOF: there is none; io.ErrUnexpectedEOF: the file
// ends inside it. With other errors the event has at least its offset.
func (in *input) next() (event, error) {
	ev := event{offset: in.offset}
	h, err := in.take(headerLen)
	if err != nil {
		if len(h) > 0 {
			err = noEOF(err)
		}
		return ev, err
	}
	length := int64(binary.LittleEndian.Uint32(h[9:]))
	ev.kind = h[4]
	ev.server = binary.LittleEndian.Uint32(h[5:])
	ev.flags = binary.LittleEndian.Uint16(h[17:])
	ev.end = ev.offset + length
	ev.size = length - headerLen

	// Writing to a log in use never touches its checksums, so they are made without the flag.
	if ev.kind == typeFormat {
		h[17] &^= flagInUse
	}
	in.crc = crc32.ChecksumIEEE(h)
	// A format description always has a checksum, also if the events behind it have none.
	checked := in.checksum || ev.kind == typeFormat
	if checked {
		ev.size -= checksumLen
	}
	if ev.size < 0 {
		return ev, fmt.Errorf("%w: event of %d bytes", ErrFormat, length)
	}
	if err := in.body(&ev); err != nil {
		return ev, noEOF(err)
	}
	in.offset = ev.end
	if !checked {
		return ev, nil
	}
	sum, err := in.take(checksumLen)
	if err != nil {
		return ev, noEOF(err)
	}
	if binary.LittleEndian.Uint32(sum) != in.crc {
		return ev, ErrChecksum
	}
	return ev, nil
}

// noEOF makes the end of the file inside an event what it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// keep is how much of an event's body is needed.
func keep(kind byte) int64 {
	switch kind {
	case typeQuery:
		return keepQuery
	case typeFormat, typeRotate, typeGTID, typeTaggedGTID, typeMariaGTID:
		return 4096
	case typeMariaGTIDList, typePreviousGTIDs:
		return keepList
	}
	return 0
}

// body reads what the event's type needs into memory and the rest past it.
func (in *input) body(ev *event) error {
	in.buf = in.buf[:0]
	for left, wanted := ev.size, min(ev.size, keep(ev.kind)); left > 0; {
		b, err := in.take(int(min(left, int64(in.r.Size()))))
		in.crc = crc32.Update(in.crc, crc32.IEEETable, b)
		if need := wanted - int64(len(in.buf)); need > 0 {
			in.buf = append(in.buf, b[:min(need, int64(len(b)))]...)
		}
		if left -= int64(len(b)); err != nil {
			return err
		}
	}
	ev.body = in.buf
	return nil
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
