package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// sharedLogs returns an error that says which server has a file of these logs open.
// Two instances get there by one configuration file that sets an absolute path, and
// neither server asks: each would number, list and purge the other's files.
func sharedLogs(logs []string, binary string) error {
	var begin []string
	for _, base := range logs {
		if dir, err := filepath.EvalSymlinks(filepath.Dir(base)); err == nil {
			base = filepath.Join(dir, filepath.Base(base))
		}
		// The server puts a number in an extension's place.
		begin = append(begin, strings.TrimSuffix(base, filepath.Ext(base))+".")
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !serverProgram(pid, binary) {
			continue
		}
		open, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		if err != nil {
			return err
		}
		for _, fd := range open {
			file, err := os.Readlink(fd)
			if err != nil {
				continue // closed meanwhile
			}
			for _, b := range begin {
				if strings.HasPrefix(file, b) {
					return fmt.Errorf("%s is in use by process %d: each instance needs logs of its own", file, pid)
				}
			}
		}
	}
	return nil
}
