package binlog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
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

func (in *input) reset(r io.Reader) { *in = input{r: bufio.NewReaderSize(r, 1<<16), buf: in.buf[:0]} }

var (
	magicPlain     = []byte("\xfebin")
	magicEncrypted = []byte("\xfdbin") // MySQL; MariaDB's encrypted files begin as plain ones
)

// magic reads the four bytes that all logs begin with; false if the file ends before.
func (in *input) magic() (whole bool, err error) {
	var b [4]byte
	n, err := io.ReadFull(in.r, b[:])
	if err != nil && !isEnd(err) {
		return false, err
	}
	switch {
	case bytes.Equal(b[:], magicEncrypted):
		return false, ErrEncrypted
	case !bytes.HasPrefix(magicPlain, b[:n]):
		return false, fmt.Errorf("%w: it begins with %q", ErrFormat, b[:n])
	}
	in.offset = int64(n)
	return n == len(b), nil
}

func isEnd(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }

// next reads one event. io.EOF: there is none; io.ErrUnexpectedEOF: the file
// ends inside it. With other errors the event has at least its offset.
func (in *input) next() (event, error) {
	ev := event{offset: in.offset}
	var h [headerLen]byte
	if _, err := io.ReadFull(in.r, h[:]); err != nil {
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
	in.crc = crc32.ChecksumIEEE(h[:])
	trailer := in.checksum || ev.kind == typeFormat
	if trailer {
		ev.size -= checksumLen
	}
	if ev.size < 0 {
		return ev, fmt.Errorf("%w: event of %d bytes", ErrFormat, length)
	}
	if err := in.body(&ev); err != nil {
		return ev, noEOF(err)
	}
	in.offset = ev.end
	if !trailer {
		return ev, nil
	}
	var sum [checksumLen]byte
	if _, err := io.ReadFull(in.r, sum[:]); err != nil {
		return ev, noEOF(err)
	}
	check := in.checksum
	if ev.kind == typeFormat {
		if check = in.adapt(&ev, sum[:]); !check {
			return ev, nil
		}
	}
	if check && binary.LittleEndian.Uint32(sum[:]) != in.crc {
		return ev, ErrChecksum
	}
	return ev, nil
}

// adapt decides for a format description whether its last four bytes were a
// checksum: it speaks for itself, whatever the one before it said. A server that
// knows checksums always leaves room for one here, even if it uses none.
func (in *input) adapt(ev *event, trailer []byte) (check bool) {
	if len(ev.body) < 52 || int64(len(ev.body)) < ev.size {
		return false // decoding will refuse it
	}
	if knowsChecksums(cString(ev.body[2:52])) {
		return ev.body[len(ev.body)-1] == checksumCRC32
	}
	ev.body = append(ev.body, trailer...)
	ev.size += checksumLen
	return false
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
		b, err := in.r.Peek(int(min(left, int64(in.r.Size()))))
		if len(b) == 0 {
			return err
		}
		in.crc = crc32.Update(in.crc, crc32.IEEETable, b)
		if need := wanted - int64(len(in.buf)); need > 0 {
			in.buf = append(in.buf, b[:min(need, int64(len(b)))]...)
		}
		n, _ := in.r.Discard(len(b))
		left -= int64(n)
	}
	ev.body = in.buf
	return nil
}

// knowsChecksums says whether a server of this version ends its format
// description with algorithm and checksum: MySQL from 5.6.1, MariaDB from 5.3.
func knowsChecksums(version string) bool {
	var v [3]int
	rest := version
	for i := range v {
		for rest != "" && '0' <= rest[0] && rest[0] <= '9' && v[i] < 1000 {
			v[i] = v[i]*10 + int(rest[0]-'0')
			rest = rest[1:]
		}
		rest = strings.TrimPrefix(rest, ".")
	}
	n := v[0]*1_000_000 + v[1]*1000 + v[2]
	return n >= 5_006_001 || n >= 5_003_000 && strings.Contains(version, "MariaDB")
}

func cString(b []byte) string {
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	return string(b)
}
