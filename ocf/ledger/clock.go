package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// Clock tells the wall-clock time and the time since boot.
type Clock struct{}

var _ ocf.Clock = Clock{}

// Now is the wall-clock time.
func (Clock) Now() time.Time { return time.Now() }

// Sleep pauses.
func (Clock) Sleep(d time.Duration) { time.Sleep(d) }

// Boot names this run of the node, and tells how long the machine has been up,
// sleep included. A container shares both the boot id and the clock with its
// host, so the start of the first process is part of the name: a container that
// was started again is a node that was booted again. The name of a boot that
// cannot be told is equal to no other.
func (Clock) Boot() (id string, since time.Duration) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		panic(fmt.Sprintf("boot-time clock: %v", err)) // since Linux 2.6.39
	}
	since = time.Duration(ts.Nano())
	id, err := bootID("/proc")
	if err != nil {
		id = fmt.Sprintf("unknown:%d", ts.Nano())
	}
	return id, since
}

func bootID(proc string) (string, error) {
	boot, err := os.ReadFile(proc + "/sys/kernel/random/boot_id")
	if err != nil {
		return "", err
	}
	stat, err := os.ReadFile(proc + "/1/stat")
	if err != nil {
		return "", err
	}
	start, err := startTime(stat)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s:%d", bytes.TrimSpace(boot), start), nil
}

// startTime reads field 22 of proc(5)'s stat, in clock ticks since boot. The
// second field is a name in parentheses and may hold anything, parentheses too.
func startTime(stat []byte) (uint64, error) {
	const first, want = 3, 22
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= want-first {
		return 0, errors.New("start time of the first process: not understood")
	}
	return strconv.ParseUint(string(fields[want-first]), 10, 64)
}
