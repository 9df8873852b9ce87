package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Install puts this tree's DEB, which it builds where it is not there yet, into every
// node, with the credentials file.
func (l *Lab) Install(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	deb, err := buildPackage(ctx, "")
	if err != nil {
		return err
	}
	return l.each(ctx, func(ctx context.Context, nd Node) error {
		if err := l.installPackage(ctx, nd, deb); err != nil {
			return err
		}
		return l.writeCredentials(nd)
	})
}

// InstallVersion installs the DEB of this tree under another version on one node, over
// the one that is there and while all runs: later or earlier, as dpkg sees it.
func (l *Lab) InstallVersion(ctx context.Context, node, version string) error {
	nd, err := l.Node(node)
	if err != nil {
		return err
	}
	deb, err := buildPackage(ctx, version)
	if err != nil {
		return err
	}
	return l.installPackage(ctx, nd, deb)
}

// packagesBuilt are the DEBs of this run, by version: a run tests one of each, whatever
// happens to the tree meanwhile.
var packagesBuilt = struct {
	sync.Mutex
	path map[string]string
}{path: map[string]string{}}

// buildPackage returns the path of the DEB, under this tree's own version where it is
// not given.
func buildPackage(ctx context.Context, version string) (string, error) {
	packagesBuilt.Lock()
	defer packagesBuilt.Unlock()
	if path := packagesBuilt.path[version]; path != "" && exists(path) {
		return path, nil
	}
	path, err := makePackage(ctx, version)
	if err == nil {
		packagesBuilt.path[version] = path
	}
	return path, err
}

func makePackage(ctx context.Context, version string) (string, error) {
	src, err := moduleRoot()
	if err != nil {
		return "", err
	}
	args := []string{"make", "-C", src, "--no-print-directory", "--silent", "deb"}
	if version != "" {
		args = append(args, "VERSION="+version)
	}
	out, _, err := run(ctx, commandEnv, args...)
	if err != nil {
		return "", err
	}
	said := lines(out)
	if len(said) == 0 || !strings.HasSuffix(said[len(said)-1], ".deb") {
		return "", fmt.Errorf("make deb names no package: %q", out)
	}
	return filepath.Join(src, said[len(said)-1]), nil
}

// installPackage has dpkg install it, inside the node, or into its disk while it is off.
func (l *Lab) installPackage(ctx context.Context, nd Node, deb string) error {
	const inside = "/var/cache/apt/archives/mysql-ha.deb"
	if err := host(ctx, "cp", deb, filepath.Join(nd.root(), inside)); err != nil {
		return err
	}
	// Nobody is there to be asked.
	install := []string{"env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--install", inside}
	var err error
	if l.IsOn(nd.Name) {
		_, _, err = l.Exec(ctx, nd.Name, install...)
	} else {
		err = host(ctx, append([]string{"chroot", nd.root()}, install...)...)
	}
	return errors.Join(err, os.Remove(filepath.Join(nd.root(), inside)))
}
