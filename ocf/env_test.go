package ocf

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// meta writes the cluster's words the way Pacemaker does.
func meta(words ...string) []string {
	env := make([]string, 0, len(words))
	for _, w := range words {
		env = append(env, "OCF_RESKEY_CRM_meta_"+w)
	}
	return env
}

func TestParseRequest(t *testing.T) {
	instance := func(name string) string { return "OCF_RESOURCE_INSTANCE=" + name }
	cases := []struct {
		name string
		env  []string
		want Request
	}{
		{
			"nothing at all, as crmsh's validation",
			nil,
			Request{Resource: "mysql", Timeout: 20 * time.Second, CloneMax: 1},
		},
		{
			"probe: no interval, no role, no name",
			append(meta("timeout=30000", "on_node=db1", "clone_max=3", "notify=true"), instance("db")),
			Request{
				Resource: "db", Node: "db1", Timeout: 30 * time.Second, CloneMax: 3, Clone: true, Notify: true, Cluster: true, Told: true,
				Note: Note{}, // not a notification
			},
		},
		{
			"recurring monitor",
			append(meta("timeout=30000", "interval=5000", "role=Promoted", "on_node=db1"), instance("db:2"), "OCF_CHECK_LEVEL=10"),
			Request{
				Resource: "db", Node: "db1", Timeout: 30 * time.Second, Interval: 5 * time.Second, Role: "Promoted", Depth: 10, CloneMax: 1, Cluster: true, Told: true,
			},
		},
		{
			"zero interval and broken numbers say nothing",
			meta("timeout=", "interval=0", "clone_max=x"),
			Request{Resource: "mysql", Timeout: 20 * time.Second, CloneMax: 1, Told: true},
		},
		{
			"last-resort stop: one word only",
			[]string{"OCF_RESKEY_crm_feature_set=3.20.0", instance("db")},
			Request{Resource: "db", Timeout: 20 * time.Second, CloneMax: 1},
		},
		{
			"a parameter alone",
			[]string{"OCF_RESKEY_max_lag=10s", instance("db")},
			Request{Resource: "db", Timeout: 20 * time.Second, CloneMax: 1, Told: true},
		},
		{
			"notification",
			append(
				meta("notify_type=pre", "notify_operation=promote", "notify_promote_uname=db2", "notify_start_uname= ",
					"notify_stop_uname= ", "notify_demote_uname=db1", "notify_active_uname=db1 db2 db3",
					"notify_promoted_uname=db1", "notify_unpromoted_uname=db2 db3", "notify_master_uname=old", "notify_slave_uname=old"),
				instance("db")),
			Request{
				Resource: "db", Timeout: 20 * time.Second, CloneMax: 1, Cluster: true, Told: true,
				Note: Note{
					Present: true, Type: "pre", Operation: "promote", Promote: []string{"db2"}, Demote: []string{"db1"},
					Active: []string{"db1", "db2", "db3"}, Promoted: []string{"db1"}, Unpromoted: []string{"db2", "db3"},
				},
			},
		},
		{
			"older names, where the newer are unset",
			meta("notify_type=post", "notify_operation=start", "notify_master_uname=db1", "notify_slave_uname=db2 db3"),
			Request{
				Resource: "mysql", Timeout: 20 * time.Second, CloneMax: 1, Cluster: true, Told: true,
				Note: Note{
					Present: true, Type: "post", Operation: "start", Promoted: []string{"db1"}, Unpromoted: []string{"db2", "db3"},
				},
			},
		},
		{
			"an empty newer list is no reason for the older name",
			meta("notify_promoted_uname= ", "notify_master_uname=db1"),
			Request{Resource: "mysql", Timeout: 20 * time.Second, CloneMax: 1, Cluster: true, Told: true, Note: Note{Present: true}},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseRequest(Monitor, c.env)
			if err != nil {
				t.Fatal(err)
			}
			c.want.Action = Monitor
			// One space or nothing: both are an empty list.
			if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Request{}, "Params"), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			if got.Params.Text("datadir") != "/var/lib/mysql" {
				t.Error("defaults are not filled in")
			}
		})
	}
}

// A bad word leaves a request that stop and monitor can still work with.
func TestParseRequestRefuses(t *testing.T) {
	for _, c := range []struct {
		env  string
		code Code
		want string
	}{
		{"OCF_CHECK_LEVEL=deep", ErrArgs, `OCF_CHECK_LEVEL is "deep"`},
		{"OCF_RESKEY_datadir=mysql", ErrConfigured, `datadir="mysql"`},
	} {
		r, err := ParseRequest(Stop, []string{"OCF_RESKEY_state_dir=/state", c.env})
		if CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: code %d, %v; want %d", c.env, CodeOf(err), err, c.code)
		}
		if got := r.Params.Text("state_dir") + r.Params.Text("datadir"); got != "/state/var/lib/mysql" {
			t.Errorf("%s: stop would work with %q", c.env, got)
		}
	}
}

func TestBudget(t *testing.T) {
	for _, c := range []struct{ timeout, want time.Duration }{
		{20 * time.Second, 18 * time.Second},
		{30 * time.Second, 27 * time.Second},
		{120 * time.Second, 115 * time.Second},
		{time.Hour, time.Hour - 5*time.Second},
		{5 * time.Second, 4 * time.Second},
		{time.Second, 500 * time.Millisecond},
		{100 * time.Millisecond, 50 * time.Millisecond},
	} {
		if got := (Request{Timeout: c.timeout}).Budget(); got != c.want {
			t.Errorf("of %s: %s, want %s", c.timeout, got, c.want)
		}
	}
}

func TestNoteEvent(t *testing.T) {
	if e := (Note{Type: "pre", Operation: "promote"}).Event(); e != "pre-promote" {
		t.Error(e)
	}
}
