package binlog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrIndex is wrapped where an index file makes no sense.
var ErrIndex = errors.New("not an index of logs")

// Bounds of an index: a path of the file system, and more files than a server can number.
const (
	maxName  = 4096
	maxNames = 1 << 20
)

// ParseIndex reads the index file that lists a server's logs, oldest first. The
// names are as written: relative ones are relative to the data directory.
func ParseIndex(r io.Reader) ([]string, error) {
	var names []string
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxName+2)
	for lines.Scan() {
		name := bytes.TrimRight(lines.Bytes(), "\r")
		switch {
		case len(name) == 0:
			continue
		case bytes.IndexByte(name, 0) >= 0 || len(name) > maxName || len(names) == maxNames:
			return names, fmt.Errorf("%w: line %d", ErrIndex, len(names)+1)
		}
		names = append(names, string(name))
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return names, fmt.Errorf("%w: line %d is too long", ErrIndex, len(names)+1)
	} else if err != nil {
		return names, err
	}
	return names, nil
}
