package pacemaker

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

const resources = `<cib><configuration><nodes><node id="1" uname="a"/><node id="2" uname="b"/><node id="3" uname="c"/></nodes><resources><primitive id="other"><instance_attributes><nvpair name="datadir" value="/x"/></instance_attributes></primitive>
<clone id="db-clone"><meta_attributes><nvpair name="promotable" value="true"/><nvpair name="clone-max" value="2"/></meta_attributes>
<primitive id="db"><instance_attributes><nvpair name="datadir" value="/data"/><nvpair name="config" value="a &amp; b"/></instance_attributes></primitive></clone></resources></configuration><status/></cib>`

func TestConfigured(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", fakeAnswer{Stdout: resources}, fakeAnswer{Stdout: strings.Replace(resources, "clone-max", "x", 1)},
		cib(t, `id="db"`, `id="other"`), fakeAnswer{Code: 1})
	for _, nodes := range []int{2, 3} { // as set, and as many as there are nodes
		f.seen = nil
		got, err := f.Configured(t.Context())
		want := Configuration{Parameters: map[string]string{"datadir": "/data", "config": "a & b"}, CloneMax: nodes}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v %s", err, diff)
		}
	}
	f.seen = nil
	if _, err := f.Configured(t.Context()); !errors.Is(err, ocf.ErrNoResource) {
		t.Error(err)
	}
	f.seen = nil
	if _, err := f.Configured(t.Context()); err == nil || errors.Is(err, ocf.ErrNoResource) {
		t.Error(err)
	}
}

func TestParseConfiguration(t *testing.T) {
	if got, err := configured([]byte(cib(t).Stdout), "db"); err != nil || got.CloneMax != 0 || got.Parameters["credentials"] != "/etc/mysql-ha/credentials" {
		t.Errorf("configuration = %+v, %v", got, err)
	}
	if got, err := configured([]byte(resources), "other"); err != nil || got.CloneMax != 1 || got.Parameters["datadir"] != "/x" {
		t.Errorf("configuration = %+v, %v", got, err)
	}
	for _, text := range []string{"", resources[:100], strings.Replace(resources, `"2"`, `"two"`, 1)} {
		if got, err := configured([]byte(text), "db"); err == nil {
			t.Errorf("configuration(%.30q) = %+v", text, got)
		}
	}
}

func configured(text []byte, resource string) (Configuration, error) {
	s, err := parseCIB(text)
	if err != nil {
		return Configuration{}, err
	}
	return s.resources.configuration(resource)
}

func TestLocalNode(t *testing.T) {
	f := newTools(t)
	f.answer("crm_node", fakeAnswer{Stdout: "db1\n"}, fakeAnswer{Stdout: "\n"}, fakeAnswer{Code: 1, Stderr: "error: x"})
	env := Environ(f.environ)
	if name, err := LocalNode(t.Context(), env); name != "db1" || err != nil {
		t.Errorf("LocalNode = %q, %v", name, err)
	}
	for range 2 {
		if name, err := LocalNode(t.Context(), env); err == nil {
			t.Errorf("LocalNode = %q", name)
		}
	}
}
