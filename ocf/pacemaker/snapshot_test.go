package pacemaker

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

// cibRecord is the record in testdata/cib.xml.
const cibRecord = "epoch=1 rev=1 primary=db2:0df2ef4f start= durability=lossless waited=1 ackers=db1:2f952a00,db3:975d67a8 marker=0-690216946-1"

// cib is the captured CIB as cibadmin prints it, with words replaced.
func cib(t testing.TB, oldnew ...string) fakeAnswer {
	t.Helper()
	return fakeAnswer{Stdout: strings.NewReplacer(oldnew...).Replace(golden(t, "cib.xml"))}
}

// The captured CIB has permanent attributes, a node that is lost, a remote node,
// and a property of the record's name that is not ours.
func TestParseCIB(t *testing.T) {
	tests := map[string][]string{
		"2.1": {},
		"3.0": {`in_ccm="true"`, `in_ccm="1795335338"`, `in_ccm="false"`, `in_ccm="0"`, "3.16.1", "3.20.0"},
		"lost node without a state": {
			`<node_state id="3" uname="db3" in_ccm="false" crmd="offline" crm-debug-origin="post_cache_update" join="down" expected="down"/>`, "",
		},
		"state of an older id, before": {`<status>`, `<status><node_state id="9" uname="db1" in_ccm="false"/>`},
		"state of an older id, after":  {`</status>`, `<node_state id="9" uname="db1" in_ccm="false"/></status>`},
	}
	for name, oldnew := range tests {
		t.Run(name, func(t *testing.T) {
			s, err := parseCIB([]byte(cib(t, oldnew...).Stdout))
			if err != nil {
				t.Fatal(err)
			}
			members := []ocf.Member{{Name: "db1", ID: 1, Online: true}, {Name: "db2", ID: 2, Online: true}, {Name: "db3", ID: 3}}
			if diff := cmp.Diff(members, s.members); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]string{"db-epoch": cibRecord}, s.records); diff != "" {
				t.Error(diff)
			}
			permanent := map[string]map[string]string{
				"db1": {"standby": "off", "db-candidate": "no"}, "db2": {"db-address": "192.0.2.2"}, "db3": {}, "web1": {"db-candidate": "no"},
			}
			if diff := cmp.Diff(permanent, s.permanent); diff != "" {
				t.Error(diff)
			}
			shown := map[string]string{"master-db": "-INFINITY", "db-status": "replica, follows db2, lag none, lossless"}
			if diff := cmp.Diff(shown, s.shown["db1"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Part of a CIB is not one where the rest is empty.
func TestParseCIBTakesOnlyAWholeOne(t *testing.T) {
	whole := golden(t, "cib.xml")
	for name, text := range map[string]string{
		"nothing":               "",
		"cut":                   whole[:len(whole)-10],
		"a section":             "<nodes/>",
		"without a node":        "<cib><configuration><nodes/></configuration><status/></cib>",
		"a node without a name": strings.Replace(whole, ` uname="db3"/>`, `/>`, 1),
		"an id of another kind": strings.Replace(whole, `<node id="3"`, `<node id="c1b8"`, 1),
	} {
		if s, err := parseCIB([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestInMembership(t *testing.T) {
	for text, want := range map[string]bool{
		"true": true, "false": false, "1795335338": true, "0": false, "-1": false, "": false, "yes": false,
	} {
		if got := inMembership(text); got != want {
			t.Errorf("inMembership(%q) = %t", text, got)
		}
	}
}

// lastFailure is its time in a CIB.
var lastFailure = regexp.MustCompile(`(name="last-failure-[^"]*" value=")[0-9]+`)

func FuzzParseCIB(f *testing.F) {
	f.Add([]byte(golden(f, "cib.xml")))
	f.Add([]byte(golden(f, "constrained.xml")))
	f.Add([]byte(strings.ReplaceAll(golden(f, "constrained.xml"), "monitor_", "monitor_9223372036854")))
	f.Add([]byte(lastFailure.ReplaceAllString(golden(f, "constrained.xml"), "${1}999999999999")))
	f.Add([]byte(strings.ReplaceAll(golden(f, "constrained.xml"), `value="db2"`, `value=""`)))
	f.Add([]byte(cib(f, `in_ccm="true"`, `in_ccm="1795335338"`).Stdout))
	f.Add([]byte(strings.ReplaceAll(golden(f, "constrained.xml"), "monitor_", "every -1s_")))
	f.Add([]byte(`<cib><configuration><nodes><node id="1" uname="a"/></nodes></configuration><status/></cib>`))
	f.Add([]byte(`<nodes><node id="1" uname="a"/></nodes>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parseCIB(text)
		if (err == nil) == (s == nil) {
			t.Fatalf("parseCIB = %v, %v", s, err)
		}
		if err != nil {
			return
		}
		for _, m := range s.members {
			if m.Name == "" {
				t.Error("a member without a name")
			}
			if _, ok := s.shown[m.Name]; m.Online && !ok {
				t.Errorf("%s is online by no state", m.Name)
			}
		}
		o := s.overview("db")
		checkOverview(t, s, o)
		// Pacemaker never writes a letter as a number: such a word may be missed.
		if !s.unmanaging && o.Managed != nil && !*o.Managed && !bytes.Contains(text, []byte("&#")) {
			t.Error("a look that asks no more finds it unmanaged")
		}
		if cfg, err := s.resources.configuration("db"); err == nil && (cfg.CloneMax < 0 || cfg.Parameters == nil) {
			t.Errorf("%+v", cfg)
		}
	})
}

func checkOverview(t *testing.T, s *snapshot, o ocf.Overview) {
	t.Helper()
	if len(o.Nodes) != len(s.members) || !slices.IsSortedFunc(o.Nodes, func(a, b ocf.NodeOverview) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%d members, shown are %+v", len(s.members), o.Nodes)
	}
	if o.Maintenance && (o.Managed == nil || *o.Managed) {
		t.Error("managed in maintenance mode")
	}
	if _, err := json.Marshal(o); err != nil {
		t.Error(err)
	}
	for _, n := range o.Nodes {
		for _, failing := range n.Failures {
			if failing.Count == "0" || failing.Last.Unix() < 0 && !failing.Last.IsZero() || !named(failing.Action, s.shown[n.Name]) {
				t.Errorf("%+v", failing)
			}
		}
	}
	for _, c := range o.Constraints {
		if c.Resource != "db" && c.Resource != o.Clone || c.Node != "" && c.Except != "" || c.Node == "" && c.Except == "" && !c.Rule {
			t.Errorf("%+v", c)
		}
	}
}

// named: what failed is an operation by its name, or that and how often it runs.
func named(action string, shown map[string]string) bool {
	plain, every := action, time.Second
	if i := strings.LastIndex(action, " every "); i >= 0 {
		if d, err := time.ParseDuration(action[i+len(" every "):]); err == nil {
			plain, every = action[:i], d
		}
	}
	for name := range shown {
		full, ours := strings.CutPrefix(name, "fail-count-db#")
		operation, _, interval := strings.Cut(full, "_")
		if ours && (operation == action || operation == plain && interval && every > 0) {
			return true
		}
	}
	return false
}

// All that an action asks of the CIB in a row is answered by one look.
func TestOneLookAnswersAll(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", cib(t), cib(t, cibRecord, "epoch=2", `name="master-db" value="-INFINITY"`, `name="master-db" value="7"`))
	if _, err := f.Members(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.seen.taken = time.Now() // however long the tool took
	if text, ok, err := f.ReadRecord(t.Context()); text != cibRecord || !ok || err != nil {
		t.Errorf("ReadRecord = %q, %v, %v", text, ok, err)
	}
	if value, ok, err := f.Permanent(t.Context(), "db1", "db-candidate"); value != "no" || !ok || err != nil {
		t.Errorf("Permanent = %q, %v, %v", value, ok, err)
	}
	if value, ok, err := f.Permanent(t.Context(), "db9", "db-candidate"); value != "" || ok || err != nil {
		t.Errorf("Permanent = %q, %v, %v", value, ok, err)
	}
	if value, ok, err := f.Shown(t.Context(), "master-db"); value != "-INFINITY" || !ok || err != nil {
		t.Errorf("Shown = %q, %v, %v", value, ok, err)
	}
	if value, ok, err := f.Shown(t.Context(), "db-reason"); value != "" || ok || err != nil {
		t.Errorf("Shown = %q, %v, %v", value, ok, err)
	}
	if diff := cmp.Diff([]string{"cibadmin --query"}, f.lines()); diff != "" {
		t.Error(diff)
	}

	f.seen.taken = time.Now().Add(-fresh) // and a later one by another
	if text, _, err := f.ReadRecord(t.Context()); text != "epoch=2" || err != nil {
		t.Errorf("ReadRecord = %q, %v", text, err)
	}
	if value, _, err := f.Shown(t.Context(), "master-db"); value != "7" || err != nil {
		t.Errorf("Shown = %q, %v", value, err)
	}
}

// No answer is not the answer before.
func TestLookThatFails(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", cib(t), fakeAnswer{Code: 1, Stderr: "cibadmin: oh\n"}, fakeAnswer{Stdout: "<cib>"})
	_, err := f.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	f.seen.taken = time.Time{}
	_, _, recordErr := f.ReadRecord(t.Context())
	_, membersErr := f.Members(t.Context())
	_, _, permanentErr := f.Permanent(t.Context(), "db1", "db-candidate")
	_, _, shownErr := f.Shown(t.Context(), "db-status")
	const cut = "cibadmin: answer is not understood: XML syntax error on line 1: unexpected EOF"
	for want, err := range map[string]error{
		"read the epoch record: cibadmin: oh (exit code 1)": recordErr,
		"list members: " + cut:                              membersErr,
		"read attribute db-candidate of db1: " + cut:        permanentErr,
		"read db-status: " + cut:                            shownErr,
	} {
		if text(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestLookWithoutACluster(t *testing.T) {
	f := newTools(t)
	f.sockets = "testdata/sockets-none"
	f.answer("cibadmin", fakeAnswer{Code: 102, Stderr: "cibadmin: Could not connect to the CIB API: Transport endpoint is not connected\n"})
	if _, _, err := f.ReadRecord(t.Context()); !errors.Is(err, ocf.ErrNoCluster) {
		t.Error(err)
	}
}
