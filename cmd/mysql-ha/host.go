package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"syscall"

	"github.com/mysql-ha/mysql-ha/ocf/process"
	"github.com/mysql-ha/mysql-ha/ocf/systemd"
)

// host answers validation's questions about this machine.
type host struct{}

func (host) Executable(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is not an executable file", path)
	}
	return nil
}

func (host) Readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

func (host) Account(name, group string) error {
	if _, err := user.Lookup(name); err != nil {
		return err
	}
	_, err := user.LookupGroup(group)
	return err
}

func (host) Writable(ctx context.Context, dir, name, group string) error {
	return process.Writable(ctx, dir, name, group)
}

func (host) Free(dir string) (uint64, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return st.Bavail * uint64(st.Bsize), nil
}

// distributionUnits would start a server of their own, at boot or for whoever connects:
// Debian 12 enables mariadb.socket.
var distributionUnits = []string{
	"mariadb.service", "mysql.service", "mysqld.service",
	"mariadb.socket", "mysql.socket", "mysqld.socket",
}

func (host) Enabled(ctx context.Context) ([]string, error) {
	if !booted() {
		return nil, errors.ErrUnsupported
	}
	return systemd.Enabled(ctx, distributionUnits)
}
