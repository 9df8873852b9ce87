package binlog

import (
	"strings"
	"testing"
)

// Examples of MySQL's source documentation, "mysql::serialization", and numbers
// of a real event.
func TestNumber(t *testing.T) {
	for _, tt := range []struct {
		in   []byte
		want uint64
	}{
		{[]byte{0x00}, 0},
		{[]byte{0xfe}, 127},
		{[]byte{0x5d, 0x03}, 215},
		{[]byte{0xfb, 0xff, 0x07}, 65535},
		{[]byte{0xc3, 0x02, 0x0b}, 90200},
		{[]byte{0x7f, 0x39, 0x7d, 0x89, 0x70, 0xdb, 0x2d, 0x06}, 1739270369410361},
		{[]byte{0xff, 1, 0, 0, 0, 0, 0, 0, 0x80}, 1<<63 + 1},
	} {
		d := decoder{b: tt.in}
		if got := d.number(); got != tt.want || d.failed || len(d.b) != 0 {
			t.Errorf("%x: %d, failed %t, %d bytes left", tt.in, got, d.failed, len(d.b))
		}
		d = decoder{b: tt.in[:len(tt.in)-1]}
		if got := d.number(); got != 0 || !d.failed {
			t.Errorf("%x cut: %d, failed %t", tt.in, got, d.failed)
		}
	}
}

// Lists that claim more than they hold are refused, not read past their end.
func TestListsRefused(t *testing.T) {
	for name, err := range map[string]error{
		"empty":          second(decodeGTIDList(nil)),
		"many in none":   second(decodeGTIDList([]byte{0xff, 0xff, 0xff, 0x0f})),
		"no count":       second(decodePreviousGTIDs([]byte{1, 0})),
		"one in none":    second(decodePreviousGTIDs([]byte{1, 0, 0, 0, 0, 0, 0, 0})),
		"many in none 2": second(decodePreviousGTIDs([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0})),
		"tagged in none": second(decodePreviousGTIDs([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})),
	} {
		if err == nil {
			t.Error(name)
		}
	}
}

// A tag that is no word would make of one transaction's name the names of others.
func TestTagsRefused(t *testing.T) {
	number := func(n byte) byte { return n << 1 } // as mysql::serialization writes up to 127
	for tag, want := range map[string]bool{
		"a": true, "_b2": true, "Blue": true, strings.Repeat("x", 32): true,
		"2b": false, "a:1": false, "a,b": false, "a b": false, "a\x00": false, "ä": false, strings.Repeat("x", 33): false,
	} {
		b := []byte{number(1), number(9), number(4), number(0), number(0), number(1)}
		b = append(append(b, make([]byte, 16)...), number(2), number(7<<1), number(3), number(byte(len(tag))))
		got, err := decodeMySQLGTID(event{kind: typeTaggedGTID, body: append(b, tag...)})
		if (err == nil) != want || want && got != "00000000-0000-0000-0000-000000000000:"+tag+":7" {
			t.Errorf("%q: %q, %v", tag, got, err)
		}
		list := append([]byte{1, 1, 0, 0, 0, 0, 0, 1}, make([]byte, 16)...)
		list = append(append(list, number(byte(len(tag)))), tag...)
		list = append(list, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0)
		if _, err := decodePreviousGTIDs(list); (err == nil) != want {
			t.Errorf("%q in a list: %v", tag, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }
