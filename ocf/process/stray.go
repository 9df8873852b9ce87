package process

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// stray is a server on the data directory that the unit did not start.
type stray struct {
	identity
	keepers []keeper // would start it again if it died, the nearest first
	service string   // of systemd, whose process it is one of
}

// keeper is a mysqld_safe.
type keeper struct {
	identity
	name string
}

// String says who runs it.
func (s stray) String() string {
	if len(s.keepers) > 0 {
		return fmt.Sprintf("process %d, kept by %s (%d)", s.PID, s.keepers[0].name, s.keepers[0].PID)
	}
	if s.service != "" {
		return fmt.Sprintf("process %d of %s", s.PID, s.service)
	}
	return fmt.Sprintf("process %d", s.PID)
}

// findStray looks for a server that works in the data directory: it goes there
// before it opens any file, whatever its command line says.
func findStray(datadir, binary string) (stray, error) {
	home, err := os.Stat(datadir)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
		return stray{}, nil
	}
	if err != nil {
		return stray{}, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return stray{}, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !serverProgram(pid, binary) {
			continue
		}
		at, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
		if gone(err) {
			continue
		}
		if err != nil {
			return stray{}, err
		}
		if !os.SameFile(home, at) {
			continue
		}
		who, err := identify(pid)
		if gone(err) {
			continue
		}
		if err != nil {
			return stray{}, err
		}
		s := stray{identity: who, service: serviceOf(pid)}
		s.keepers, err = keepersOf(pid)
		return s, err
	}
	return stray{}, nil
}

// gone is how /proc tells of a process that has ended meanwhile.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// serverProgram tells whether the process runs a server's program.
func serverProgram(pid int, binary string) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return false // a thread of the kernel, or of nobody any more
	}
	exe = strings.TrimSuffix(exe, " (deleted)") // a new version was installed
	return exe == binary || slices.Contains([]string{"mysqld", "mysqld-debug", "mariadbd"}, filepath.Base(exe))
}

// keepersOf climbs from a server to whoever restarts it.
func keepersOf(pid int) ([]keeper, error) {
	var found []keeper
	for {
		s, err := readStat(pid)
		if gone(err) {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		argv, err := readArgv(s.parent)
		if gone(err) || s.parent <= 1 {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(argv[:min(len(argv), 2)], func(arg string) bool { // it is a script
			return slices.Contains([]string{"mysqld_safe", "mariadbd-safe"}, path.Base(arg))
		})
		if i < 0 {
			return found, nil
		}
		who, err := identify(s.parent)
		if err != nil {
			return nil, err
		}
		found = append(found, keeper{who, path.Base(argv[i])})
		pid = s.parent
	}
}

// serviceOf reads the process's cgroup; "" where systemd has none for it.
func serviceOf(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return ""
	}
	return parseCgroup(text)
}

func parseCgroup(text []byte) string {
	for line := range bytes.Lines(text) {
		// "0::/system.slice/x.service", or "1:name=systemd:/…" where both versions are.
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(fields) == 3 && (fields[1] == "" || fields[1] == "name=systemd") {
			if name := path.Base(fields[2]); strings.HasSuffix(name, ".service") {
				return name
			}
		}
	}
	return ""
}

// locked returns an error that says who holds the data directory's lock, also from
// within another container, where no process is to be seen.
func locked(datadir string) error {
	f, err := os.Open(filepath.Join(datadir, "ibdata1"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lock := unix.Flock_t{Type: unix.F_WRLCK, Whence: unix.SEEK_SET}
	if err := unix.FcntlFlock(f.Fd(), unix.F_GETLK, &lock); err != nil {
		return fmt.Errorf("whether %s is in use: %w", datadir, err)
	}
	switch {
	case lock.Type == unix.F_UNLCK:
		return nil
	case lock.Pid <= 0:
		return fmt.Errorf("%s is in use by a server of another container", datadir)
	}
	return fmt.Errorf("%s is in use by process %d", datadir, lock.Pid)
}

// owner is the resource whose unit a server is, other than this one; "" for none.
func (a *Adopter) owner(s stray) (string, error) {
	if other, ok := strings.CutPrefix(s.service, servicePrefix); ok {
		return strings.TrimSuffix(other, ".service"), nil
	}
	for _, kind := range []string{".process", ".adopted"} {
		paths, err := filepath.Glob(filepath.Join(filepath.Dir(a.base), "*"+kind))
		if err != nil {
			return "", err
		}
		for _, p := range paths {
			base := strings.TrimSuffix(p, kind)
			text, err := os.ReadFile(p)
			if base == a.base || errors.Is(err, fs.ErrNotExist) {
				continue
			}
			var r struct{ Server identity }
			if err == nil {
				err = json.Unmarshal(text, &r)
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", p, err)
			}
			if r.Server == s.identity {
				return filepath.Base(base), nil
			}
		}
	}
	return "", nil
}
