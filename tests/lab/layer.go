package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// layerRecipe counts up when mysqlLayer makes something else.
const layerRecipe = "2"

// treeDir is where .ci/servers puts sid's MySQL with all its libraries.
const treeDir = sharedCache + "/servers/mysql-sid"

// layerDir is what lies over the suite's file system on a node with MySQL.
func (s System) layerDir() string { return filepath.Join(cacheDir, "mysql-"+s.Suite) }

// serverTree sees to it that treeDir is there, and returns what identifies its content.
func serverTree(ctx context.Context) (string, error) {
	src, err := moduleRoot()
	if err != nil {
		return "", err
	}
	if err := host(ctx, filepath.Join(src, ".ci", "servers")); err != nil {
		return "", err
	}
	info, err := os.Stat(filepath.Join(treeDir, "usr/sbin/mysqld.bin"))
	if err != nil {
		return "", err
	}
	return fmt.Sprint(info.Size(), info.ModTime().Unix()), nil
}

// mysqlFiles are as Debian's mysql-server has them.
var mysqlFiles = map[string]string{
	"etc/mysql/my.cnf": "[mysqld]\nbind-address = 127.0.0.1\nmysqlx-bind-address = 127.0.0.1\n" +
		"log_error = /var/log/mysql/error.log\nmax_binlog_size = 100M\n",
	"usr/lib/systemd/system/mysql.service": `[Unit]
Description=MySQL server
After=network-online.target

[Service]
Type=notify
User=mysql
Group=mysql
ExecStart=/usr/sbin/mysqld
RuntimeDirectory=mysqld
RuntimeDirectoryMode=755
TimeoutSec=infinity
Restart=on-failure

[Install]
WantedBy=multi-user.target
`,
	// Nothing inside may start or stop a service while packages go.
	"usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}

// initialiseMySQL makes an empty database in $1: root's without password, for who is root.
const initialiseMySQL = `init=$(mktemp)
cat >"$init" <<END
INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';
ALTER USER root@localhost IDENTIFIED WITH auth_socket;
END
chown mysql "$init"
install -d -o mysql -g mysql -m 0750 "$1"
mysqld --initialize-insecure --user=mysql --datadir="$1" --init-file="$init"
rm "$1/auto.cnf" "$init"`

// mysqlLayer makes tmp/upper: no MariaDB server any more (its client stays, it
// speaks to both), MySQL in /opt/mysql, run by /usr/sbin/mysqld through its own
// loader, and a data directory that was never used. Nodes get a server_uuid of
// their own at the first start.
func (l *Lab) mysqlLayer(ctx context.Context, tmp string) (err error) {
	l.logf("laying MySQL over the root file system of %s (once)", l.System.Suite)
	if err := overlay(ctx, tmp, l.System.baseDir()); err != nil {
		return err
	}
	root := filepath.Join(tmp, "root")
	defer func() { err = errors.Join(err, host(context.WithoutCancel(ctx), "umount", root)) }()
	if err := writeFile(filepath.Join(root, "usr/sbin/policy-rc.d"), mysqlFiles["usr/sbin/policy-rc.d"], 0o755); err != nil {
		return err
	}
	const purge = `export DEBIAN_FRONTEND=noninteractive
dpkg --purge $(dpkg-query -W -f '${Package} ' 'mariadb-server*' 'mariadb-plugin*' 'galera*')
rm -rf /var/lib/mysql /etc/mysql/my.cnf /lib/systemd/system/mysql.service`
	if err := host(ctx, "chroot", root, "sh", "-ec", purge); err != nil {
		return err
	}
	for path, text := range mysqlFiles {
		if err := writeFile(filepath.Join(root, path), text, 0o644); err != nil {
			return err
		}
	}
	const fill = `opt=$2/opt/mysql/usr; mkdir -p $opt/share
cp -a $1/usr/sbin $1/usr/lib $1/usr/lib64 $opt/
cp -a $1/usr/share/mysql $opt/share/
ln -s /opt/mysql/usr/sbin/mysqld $2/usr/sbin/mysqld`
	if err := host(ctx, "sh", "-ec", fill, "fill", treeDir, root); err != nil {
		return err
	}
	const initialise = `rm /usr/sbin/policy-rc.d
getent passwd mysql
install -d -o mysql -g mysql -m 0750 /var/log/mysql
` + initialiseMySQL
	return host(ctx, "chroot", root, "sh", "-ec", initialise, "initialise", "/var/lib/mysql")
}

func writeFile(path, text string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}

// removeTree removes what cached or overlay made, also when a build was killed.
func removeTree(ctx context.Context, dir string) error {
	mounts, err := mountsBelow(dir)
	if err != nil {
		return err
	}
	for _, m := range mounts {
		if err := host(ctx, "umount", m); err != nil {
			return err
		}
	}
	return os.RemoveAll(dir)
}

// mountsBelow lists what is mounted at dir or below, the newest first.
func mountsBelow(dir string) ([]string, error) {
	b, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var found []string
	for _, m := range lines(string(b)) {
		if f := strings.Fields(m); len(f) > 1 && (f[1] == dir || strings.HasPrefix(f[1], dir+"/")) {
			found = append(found, f[1])
		}
	}
	slices.Reverse(found)
	return found, nil
}
