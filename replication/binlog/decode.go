package binlog

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strconv"
)

// MariaDB's flags of a GTID event.
const (
	mariaStandalone = 0x01
	mariaDDL        = 0x20
)

// decodeFormat reads a format description: u16 binlog version, 50 bytes server
// version, u32 time, u8 header length, a post-header length per event type, and
// u8 checksum algorithm of the events that follow. Servers too old to write the
// last (MariaDB before 5.3, MySQL before 5.6.1) have no GTIDs either.
func decodeFormat(b []byte) (Format, error) {
	const fixed = 2 + 50 + 4 + 1
	if len(b) < fixed+2 || binary.LittleEndian.Uint16(b) != 4 || b[fixed-1] != headerLen {
		return Format{}, fmt.Errorf("%w: format description of another version", ErrFormat)
	}
	algorithm := b[len(b)-1]
	if algorithm > checksumCRC32 {
		return Format{}, fmt.Errorf("%w: checksum algorithm %d", ErrFormat, algorithm)
	}
	return Format{
		Server: cString(b[2:52]),
		// MySQL is far from that many event types. The version text would not do:
		// an administrator can set it.
		MariaDB:  len(b)-fixed-1 >= typeMariaGTID,
		Checksum: algorithm == checksumCRC32,
	}, nil
}

// decodeMariaGTID reads u64 sequence, u32 domain, u8 flags; the server is the
// one in the event's header.
func decodeMariaGTID(ev event) (gtid string, flags byte, err error) {
	b := ev.body
	if len(b) < 13 {
		return "", 0, fmt.Errorf("%w: short GTID event", ErrFormat)
	}
	seq, domain := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint32(b[8:])
	return string(appendMariaGTID(make([]byte, 0, 42), domain, ev.server, seq)), b[12], nil
}

func appendMariaGTID(b []byte, domain, server uint32, seq uint64) []byte {
	b = append(strconv.AppendUint(b, uint64(domain), 10), '-')
	b = append(strconv.AppendUint(b, uint64(server), 10), '-')
	return strconv.AppendUint(b, seq, 10)
}

// decodeGTIDList reads MariaDB's list: u32 count, of which the highest four bits
// are flags, then u32 domain, u32 server, u64 sequence each.
func decodeGTIDList(b []byte) (string, error) {
	if len(b) < 4 {
		return "", fmt.Errorf("%w: short GTID list", ErrFormat)
	}
	count := int(binary.LittleEndian.Uint32(b) & (1<<28 - 1))
	if b = b[4:]; len(b)/16 < count {
		return "", fmt.Errorf("%w: GTID list of %d in %d bytes", ErrFormat, count, len(b))
	}
	var out []byte
	for i := range count {
		if i > 0 {
			out = append(out, ',')
		}
		e := b[16*i:]
		out = appendMariaGTID(out, binary.LittleEndian.Uint32(e), binary.LittleEndian.Uint32(e[4:]), binary.LittleEndian.Uint64(e[8:]))
	}
	return string(out), nil
}

// decodeMySQLGTID reads u8 flags, UUID, u64 number; or, with a tag, a message of
// numbered fields: 0 flags, 1 UUID, 2 number, 3 tag, and more that is not needed.
func decodeMySQLGTID(ev event) (string, error) {
	b := ev.body
	if ev.kind == typeGTID {
		if len(b) < 25 {
			return "", fmt.Errorf("%w: short GTID event", ErrFormat)
		}
		return mysqlGTID(b[1:17], nil, binary.LittleEndian.Uint64(b[17:])), nil
	}
	d := decoder{b: b}
	for range 3 { // version, size, last field that must be understood
		d.number()
	}
	var uuid [16]byte
	var number uint64
	var tag []byte
	for len(d.b) > 0 && !d.failed && len(tag) == 0 {
		switch d.number() {
		case 0:
			d.number()
		case 1:
			for i := range uuid {
				uuid[i] = byte(d.number())
			}
		case 2:
			number = d.number() >> 1 // the lowest bit is the sign
		case 3:
			tag = d.bytes(d.number())
		default:
			d.failed = true
		}
	}
	if d.failed || number == 0 || !isTag(tag) {
		return "", fmt.Errorf("%w: tagged GTID event", ErrFormat)
	}
	return mysqlGTID(uuid[:], tag, number), nil
}

// isTag: nothing, or a word as MySQL takes it. With a colon or a comma in it the text
// of its GTID would be that of other transactions.
func isTag(b []byte) bool {
	for i, c := range b {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(b) <= 32
}

func mysqlGTID(uuid, tag []byte, number uint64) string {
	b := appendUUID(make([]byte, 0, 96), uuid)
	if len(tag) > 0 {
		b = append(append(b, ':'), tag...)
	}
	return string(strconv.AppendUint(append(b, ':'), number, 10))
}

func appendUUID(b, uuid []byte) []byte {
	for i, part := range [...][2]int{{0, 4}, {4, 6}, {6, 8}, {8, 10}, {10, 16}} {
		if i > 0 {
			b = append(b, '-')
		}
		b = hex.AppendEncode(b, uuid[part[0]:part[1]])
	}
	return b
}

// decodePreviousGTIDs reads MySQL's set: u64 count of sources; per source its
// UUID, u64 count of intervals, and per interval u64 first and u64 after the
// last. If any has a tag, the count is between two bytes of 1, and each UUID is
// followed by the length of its tag and the tag.
func decodePreviousGTIDs(b []byte) (string, error) {
	d := decoder{b: b}
	count := d.fixed64()
	tagged := count>>56 == 1
	if tagged {
		count = count << 8 >> 16
	}
	var out []byte
	for i := uint64(0); i < count && !d.failed; i++ {
		uuid := d.bytes(16)
		var tag []byte
		if tagged {
			tag = d.bytes(d.number())
		}
		intervals := d.fixed64()
		d.failed = d.failed || !isTag(tag)
		if d.failed || intervals == 0 {
			continue
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		if out = appendUUID(out, uuid); len(tag) > 0 {
			out = append(append(out, ':'), tag...)
		}
		for j := uint64(0); j < intervals && !d.failed; j++ {
			first, after := d.fixed64(), d.fixed64()
			if first == 0 || after <= first {
				d.failed = true
			}
			out = strconv.AppendUint(append(out, ':'), first, 10)
			if after > first+1 {
				out = strconv.AppendUint(append(out, '-'), after-1, 10)
			}
		}
	}
	if d.failed {
		return "", fmt.Errorf("%w: previous GTIDs", ErrFormat)
	}
	return string(out), nil
}

// decoder takes values from the front; after a failure all are zero.
type decoder struct {
	b      []byte
	failed bool
}

func (d *decoder) bytes(n uint64) []byte {
	if d.failed || n > uint64(len(d.b)) {
		d.failed = true
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) fixed64() uint64 {
	if b := d.bytes(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// number reads a mysql::serialization integer: as many bytes follow as the first
// one ends in ones; above these and a zero lies the value, lowest byte first.
func (d *decoder) number() uint64 {
	if len(d.b) == 0 {
		d.failed = true
		return 0
	}
	more := bits.TrailingZeros8(^d.b[0])
	b := d.bytes(uint64(more) + 1)
	if b == nil {
		return 0
	}
	if more == 8 {
		return binary.LittleEndian.Uint64(b[1:])
	}
	var all [8]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:]) >> (more + 1)
}
