package systemd

import (
	"math"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"

	"github.com/mysql-ha/mysql-ha/ocf"
)

const infinity = uint64(math.MaxUint64)

// properties are what a unit file would say.
func properties(name string, c ocf.Command) []dbus.Property {
	resource := strings.TrimSuffix(name, ".service")
	all := []dbus.Property{
		property("Description", "Database server of the cluster ("+resource+")"),
		property("Type", "notify"),
		command("ExecStart", append([]string{c.Binary}, c.Args...)),
		property("User", c.User),
		property("Group", c.Group),
		// Only mysqld runs as mysql, the exit hook as root. The "+" of a unit file would
		// say so for the hook alone, but its property is ExecStopPostEx: systemd 252
		// writes the unit down under that name and forgets it at the next reload.
		property("PermissionsStartOnly", true),
		property("UMask", uint32(0o007)),

		// At a shutdown Pacemaker ends first, and our stop action ends mysqld.
		property("Before", []string{"pacemaker.service", "pacemaker_remote.service"}),
		property("Restart", "no"),
		// Crash recovery takes its time; the agent's own deadline is the one that counts.
		property("TimeoutStartUSec", infinity),
		// Begins when mysqld says that it stops. Bounds the exit hook, too.
		property("TimeoutStopUSec", microseconds(c.StopTimeout)),
		// SIGTERM lets commits through that nobody acknowledged. Only the agent, who
		// knows whether there are any, ever sends it; anybody else's stop is a crash.
		property("KillSignal", int32(syscall.SIGKILL)),
		property("KillMode", "control-group"),
		property("SendSIGKILL", true),
		// A failed run is kept, for Result to tell, until the next start. One that
		// ended well leaves nothing.
		property("CollectMode", "inactive"),

		property("OOMScoreAdjust", int32(-600)),
		property("TasksMax", infinity),
		property("StandardInput", "null"),
		property("StandardOutput", "journal"),
		property("StandardError", "journal"),
	}
	if c.OpenFiles > 0 {
		all = append(all, property("LimitNOFILE", c.OpenFiles))
	}
	if len(c.ExitHook) > 0 {
		all = append(all, command("ExecStopPost", c.ExitHook))
	}
	if dirs := runtimeDirectories(c.Args); len(dirs) > 0 {
		all = append(all,
			property("RuntimeDirectory", dirs),
			property("RuntimeDirectoryMode", uint32(0o755)),
			// Other programs' sockets may be there.
			property("RuntimeDirectoryPreserve", "yes"))
	}
	return all
}

// runtimeDirectories are the directories below /run, which a boot empties, that
// mysqld is told to put its socket and its pid file into.
func runtimeDirectories(args []string) []string {
	var dirs []string
	for _, arg := range args {
		option, path, _ := strings.Cut(arg, "=")
		if option != "--socket" && option != "--pid-file" {
			continue
		}
		dir := strings.TrimPrefix(filepath.Dir(filepath.Clean(path)), "/var") // /var/run is a link to /run
		if below, ok := strings.CutPrefix(dir, "/run/"); ok && !slices.Contains(dirs, below) {
			dirs = append(dirs, below)
		}
	}
	return dirs
}

func microseconds(d time.Duration) uint64 {
	if d <= 0 {
		return infinity
	}
	return uint64(d.Microseconds())
}

// command has its arguments reach the program as they are: systemd puts the
// environment in for "$x".
func command(name string, argv []string) dbus.Property {
	escaped := []string{argv[0]}
	for _, arg := range argv[1:] {
		escaped = append(escaped, strings.ReplaceAll(arg, "$", "$$"))
	}
	p := dbus.PropExecStart(escaped, false)
	p.Name = name
	return p
}

func property(name string, value any) dbus.Property {
	return dbus.Property{Name: name, Value: godbus.MakeVariant(value)}
}
