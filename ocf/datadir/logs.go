package datadir

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mysql-ha/mysql-ha/replication/binlog"
)

// log is one of the server's logs: a list of files, oldest first.
type log struct {
	index string   // path of the index file; empty where there is none
	files []string // paths
}

// open reads a log's index. A server that never wrote the log has neither index
// nor files.
func (d *Dir) open(base string) (log, error) {
	for _, stem := range stems(base) {
		index := d.path(stem) + ".index"
		f, err := os.Open(index)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return log{}, err
		}
		defer f.Close()
		names, err := binlog.ParseIndex(f)
		if err != nil {
			return log{}, fmt.Errorf("%s: %w", index, err)
		}
		l := log{index: index}
		for _, name := range names {
			l.files = append(l.files, d.path(name))
		}
		return l, nil
	}
	// A directory that is not there (its file system is not mounted) is not one
	// without logs.
	if _, err := os.Stat(filepath.Dir(d.path(base))); err != nil {
		return log{}, err
	}
	for _, stem := range stems(base) {
		if files, _ := filepath.Glob(d.path(stem) + ".[0-9]*[0-9]"); len(files) > 0 {
			return log{}, fmt.Errorf("there is %s and no index", files[0])
		}
	}
	return log{}, nil
}

// stems are the names a base may have without its extension: servers differ on
// what that is when there are several dots.
func stems(base string) []string {
	dir, name := filepath.Split(base)
	last := dir + strings.TrimSuffix(name, filepath.Ext(name))
	name, _, _ = strings.Cut(name, ".")
	if first := dir + name; first != last {
		return []string{last, first}
	}
	return []string{last}
}

// walk reads the files as one series: a relay log may be rotated in the middle of
// a transaction. fn also gets the number of the file that the transaction ended
// in. The log that is returned is the first one, without its transactions.
func (l log) walk(fn func(i int, t binlog.Transaction) error) (first binlog.File, err error) {
	var s binlog.Series
	for i, path := range l.files {
		file, err := walkFile(&s, path, func(t binlog.Transaction) error { return fn(i, t) })
		if err != nil {
			return first, fmt.Errorf("%s: %w", path, err)
		}
		if i == 0 {
			first = file
		}
	}
	if t, ok := s.Open(); ok {
		return first, fn(len(l.files)-1, t)
	}
	return first, nil
}

func walkFile(s *binlog.Series, path string, fn func(binlog.Transaction) error) (binlog.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return binlog.File{}, err
	}
	defer f.Close()
	file, err := s.Walk(f, fn)
	if !errors.Is(err, binlog.ErrFormat) && !errors.Is(err, binlog.ErrChecksum) {
		return file, err
	}
	if torn, tornErr := isTorn(f, file.End); tornErr != nil || !torn {
		return file, errors.Join(err, tornErr)
	}
	return file, nil
}

// isTorn tells whether what cannot be read from the offset on is what a power loss
// leaves of a write that was never synced: zeros, or one event and zeros. What was
// acknowledged had been synced and lies before it. Damage in front of further
// events is something else.
func isTorn(f *os.File, offset int64) (bool, error) {
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	end, err := lastByte(f, offset, info.Size())
	if err != nil || end == offset {
		return err == nil, err
	}
	const lengthAt, headerSize = 9, 19 // of an event
	var header [headerSize]byte
	if _, err := f.ReadAt(header[:], offset); err != nil {
		return errors.Is(err, io.EOF), nil
	}
	length := int64(binary.LittleEndian.Uint32(header[lengthAt:]))
	return offset > 0 && length >= headerSize && offset+length >= end, nil
}

// lastByte returns the offset after the last byte between the two that is not zero.
func lastByte(r io.ReaderAt, from, to int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for to > from {
		chunk := buf[:min(int64(len(buf)), to-from)]
		if _, err := r.ReadAt(chunk, to-int64(len(chunk))); err != nil {
			return 0, err
		}
		for i := len(chunk) - 1; i >= 0; i-- {
			if chunk[i] != 0 {
				return to - int64(len(chunk)-1-i), nil
			}
		}
		to -= int64(len(chunk))
	}
	return from, nil
}
