package systemd

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

func TestProperties(t *testing.T) {
	got := ""
	for _, p := range properties("mysql-ha-db.service", ocf.Command{
		Binary: "/usr/sbin/mariadbd", User: "mysql", Group: "mysql", Datadir: "/var/lib/mysql",
		Args: []string{
			"--datadir=/var/lib/mysql", "--init-connect=$HOME", "--socket=/run/mysqld/mysqld.sock",
			"--pid-file=/var/run/mysqld/mysqld.pid", "--log-error=/run/no/log",
		},
		ExitHook: []string{"/usr/sbin/mysql-ha", "hook", "db"}, StopTimeout: 90 * time.Second, OpenFiles: 32768,
	}) {
		got += fmt.Sprintf("%s %s %v\n", p.Name, p.Value.Signature(), p.Value)
	}
	want, err := os.ReadFile("testdata/properties")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestPropertiesOfLittle(t *testing.T) {
	names := map[string]string{}
	for _, p := range properties("db.service", ocf.Command{Binary: "/mysqld", Args: []string{"--socket=/var/lib/mysql/s", "--socket=/run/s"}}) {
		names[p.Name] = p.Value.String()
	}
	for _, name := range []string{"LimitNOFILE", "ExecStopPost", "RuntimeDirectory"} {
		if value, ok := names[name]; ok {
			t.Errorf("%s=%s", name, value)
		}
	}
	if got := names["TimeoutStopUSec"]; got != "@t 18446744073709551615" {
		t.Errorf("TimeoutStopUSec=%s", got)
	}
}
