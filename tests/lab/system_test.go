package lab

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSystemCheck(t *testing.T) {
	for _, tc := range []struct {
		sys  System
		want string
	}{
		{DefaultSystem, ""},
		{System{"trixie", MySQL}, ""},
		{System{"sid", MySQL}, `no suite "sid": there are [bookworm trixie]`},
		{System{"trixie", "percona"}, `no flavour "percona": there are [mariadb mysql]`},
	} {
		got := ""
		if err := tc.sys.Check(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%v: got %q, want %q", tc.sys, got, tc.want)
		}
	}
}

func TestResources(t *testing.T) {
	const binary = `name="binary" value="/usr/sbin/mysqld"`
	stock := Config{Params: map[string]string{"max_lag": "5s"}}
	for _, flavour := range []string{MariaDB, MySQL} {
		xml := stock.resources(System{"trixie", flavour}, 3)
		if strings.Contains(xml, binary) != (flavour == MySQL) {
			t.Errorf("%s: %s", flavour, xml)
		}
		if !strings.Contains(xml, `name="max_lag" value="5s"`) || !strings.Contains(xml, `name="virtual_ip"`) {
			t.Errorf("%s lacks a parameter: %s", flavour, xml)
		}
	}
	own := Config{Params: map[string]string{"binary": "/opt/mysqld"}}
	if xml := own.resources(System{"trixie", MySQL}, 3); strings.Contains(xml, binary) {
		t.Errorf("the story's own value does not win: %s", xml)
	}
}

func TestCached(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "base")
	built := 0
	get := func(key string, content string) (id string) {
		t.Helper()
		id, err := cached(t.Context(), dir, key, func(_ context.Context, tmp string) error {
			built++
			return writeFile(filepath.Join(tmp, "f"), content, 0o644)
		})
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "f")); err != nil || string(b) != content {
			t.Errorf("key %s: %q, %v, want %q", key, b, err, content)
		}
		return id
	}
	// What a killed build leaves is no part of the next one.
	if err := writeFile(filepath.Join(dir+".tmp", "half"), "x", 0o644); err != nil {
		t.Fatal(err)
	}
	first := get("1", "a")
	if again := get("1", "a"); again != first {
		t.Errorf("one build is %q and %q", first, again)
	}
	if built != 1 || exists(filepath.Join(dir, "half")) {
		t.Errorf("built %d times, half a build is there: %v", built, exists(filepath.Join(dir, "half")))
	}
	get("2", "b")
	if built != 2 {
		t.Errorf("built %d times after the key changed, want 2", built)
	}
	if again := get("1", "a"); again == first {
		t.Error("two builds of one key are not told apart")
	}
}

func TestLiesUpon(t *testing.T) {
	const mounts = "tmpfs /run tmpfs rw,lowerdir=/cache/trixie 0 0\n" +
		"mysql-ha-db1 /lab4/db1/root overlay rw,relatime,lowerdir=/cache/account-mysql-trixie/upper:/cache/mysql-trixie/upper:/cache/trixie,upperdir=/lab4/db1/upper,workdir=/lab4/db1/work 0 0\n"
	for dir, want := range map[string]string{
		"/cache/account-mysql-trixie": "/lab4/db1/root",
		"/cache/mysql-trixie":         "/lab4/db1/root",
		"/cache/trixie":               "/lab4/db1/root",
		"/cache/tri":                  "",
		"/cache/bookworm":             "",
		"/lab4/db1/upper":             "",
	} {
		if got := liesUpon(mounts, dir); got != want {
			t.Errorf("upon %s lies %q, want %q", dir, got, want)
		}
	}
}
