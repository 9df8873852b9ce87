package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	godbus "github.com/godbus/dbus/v5"
)

// dropIn is what a service of somebody else's is told while the cluster answers for
// its server: as a unit of ours (properties.go), nobody but the agent restarts it,
// sends it SIGTERM, or ends it before Pacemaker at a shutdown.
const dropIn = `# The cluster answers for this server. Gone with the next boot.
[Unit]
Before=pacemaker.service pacemaker_remote.service
[Service]
Restart=no
KillSignal=SIGKILL
`

// noUnit is systemd's answer for a process of nobody's.
const noUnit = "org.freedesktop.systemd1.NoUnitForPID"

// dropInDirs is where systemd reads what holds until the next boot.
const dropInDirs = "/run/systemd/system"

// tamer is what is used of *dbus.Conn to tame.
type tamer interface {
	GetUnitNameByPID(ctx context.Context, pid uint32) (string, error)
	GetAllPropertiesContext(ctx context.Context, unit string) (map[string]any, error)
	ReloadContext(ctx context.Context) error
}

// Tame finds the service that began with one of the processes, and has it leave
// their end and their restart to the agent. It returns which of them that is; 0
// where they are nobody's, or only live in the service of who started them.
func Tame(ctx context.Context, pids []int) (main int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	b, err := dial(ctx)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	t, ok := b.(tamer)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return tame(ctx, t, dropInDirs, pids)
}

func tame(ctx context.Context, b tamer, dirs string, pids []int) (int, error) {
	unit, err := b.GetUnitNameByPID(ctx, uint32(pids[0]))
	if e, ok := errors.AsType[godbus.Error](err); ok && e.Name == noUnit {
		return 0, nil // in a cgroup that systemd knows nothing of
	}
	if err != nil {
		return 0, fmt.Errorf("unit of process %d: %w", pids[0], err)
	}
	if !strings.HasSuffix(unit, ".service") {
		return 0, nil
	}
	properties, err := b.GetAllPropertiesContext(ctx, unit)
	if err != nil {
		return 0, fmt.Errorf("look at %s: %w", unit, err)
	}
	r := reader{properties: properties}
	main := int(read[uint32](&r, "MainPID"))
	if r.err != nil {
		return 0, fmt.Errorf("look at %s: %w", unit, r.err)
	}
	if !slices.Contains(pids, main) {
		return 0, nil
	}
	path := filepath.Join(dirs, unit+".d", "90-mysql-ha.conf")
	if text, err := os.ReadFile(path); err == nil && string(text) == dropIn {
		return main, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	if err := os.WriteFile(path, []byte(dropIn), 0o644); err != nil {
		return 0, err
	}
	if err := b.ReloadContext(ctx); err != nil {
		_ = os.Remove(path) // not in force: the next one is to try again
		return 0, fmt.Errorf("reload systemd for %s: %w", unit, err)
	}
	return main, nil
}
