package surface_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// mysqlTree is where .ci/servers unpacks MySQL with all its libraries; see there.
const mysqlTree = "/var/cache/mysql-ha-lab/servers/mysql-sid"

// mysqlServer is in a place what mysqld is anywhere else.
const mysqlServer = "/opt/mysql/sbin/mysqld-server"

// mysqlTemplate initialises a data directory, once.
var mysqlTemplate = sync.OnceValues(func() (string, error) {
	binary := mysqlTree + "/usr/sbin/mysqld"
	if _, err := os.Stat(binary); err != nil {
		return "", fmt.Errorf("%w: .ci/servers fetches it", err)
	}
	dir := filepath.Join(filepath.Dir(template), "mysql")
	out, err := exec.Command(binary, "--no-defaults", "--initialize-insecure", "--user=root", "--datadir="+dir,
		"--innodb-redo-log-capacity=16M").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("mysqld --initialize: %w: %s", err, out)
	}
	return dir, os.Remove(filepath.Join(dir, "auto.cnf")) // else all would be one server
})

// mysql makes a resource with a MySQL. The loader that comes with it is what runs:
// here it has the name of the server, by which a process is known for one.
func (p *place) mysql(name, port string) *resource {
	p.t.Helper()
	template, err := mysqlTemplate()
	if err != nil && os.Getenv("CI") != "true" {
		p.t.Skip(err)
	}
	must(p.t, err)
	loader, err := os.ReadFile(mysqlTree + "/usr/lib64/ld-linux-x86-64.so.2")
	must(p.t, err)
	p.write("/opt/mysql/sbin/mysqld", string(loader), 0o755)
	script, err := os.ReadFile(mysqlTree + "/usr/sbin/mysqld")
	must(p.t, err)
	p.write(mysqlServer, strings.NewReplacer(
		`$(readlink -f "$0")`, mysqlTree+"/usr/sbin/mysqld", `"$tree/usr/lib64/ld-linux-x86-64.so.2"`, "/opt/mysql/sbin/mysqld",
	).Replace(string(script)), 0o755)
	return p.with(name, port, template, mysqlServer)
}
