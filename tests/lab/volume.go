package lab

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// volume is a small file system of its own on every node: an image on the node's
// disk, mounted on the host below the node's root before it boots, so that it is
// there for all the node's life and survives its loss of power.
type volume struct {
	Name string // data or binlog
	MiB  int
}

// volumePaths are where the volumes lie on a node.
var volumePaths = map[string]string{"data": "/var/lib/mysql", "binlog": "/var/lib/mysql-binlog"}

// path is where the host sees the volume.
func (v volume) path(nd Node) string { return filepath.Join(nd.root(), volumePaths[v.Name]) }

func (v volume) image(nd Node) string { return filepath.Join(nd.dir(), v.Name+".img") }

// makeVolumes gives a new disk its volumes, with what the folders held before.
func (l *Lab) makeVolumes(ctx context.Context, nd Node) error {
	for _, v := range l.volumes {
		at := v.path(nd)
		// Not world-readable, as a package would have made it.
		if err := os.MkdirAll(at, 0o750); err != nil {
			return err
		}
		const make = `image=$1 at=$2 size=$3 root=$4
truncate -s "${size}M" "$image"
mkfs.ext4 -q -m 0 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 "$image"
tmp=$(mktemp -d)
mount -o loop "$image" "$tmp"
rmdir "$tmp/lost+found"
cp -a "$at/." "$tmp"
chown "$(awk -F: '$1 == "mysql" {print $3 ":" $4}' "$root/etc/passwd")" "$tmp"
chmod 750 "$tmp"
umount "$tmp"
rmdir "$tmp"`
		if err := host(ctx, "sh", "-ec", make, "volume", v.image(nd), at, fmt.Sprint(v.MiB), nd.root()); err != nil {
			return err
		}
		if v.Name == "binlog" {
			if err := logTo(nd, l.System.facts().options, volumePaths[v.Name]); err != nil {
				return err
			}
		}
	}
	return l.mountVolumes(ctx, nd)
}

// logTo has the server write its binary logs there. file is one that it reads.
func logTo(nd Node, file, dir string) error {
	path := filepath.Join(nd.root(), file)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, fmt.Appendf(b, "\n[mysqld]\nlog_bin = %s/bin\n", dir), 0o644)
}

// mountVolumes checks and mounts what is not mounted, as a boot does.
func (l *Lab) mountVolumes(ctx context.Context, nd Node) error {
	for _, v := range l.volumes {
		mounts, err := mountsBelow(v.path(nd))
		if err != nil {
			return err
		}
		if len(mounts) > 0 {
			continue
		}
		// The other nodes' systemd-nspawn, booted later, may hold the mount in namespaces
		// of their own: then the file system is still there, in the state in which it was,
		// and the node gets a copy of the disk. e2fsck's 1: errors were corrected.
		const check = `sync
if losetup -j "$1" | grep -q .; then cp --sparse=always "$1" "$1.new"; mv "$1.new" "$1"; fi
e2fsck -y "$1" >/dev/null 2>&1 || test $? = 1
mount -o loop,errors=remount-ro "$1" "$2"`
		if err := host(ctx, "sh", "-ec", check, "check", v.image(nd), v.path(nd)); err != nil {
			return err
		}
	}
	return nil
}

// unmountVolumes takes them away from a node without power.
func (l *Lab) unmountVolumes(ctx context.Context, nd Node) error {
	var errs []error
	for _, v := range l.volumes {
		mounts, err := mountsBelow(v.path(nd))
		if err != nil {
			return err
		}
		for range mounts {
			errs = append(errs, poll(ctx, 10*time.Second, 100*time.Millisecond, func(ctx context.Context) error {
				return host(ctx, "umount", v.path(nd))
			}))
		}
	}
	return errors.Join(errs...)
}

// on finds a volume of a node.
func (l *Lab) on(node, name string) (Node, volume, error) {
	nd, err := l.Node(node)
	if err != nil {
		return nd, volume{}, err
	}
	for _, v := range l.volumes {
		if v.Name == name {
			return nd, v, nil
		}
	}
	return nd, volume{}, fmt.Errorf("there is no volume %q: `volume %s MIB` before `cluster fresh`", name, name)
}

const filling = "lab-filling"

// Fill leaves no free space on a volume.
func (l *Lab) Fill(ctx context.Context, node, name string) error {
	nd, v, err := l.on(node, name)
	if err != nil {
		return err
	}
	// What is freed meanwhile is taken, too; in the end, no block is left.
	const fill = `at=$1; free=$(df --output=avail -k "$at" | tail -n 1)
fallocate -l "${free}K" "$at/$2" || true
dd if=/dev/zero of="$at/$2" bs=4k oflag=append conv=notrunc 2>/dev/null || true`
	return host(ctx, "sh", "-ec", fill, "fill", v.path(nd), filling)
}

// Unfill gives the space back.
func (l *Lab) Unfill(_ context.Context, node, name string) error {
	nd, v, err := l.on(node, name)
	if err != nil {
		return err
	}
	return os.Remove(filepath.Join(v.path(nd), filling))
}

// FreezeVolume lets every write to a volume hang; thaw ends that.
func (l *Lab) FreezeVolume(ctx context.Context, node, name string) error {
	nd, v, err := l.on(node, name)
	if err != nil {
		return err
	}
	return host(ctx, "fsfreeze", "--freeze", v.path(nd))
}

// ThawVolume lets the writes go on.
func (l *Lab) ThawVolume(ctx context.Context, node, name string) error {
	nd, v, err := l.on(node, name)
	if err != nil {
		return err
	}
	return host(ctx, "fsfreeze", "--unfreeze", v.path(nd))
}

// BreakVolume has the kernel find an error in the file system: it is read-only from
// then on, whoever has files open, until the node was switched off and on.
func (l *Lab) BreakVolume(ctx context.Context, node, name string) error {
	nd, v, err := l.on(node, name)
	if err != nil {
		return err
	}
	out, _, err := run(ctx, os.Environ(), "findmnt", "--noheadings", "--output", "SOURCE", "--target", v.path(nd))
	if err != nil {
		return err
	}
	device := filepath.Base(strings.TrimSpace(out))
	return os.WriteFile(filepath.Join("/sys/fs/ext4", device, "trigger_fs_error"), []byte("1"), 0)
}

// thawVolumes ends what would keep processes from dying: without it, nothing below
// this folder could be removed any more.
func thawVolumes(ctx context.Context, dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		for _, path := range volumePaths {
			if strings.HasSuffix(m, path) {
				_ = host(ctx, "fsfreeze", "--unfreeze", m) // most are not frozen
			}
		}
	}
	return nil
}
