package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
	"unicode"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// identity is a process beyond its pid, which the kernel uses again.
type identity struct {
	PID   int
	Start uint64 // clock ticks since boot
}

// identify returns the identity of the process that has the pid now.
func identify(pid int) (identity, error) {
	s, err := readStat(pid)
	return identity{pid, s.start}, err
}

// alive tells whether the process exists. A zombie has let go of everything but
// its number and is gone; so is the one whose number is somebody else's now.
func (i identity) alive() (bool, error) {
	if i.PID <= 0 {
		return false, nil
	}
	s, err := readStat(i.PID)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	return err == nil && s.start == i.Start && s.state != 'Z' && s.state != 'X', err
}

// send sends a signal; a process that is gone does not get it.
func (i identity) send(sig os.Signal) error {
	// The handle first, then once more whether it is the one: a pid that is taken by
	// somebody else later is not the handle's.
	handle, err := os.FindProcess(i.PID)
	if err != nil {
		return err
	}
	defer handle.Release() //nolint:errcheck // cannot fail
	if alive, err := i.alive(); !alive {
		return err
	}
	if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// runs is an error unless the process was started for the data directory.
func (i identity) runs(datadir string) error {
	argv, err := readArgv(i.PID)
	if err != nil {
		return err
	}
	// One that is just ending has no arguments any more.
	if len(argv) > 0 && !slices.Contains(argv, "--datadir="+datadir) {
		return fmt.Errorf("process %d is not the server of %s", i.PID, datadir)
	}
	return nil
}

// find looks through all processes for the command's. A script in the binary's place
// that ends in exec leaves the arguments, all in a row, and may add to them.
func find(c ocf.Command) (identity, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return identity{}, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if argv, err := readArgv(pid); err != nil || !holds(argv, c.Args) {
			continue
		}
		if who, err := identify(pid); err == nil {
			return who, nil
		}
	}
	return identity{}, nil
}

// holds tells whether the arguments are in argv, all in a row.
func holds(argv, args []string) bool {
	for len(args) > 0 && len(argv) >= len(args) {
		if slices.Equal(argv[:len(args)], args) {
			return true
		}
		argv = argv[1:]
	}
	return false
}

func readArgv(pid int) ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return nil, err
	}
	return parseArgv(text), nil
}

// parseArgv reads words that end in a zero each.
func parseArgv(text []byte) (argv []string) {
	if len(text) == 0 {
		return nil
	}
	for arg := range bytes.SplitSeq(bytes.TrimSuffix(text, []byte{0}), []byte{0}) {
		argv = append(argv, string(arg))
	}
	return argv
}

// stat is of proc(5)'s line what is used.
type stat struct {
	state  byte
	parent int
	start  uint64
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	return parseStat(text)
}

// parseStat reads fields 3, 4 and 22. The second is a name in parentheses and may
// hold anything, parentheses too.
func parseStat(text []byte) (stat, error) {
	const first, state, parent, start = 3, 3, 4, 22
	fields := bytes.Fields(text[bytes.LastIndexByte(text, ')')+1:])
	if len(fields) <= start-first || len(fields[state-first]) != 1 ||
		!unicode.IsLetter(rune(fields[state-first][0])) {
		return stat{}, errors.New("process status is not understood")
	}
	ticks, err := strconv.ParseUint(string(fields[start-first]), 10, 64)
	pid, parentErr := strconv.Atoi(string(fields[parent-first]))
	if err := errors.Join(err, parentErr); err != nil {
		return stat{}, fmt.Errorf("process status is not understood: %w", err)
	}
	return stat{fields[state-first][0], pid, ticks}, nil
}
