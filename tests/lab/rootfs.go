package lab

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// cacheDir holds what disks lie upon. LAB_CACHE in the environment is another one,
// for a source tree whose file systems differ.
var cacheDir = cmp.Or(os.Getenv("LAB_CACHE"), sharedCache)

const sharedCache = "/var/cache/mysql-ha-lab"

var packages = []string{
	"systemd", "systemd-sysv", "dbus", "pacemaker", "pacemaker-cli-utils", "corosync",
	"resource-agents", "libxml2-utils", "mariadb-server", "iproute2", "procps", "nftables",
	"pcs", "python3-cffi-backend", "crmsh", // debootstrap does not see that pcs needs the second
}

func (l *Lab) checkHost() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root")
	}
	for _, tool := range []string{"systemd-nspawn", "debootstrap", "ip", "nsenter", "mount"} {
		if _, err := exec.LookPath(tool); err != nil {
			return fmt.Errorf("%s is missing; `make deps` installs it", tool)
		}
	}
	if !exists(filepath.Join(cgroupRoot(), "cgroup.controllers")) {
		return errors.New("no cgroup v2 hierarchy is mounted")
	}
	return nil
}

// baseDir is the file system of a suite, with MariaDB.
func (s System) baseDir() string { return filepath.Join(cacheDir, s.Suite) }

// ensureRootFS makes what the disks of all nodes lie upon, where it is not cached.
func (l *Lab) ensureRootFS(ctx context.Context) error {
	// Labs of all numbers lie upon it.
	if err := os.MkdirAll(cacheDir, 0o755); err != nil {
		return err
	}
	unlock, err := lock(ctx, cacheDir+"/lock")
	if err != nil {
		return err
	}
	defer unlock()
	below, err := cached(ctx, l.System.baseDir(), hashed(l.System.Suite+" "+strings.Join(packages, ",")), l.bootstrap)
	if err != nil {
		return err
	}
	if l.System.Flavour == MySQL {
		tree, err := serverTree(ctx)
		if err != nil {
			return err
		}
		below, err = cached(ctx, l.System.layerDir(), hashed(below+" "+tree+" "+layerRecipe), l.mysqlLayer)
		if err != nil {
			return err
		}
	}
	return l.ensureAccount(ctx, below)
}

func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// cached makes a folder once per key. It is renamed into place when complete: an
// interrupted build is never used. It returns which build it is, for the key of what
// lies upon it: half of a data directory on another build's half is corrupt.
func cached(ctx context.Context, dir, key string, build func(ctx context.Context, tmp string) error) (id string, err error) {
	keyFile := dir + ".key"
	if have, err := os.ReadFile(keyFile); err == nil && strings.HasPrefix(string(have), key+" ") && exists(dir) {
		return string(have), nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", err
	}
	if at := liesUpon(string(mounts), dir); at != "" {
		return "", fmt.Errorf("%s is to be made anew, and %s of a running lab lies upon it: end that one, or name a folder of your own in LAB_CACHE", dir, at)
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	tmp := dir + ".tmp"
	for _, old := range []string{keyFile, tmp, dir} {
		if err := removeTree(ctx, old); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", err
	}
	if err := build(ctx, tmp); err != nil {
		return "", err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return "", err
	}
	id = key + " " + rand.Text() + "\n"
	return id, os.WriteFile(keyFile, []byte(id), 0o644)
}

// liesUpon is a mount point of an overlay that has dir, or what is in it, below.
func liesUpon(mounts, dir string) string {
	for line := range strings.Lines(mounts) {
		fields := strings.Fields(line) // device, mount point, type, options
		if len(fields) < 4 || fields[2] != "overlay" {
			continue
		}
		for option := range strings.SplitSeq(fields[3], ",") {
			lower, _ := strings.CutPrefix(option, "lowerdir=")
			for layer := range strings.SplitSeq(lower, ":") {
				if layer == dir || strings.HasPrefix(layer, dir+"/") {
					return fields[1]
				}
			}
		}
	}
	return ""
}

func (l *Lab) bootstrap(ctx context.Context, tmp string) error {
	l.logf("building the root file system of %s with debootstrap (once, 1-3 minutes)", l.System.Suite)
	if err := host(ctx, "debootstrap", "--variant=minbase", "--include="+strings.Join(packages, ","), l.System.Suite, tmp); err != nil {
		return err
	}
	return host(ctx, "chroot", tmp, "apt-get", "clean")
}

func (l *Lab) mountState(ctx context.Context) error {
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return err
	}
	if err := host(ctx, "mount", "-t", "tmpfs", "-o", "size=6g,mode=0700", labName, stateDir); err != nil {
		return err
	}
	// What is unmounted below goes from the mount namespaces of every node's
	// systemd-nspawn, too, also of another lab's, or it would be busy for ever.
	if err := host(ctx, "mount", "--make-shared", stateDir); err != nil {
		return err
	}
	return l.save()
}

// unmountState removes every mount under stateDir, the deepest first. The kernel takes
// its time to let go of the images of volumes.
func unmountState(ctx context.Context) error {
	mounts, err := mountsBelow(stateDir)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range mounts {
		errs = append(errs, poll(ctx, 40*time.Second, 100*time.Millisecond, func(ctx context.Context) error {
			return host(ctx, "umount", m)
		}))
	}
	return errors.Join(errs...)
}

func (nd Node) dir() string  { return filepath.Join(stateDir, nd.Name) }
func (nd Node) root() string { return filepath.Join(nd.dir(), "root") }

// overlay mounts dir/root: what is written goes to dir/upper, the rest is read
// from the lower folders, the first of which wins.
func overlay(ctx context.Context, dir string, lower ...string) error {
	for _, d := range []string{"upper", "work", "root"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return err
		}
	}
	opts := fmt.Sprintf("lowerdir=%s,upperdir=%s/upper,workdir=%s/work", strings.Join(lower, ":"), dir, dir)
	return host(ctx, "mount", "-t", "overlay", "-o", opts, "mysql-ha-"+filepath.Base(dir), filepath.Join(dir, "root"))
}

// makeDisk gives the node an empty layer over the shared file system.
func (l *Lab) makeDisk(ctx context.Context, nd Node) error {
	if err := overlay(ctx, nd.dir(), l.System.layers()...); err != nil {
		return err
	}
	if err := copyUp(filepath.Join(nd.root(), "var/lib/mysql")); err != nil {
		return err
	}
	if err := l.writeIdentity(nd); err != nil {
		return err
	}
	if err := l.makeVolumes(ctx, nd); err != nil {
		return err
	}
	if err := l.nameServer(ctx, nd); err != nil {
		return err
	}
	return seedCIB(ctx, nd)
}

// copyUp makes a folder's files the node's own. overlayfs does that when one is first
// written to, and whoever had it open for reading goes on with the old file: MariaDB
// then finds its table of routines corrupt.
func copyUp(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return err
		}
		return f.Close()
	})
}

// seedCIB starts every node with two properties. dc-deadtime: an empty cluster
// waits that long (20 s) before its first election. load-threshold: three nodes
// share the host's load average, and Pacemaker would run their notifications one
// after the other when a compiler runs beside them.
func seedCIB(ctx context.Context, nd Node) error {
	const properties = `<crm_config><cluster_property_set id="cib-bootstrap-options">` +
		`<nvpair id="lab-dc-deadtime" name="dc-deadtime" value="3s"/>` +
		`<nvpair id="lab-load-threshold" name="load-threshold" value="1000%"/>` +
		`</cluster_property_set></crm_config>`
	// The node's own release knows its schema.
	cib, _, err := run(ctx, commandEnv, "chroot", nd.root(), "cibadmin", "--empty")
	if err != nil {
		return err
	}
	seeded := strings.Replace(cib, "<crm_config/>", properties, 1)
	if seeded == cib {
		return fmt.Errorf("cibadmin --empty is not understood: %s", cib)
	}
	path := "/var/lib/pacemaker/cib/cib.xml"
	if err := os.WriteFile(filepath.Join(nd.root(), path), []byte(seeded), 0o600); err != nil {
		return err
	}
	return host(ctx, "chroot", nd.root(), "chown", "hacluster:haclient", path)
}

func (l *Lab) removeDisk(ctx context.Context, nd Node) error {
	mounts, err := mountsBelow(nd.root()) // with its volumes
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := poll(ctx, 10*time.Second, 100*time.Millisecond, func(ctx context.Context) error {
			return host(ctx, "umount", m)
		}); err != nil {
			return err
		}
	}
	return os.RemoveAll(nd.dir())
}

// writeIdentity makes a copy of the common file system one node of this cluster.
func (l *Lab) writeIdentity(nd Node) error {
	var hosts, members strings.Builder
	fmt.Fprintf(&hosts, "127.0.0.1 localhost\n%s client\n", clientIP)
	for _, n := range l.Nodes {
		fmt.Fprintf(&hosts, "%s %s\n", n.IP, n.Name)
		fmt.Fprintf(&members, "  node {\n    ring0_addr: %s\n    name: %s\n    nodeid: %d\n  }\n", n.IP, n.Name, n.ID)
	}
	for path, text := range map[string]string{
		"etc/machine-id":             machineID() + "\n",
		"etc/hostname":               nd.Name + "\n",
		"etc/hosts":                  hosts.String(),
		"etc/corosync/corosync.conf": fmt.Sprintf(corosyncConf, cmp.Or(l.token, time.Second).Milliseconds(), members.String(), len(l.Nodes)),
		// On disk, so that the journal before a loss of power can be read after it.
		"etc/systemd/journald.conf.d/lab.conf": "[Journal]\nStorage=persistent\nSystemMaxUse=64M\nRateLimitIntervalSec=0\n",
	} {
		path = filepath.Join(nd.root(), path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		_ = os.Remove(path) // may be a symbolic link
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	units := filepath.Join(nd.root(), "etc/systemd/system")
	for unit, target := range map[string]string{
		// The distribution's unit would start a writable server at boot. A
		// scenario that wants to see that removes the mask.
		l.System.facts().unit:   "/dev/null",
		"console-getty.service": "/dev/null",
		// pcs works without its daemon.
		"pcsd.service":                                "/dev/null",
		"pcsd-ruby.service":                           "/dev/null",
		"e2scrub_reap.service":                        "/dev/null",
		"multi-user.target.wants/corosync.service":    "/lib/systemd/system/corosync.service",
		"multi-user.target.wants/pacemaker.service":   "/lib/systemd/system/pacemaker.service",
		"sockets.target.wants/mariadb.socket":         "", // Debian 12's starts the service for whoever connects
		"timers.target.wants/apt-daily.timer":         "",
		"timers.target.wants/apt-daily-upgrade.timer": "",
	} {
		path := filepath.Join(units, unit)
		_ = os.Remove(path)
		if target == "" {
			continue
		}
		if err := os.Symlink(target, path); err != nil {
			return err
		}
	}
	return nil
}

const corosyncConf = `totem {
  version: 2
  cluster_name: mysql-ha-lab
  transport: knet
  crypto_cipher: none
  crypto_hash: none
  token: %d
}
nodelist {
%s}
quorum {
  provider: corosync_votequorum
  expected_votes: %d
}
logging {
  to_logfile: yes
  logfile: /var/log/corosync/corosync.log
  to_syslog: no
  timestamp: hires
}
`
