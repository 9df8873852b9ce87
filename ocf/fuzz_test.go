package ocf

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// Whatever the environment holds, stop and monitor get a request that they can work
// with. Its words are parted by zeros, as in /proc/PID/environ.
func FuzzEnvironment(f *testing.F) {
	for _, env := range [][]string{
		nil,
		append(meta("timeout=30000", "interval=5000", "role=Promoted", "on_node=db1", "clone_max=3", "notify=true"),
			"OCF_RESOURCE_INSTANCE=db:2", "OCF_CHECK_LEVEL=10", "OCF_ROOT=/usr/lib/ocf"),
		append(meta("notify_type=pre", "notify_operation=promote", "notify_promote_uname=db2", "notify_start_uname= ", "notify_stop_uname= ",
			"notify_demote_uname=db1", "notify_active_uname=db1 db2 db3", "notify_promoted_uname=db1", "notify_unpromoted_uname=db2 db3",
			"notify_master_uname=old", "notify_slave_uname=old", "notify_promote_resource=db:1"), "OCF_RESOURCE_INSTANCE=db"),
		append(meta("notify_type=post", "notify_operation=start", "notify_master_uname=db1", "notify_slave_uname=db2 db3"), "OCF_CHECK_LEVEL=deep"),
		append(meta("timeout=9223372036854775807", "interval=9223372036855", "clone_max=99999999999999999999"), "OCF_RESOURCE_INSTANCE=:0"),
		append(meta("timeout=", "interval=0", "clone_max=x"), "OCF_RESKEY_datadir=mysql", "OCF_RESKEY_crm_feature_set=3.20.0"),
	} {
		f.Add(strings.Join(env, "\x00"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		environ := append(strings.Split(text, "\x00"), "OCF_RESKEY_replication_passwd="+secret+"\n")
		r, err := ParseRequest(Monitor, environ)
		if r.Timeout <= 0 || r.Budget() <= 0 || r.Budget() > r.Timeout || r.Interval < 0 || r.CloneMax < 1 {
			t.Errorf("%s of %s, every %s, %d instances", r.Budget(), r.Timeout, r.Interval, r.CloneMax)
		}
		if r.Resource == "" || strings.Contains(r.Resource, ":") {
			t.Errorf("resource %q", r.Resource)
		}
		if len(r.Params) != len(Table) {
			t.Errorf("%d parameters", len(r.Params))
		}
		n := r.Note
		lists := slices.Concat(n.Start, n.Stop, n.Promote, n.Demote, n.Active, n.Promoted, n.Unpromoted)
		if slices.ContainsFunc(lists, func(node string) bool { return len(strings.Fields(node)) != 1 }) {
			t.Errorf("nodes %q", lists)
		}
		if !n.Present && (len(lists) > 0 || n.Event() != "-") {
			t.Errorf("no notification, and %+v", n)
		}
		if code := CodeOf(err); err != nil && code != ErrArgs && code != ErrConfigured {
			t.Errorf("code %d: %v", code, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(text, secret) || strings.ContainsAny(ExitReason(err), "\n\r\x00") {
			t.Errorf("it says %v", err)
		}
		again, _ := ParseRequest(Monitor, environ)
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" {
			t.Error(diff)
		}
	})
}

// The values in force are in their bounds, whatever was set, and what safety depends
// on is the server's last word.
func FuzzParameters(f *testing.F) {
	for _, set := range []string{
		"", "durability=degrade\x00degrade_after=2m\x00data_loss=allow", "durability=async", "max_lag=45\x00wait_for_peers=0\x00replication_port= 3307 ",
		"virtual_ip=2001:db8::5/64\x00virtual_ip_nic=eth0", "virtual_ip_nic=eth0", "replication_require_ssl=Yes\x00min_free_space=0",
		"additional_parameters=--server-id=7 --loose-log-bin=/x/y --skip-name-resolve --init-connect='SET NAMES utf8mb4' --bind_address=127.0.0.1,::1",
		"datadir=mysql\x00binary=/opt/mysqld\x00log=/a\nb", "election_freeze=2562047h\x00demote_grace=-1s\x00max_lag=1e3",
	} {
		f.Add(set)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set := map[string]string{"replication_passwd": secret + "\n" + secret}
		for pair := range strings.SplitSeq(text, "\x00") {
			name, value, _ := strings.Cut(pair, "=")
			set[name] = value
		}
		hidden := strings.Contains(set["replication_passwd"], secret) && !strings.Contains(text, secret)
		v, err := ParseParams(from(set))
		if err != nil && (CodeOf(err) != ErrConfigured || hidden && strings.Contains(err.Error(), secret)) {
			t.Errorf("code %d: %v", CodeOf(err), err)
		}
		if len(v) != len(Table) {
			t.Errorf("%d values of %d parameters", len(v), len(Table))
		}
		for _, p := range Table {
			inForce(t, p, v)
		}
		again, err2 := ParseParams(from(v))
		if diff := cmp.Diff(v, again); diff != "" || err == nil && err2 != nil {
			t.Errorf("what is in force is read again with %v: %s", err2, diff)
		}
		v.Settle(func(string) bool { return false })
		for _, flavour := range []gtid.Flavour{gtid.MariaDB, gtid.MySQL} {
			options, err := Configured(t.Context(), &fakeOptions{journal: &journal{}}, v)
			if err != nil {
				t.Fatal(err)
			}
			args, _ := arguments(v, program{flavour: flavour, set: options}, 42, keepTail)
			ids := slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return !strings.HasPrefix(arg, "--server-id=") })
			if ids[len(ids)-1] != "--server-id=42" || args[0] != "--defaults-file="+v.Text("config") {
				t.Errorf("arguments %q", args)
			}
		}
	})
}

func inForce(t *testing.T, p Param, v Params) {
	t.Helper()
	if err := p.Check(v[p.Name]); err != nil {
		t.Errorf("in force although %v", err)
	}
	n := int64(v.Int(p.Name))
	switch p.Kind {
	case KindDuration:
		n = int64(v.Duration(p.Name).Truncate(time.Second) / time.Second)
	case KindInt:
	default:
		return
	}
	if n < p.Min || n > p.Max {
		t.Errorf("%s is %d, not from %d to %d", p.Name, n, p.Min, p.Max)
	}
}
