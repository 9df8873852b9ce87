package pacemaker

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// The captured CIB is what crm_resource and crm_attribute 2.1.5 made of bans, a
// lifetime, standby and maintenance, with two rules written by hand.
func TestOverview(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", fakeAnswer{Stdout: golden(t, "constrained.xml")})
	got, err := f.Overview(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := ocf.Overview{
		Resource: "db", Clone: "db-clone", Quorate: new(true), Fencing: true, Managed: new(false), Maintenance: true, TargetRole: "Stopped",
		Nodes: []ocf.NodeOverview{
			{
				Name: "db1", Online: true, Standby: true, Maintenance: true, Candidate: "no", Score: "-INFINITY",
				Reason: "applier stopped: error 1062", Readable: "0",
				Failures: []ocf.Failing{
					{Action: "monitor every 5s", Count: "2", Last: time.Date(2026, 11, 22, 8, 15, 38, 0, time.UTC)},
					{Action: "start", Count: "INFINITY"},
				},
			},
			{Name: "db2", Online: true, Score: "1000"},
			{Name: "db3"},
		},
		Constraints: []ocf.Constraint{
			{ID: "cli-ban-db-clone-on-db1", Resource: "db-clone", Role: "promoted", Node: "db1", Score: "-INFINITY"},
			{ID: "cli-ban-db-clone-on-db3", Resource: "db-clone", Node: "db3", Score: "-INFINITY"},
			{ID: "away-from-db2", Resource: "db-clone", Role: "promoted", Except: "db2", Score: "-50"},
			{ID: "only-with-disk", Resource: "db-clone", Score: "-INFINITY", Rule: true},
			{ID: "cli-ban-db-on-db3", Resource: "db", Node: "db3", Score: "-INFINITY", Until: time.Date(2026, 11, 26, 14, 23, 38, 0, time.UTC)},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestOverviewVariants(t *testing.T) {
	look := func(t *testing.T, oldnew ...string) ocf.Overview {
		t.Helper()
		s, err := parseCIB([]byte(cib(t, oldnew...).Stdout))
		if err != nil {
			t.Fatal(err)
		}
		return s.overview("db")
	}
	const promotable = `<nvpair id="db-clone-meta-promotable" name="promotable" value="true"/>`
	// Pacemaker has stopped, or not started, where Corosync runs: 2.1 and 3.0.
	for _, down := range []string{`crmd="offline"`, `crmd="0"`} {
		if o := look(t, `crmd="online"`, down); slices.ContainsFunc(o.Nodes, func(n ocf.NodeOverview) bool { return n.Online }) {
			t.Errorf("%s: %+v", down, o.Nodes)
		}
	}
	if o := look(t, `in_ccm="true" crmd="online"`, `in_ccm="1795335338" crmd="1795335340"`); !o.Nodes[0].Online {
		t.Errorf("3.0: %+v", o.Nodes)
	}
	if o := look(t); !*o.Managed || !*o.Quorate || !o.Fencing || o.TargetRole != "" || len(o.Constraints) > 0 {
		t.Errorf("as captured: %+v", o)
	}
	if o := look(t, `have-quorum="1"`, `have-quorum="0"`); *o.Quorate {
		t.Error("quorate")
	}
	if o := look(t, `have-quorum="1"`, ``); o.Quorate != nil {
		t.Error("quorum is not known, and told")
	}
	if o := look(t, "db-epoch\" value=\"not ours", "\"/><nvpair name=\"stonith-enabled\" value=\"false"); o.Fencing {
		t.Error("fencing")
	}
	for name, c := range map[string]struct {
		with    string
		managed *bool
		role    string
	}{
		"unmanaged":   {promotable + `<nvpair name="is-managed" value="false"/>`, new(false), ""},
		"maintenance": {promotable + `<nvpair name="maintenance" value="true"/>`, new(false), ""},
		"a rule":      {promotable + `<rule id="x"><date_expression operation="gt" start="2026"/></rule><nvpair name="is-managed" value="false"/>`, nil, ""},
		"never promoted, in the older word": {
			promotable + `<nvpair name="target-role" value="Slave"/>`, new(true), "Unpromoted",
		},
	} {
		o := look(t, promotable, c.with)
		if diff := cmp.Diff(c.managed, o.Managed); diff != "" || o.TargetRole != c.role {
			t.Errorf("%s: %q %s", name, o.TargetRole, diff)
		}
	}
	for name, c := range map[string]struct {
		rule string
		want ocf.Constraint
	}{
		"two ends":                     {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="2026-01-02T03:04:05Z"/><date_expression operation="lt" end="2026-01-02T03:04:05Z"/></rule>`, ocf.Constraint{Score: "1", Rule: true}},
		"a beginning":                  {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="gt" start="2026-01-02"/></rule>`, ocf.Constraint{Score: "1", Node: "a", Rule: true}},
		"an end":                       {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="2026-01-02T03:04:05+01:00"/></rule>`, ocf.Constraint{Score: "1", Node: "a", Until: time.Date(2026, 1, 2, 2, 4, 5, 0, time.UTC)}},
		"an end that no calendar has":  {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="9999-12-31 23:59:59-01:00"/></rule>`, ocf.Constraint{Score: "1", Node: "a", Rule: true}},
		"an end before the first year": {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="0000-01-01T00:00:00+01:00"/></rule>`, ocf.Constraint{Score: "1", Node: "a", Rule: true}},
		"the end that stands for none": {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="0001-01-01T00:00:00Z"/></rule>`, ocf.Constraint{Score: "1", Node: "a", Rule: true}},
		"either of two":                {`<rule score="1" boolean-op="or"><expression attribute="#uname" operation="eq" value="a"/><date_expression operation="lt" end="2026-01-02T03:04:05Z"/></rule>`, ocf.Constraint{Score: "1", Rule: true}},
		"a rule within":                {`<rule score="1"><expression attribute="#uname" operation="eq" value="a"/><rule/></rule>`, ocf.Constraint{Score: "1", Rule: true}},
		"by an attribute":              {`<rule score-attribute="speed"><expression attribute="#uname" operation="ne" value="a"/></rule>`, ocf.Constraint{Score: "by speed", Except: "a", Rule: true}},
		"older role":                   {`<rule score="1" role="Master"><expression attribute="#uname" operation="eq" value="a"/></rule>`, ocf.Constraint{Score: "1", Role: "promoted", Node: "a"}},
	} {
		o := look(t, "<constraints/>", `<constraints><rsc_location id="x" rsc="db">`+c.rule+`</rsc_location></constraints>`)
		c.want.ID, c.want.Resource = "x", "db"
		if diff := cmp.Diff([]ocf.Constraint{c.want}, o.Constraints); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	f := newTools(t)
	f.answer("cibadmin", fakeAnswer{Code: 1, Stderr: "cibadmin: oh\n"})
	if _, err := f.Overview(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "overview: cibadmin: oh") {
		t.Error(err)
	}
}
