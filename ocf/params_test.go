package ocf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func from(set map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := set[name]; return v, ok }
}

func TestDefaultsAreValid(t *testing.T) {
	for _, p := range Table {
		for _, v := range append([]string{p.Default}, p.Or...) {
			if err := p.Check(v); err != nil {
				t.Errorf("default of %s: %v", p.Name, err)
			}
		}
		if p.Short == "" || !strings.HasSuffix(p.Long, ".") {
			t.Errorf("%s is not described in sentences", p.Name)
		}
	}
	v, err := ParseParams(from(nil))
	if err != nil {
		t.Fatal(err)
	}
	if len(v) != len(Table) {
		t.Errorf("%d values of %d parameters", len(v), len(Table))
	}
	again, err := ParseParams(from(v))
	if diff := cmp.Diff(v, again); err != nil || diff != "" {
		t.Errorf("defaults said explicitly: %v\n%s", err, diff)
	}
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Table {
		if seen[p.Name] {
			t.Errorf("%s twice", p.Name)
		}
		seen[p.Name] = true
	}
}

// Every value refused is answered with the name, the value and what is accepted.
func TestBadValues(t *testing.T) {
	cases := map[Kind][]struct{ value, accepted string }{
		KindPath:     {{"var/lib", "an absolute path"}, {"../x", "an absolute path"}},
		KindInt:      {{"x", "an integer from"}, {"-1", "an integer from"}, {"1073741825", "an integer from"}, {"3306 ", ""}},
		KindDuration: {{"soon", "a duration from"}, {"-1", "a duration from"}, {"100000s", "a duration from"}, {"1e9", "a duration from"}},
		KindBool:     {{"maybe", "true or false"}, {"2", "true or false"}},
		KindChoice:   {{"Lossless!", "one of "}, {"none", "one of "}},
		KindPrefix:   {{"10.0.0.5", "an address with a prefix length"}, {"x/24", "an address with"}, {"10.0.0.5/33", "an address with"}},
		KindText:     {{"a\nb", "one line"}, {"a\x00b", "one line"}},
	}
	for _, p := range Table {
		for _, c := range cases[p.Kind] {
			_, err := ParseParams(from(map[string]string{p.Name: c.value}))
			if c.accepted == "" {
				if err != nil {
					t.Errorf("%s=%q: %v", p.Name, c.value, err)
				}
				continue
			}
			if CodeOf(err) != ErrConfigured {
				t.Errorf("%s=%q: code %d, want %d (%v)", p.Name, c.value, CodeOf(err), ErrConfigured, err)
				continue
			}
			shown := strings.Trim(c.value, "\n\x00ab")
			if strings.Contains(p.Name, "passwd") {
				shown = "(hidden)"
			}
			for _, want := range []string{p.Name + "=", shown, "accepted is ", c.accepted} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%s=%q: %q does not say %q", p.Name, c.value, err, want)
				}
			}
		}
	}
}

func TestPasswordIsHidden(t *testing.T) {
	_, err := ParseParams(from(map[string]string{"replication_passwd": "geheim\nx"}))
	if err == nil || strings.Contains(err.Error(), "geheim") {
		t.Errorf("error is %v", err)
	}
}

// Stop and monitor go on with a bad parameter: each bad value has its default, the
// others keep theirs.
func TestBadValuesAreReplaced(t *testing.T) {
	v, err := ParseParams(from(map[string]string{
		"max_lag": "soon", "election_wait": "never", "socket": "sock", "datadir": "/data", "user": "  ",
	}))
	if err == nil {
		t.Fatal("accepted")
	}
	got := map[string]string{}
	for _, name := range []string{"max_lag", "election_wait", "socket", "datadir", "user"} {
		got[name] = v.Text(name)
	}
	want := map[string]string{
		"max_lag": "30s", "election_wait": "3s", "socket": "/run/mysqld/mysqld.sock", "datadir": "/data", "user": "mysql",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParamsThatDisagree(t *testing.T) {
	for _, c := range []struct {
		set  map[string]string
		want string
	}{
		{map[string]string{"durability": "async"}, "durability=async needs data_loss=allow"},
		{map[string]string{"durability": "async", "data_loss": "allow"}, ""},
		{map[string]string{"virtual_ip_nic": "eth0"}, `virtual_ip_nic="eth0" needs virtual_ip`},
		{map[string]string{"virtual_ip_nic": "eth0", "virtual_ip": "10.0.0.5/24"}, ""},
	} {
		_, err := ParseParams(from(c.set))
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want %q", c.set, err, c.want)
		}
	}
}

func TestValuesAreRead(t *testing.T) {
	v, err := ParseParams(from(map[string]string{
		"max_lag": "45", "degrade_after": "2m", "replication_port": " 3307 ", "replication_require_ssl": "Yes",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if d := v.Duration("max_lag"); d != 45*time.Second {
		t.Errorf("a plain number is %s, want seconds", d)
	}
	if d := v.Duration("degrade_after"); d != 2*time.Minute {
		t.Errorf("2m is %s", d)
	}
	if n := v.Int("replication_port"); n != 3307 {
		t.Errorf("port is %d", n)
	}
	if !v.Bool("replication_require_ssl") || v.Bool("nonsense") {
		t.Error("truth values are wrong")
	}
}

// A default that is not there gives way to the next; what the operator said stays.
func TestSettle(t *testing.T) {
	for _, c := range []struct {
		name              string
		there             string
		set               map[string]string
		binary, conf, log string
	}{
		{"Debian, MariaDB", "/usr/sbin/mariadbd /usr/sbin/mysqld /etc/mysql/my.cnf /var/log/mysql", nil, "/usr/sbin/mariadbd", "/etc/mysql/my.cnf", "/var/log/mysql/error.log"},
		{"Debian, MySQL", "/usr/sbin/mysqld /etc/mysql/my.cnf /var/log/mysql", nil, "/usr/sbin/mysqld", "/etc/mysql/my.cnf", "/var/log/mysql/error.log"},
		{"RHEL, MariaDB", "/usr/libexec/mariadbd /usr/libexec/mysqld /etc/my.cnf /var/log/mariadb /var/log /usr/sbin", nil, "/usr/libexec/mariadbd", "/etc/my.cnf", "/var/log/mariadb/mariadb.log"},
		{"RHEL, MySQL", "/usr/libexec/mysqld /etc/my.cnf /var/log", nil, "/usr/libexec/mysqld", "/etc/my.cnf", "/var/log/mysqld.log"},
		{"nothing there", "", nil, "/usr/sbin/mariadbd", "/etc/mysql/my.cnf", "/var/log/mysql/error.log"},
		{"said", "/usr/sbin/mysqld /etc/my.cnf", map[string]string{"binary": "/opt/mysqld", "config": "/opt/my.cnf", "log": "/opt/log"}, "/opt/mysqld", "/opt/my.cnf", "/opt/log"},
	} {
		v, err := ParseParams(from(c.set))
		if err != nil {
			t.Fatal(err)
		}
		there := strings.Fields(c.there)
		for range 2 {
			v.Settle(func(path string) bool { return slices.Contains(there, path) })
			got := []string{v.Text("binary"), v.Text("config"), v.Text("log")}
			if diff := cmp.Diff([]string{c.binary, c.conf, c.log}, got); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
	}
}
