package pacemaker

import (
	"bytes"
	"strings"
	"testing"
)

func TestParseManaged(t *testing.T) {
	const two = `<pacemaker-result><nodes><node name="db1" maintenance="true"/><node name="db2" maintenance="false"/></nodes><resources>` +
		`<clone><group><resource id="db:0" managed="false"><node name="db1"/></resource></group>` +
		`<group><resource id="db:1" managed="true"><node name="db2"/></resource></group></clone></resources><status code="0"/></pacemaker-result>`
	tests := map[string]struct {
		text, resource, node string
		want                 bool
	}{
		"managed":                       {golden(t, "managed.xml"), "r", "ad1", true},
		"is-managed=false":              {golden(t, "unmanaged.xml"), "r", "ad1", false},
		"maintenance mode":              {golden(t, "maintenance-mode.xml"), "r", "ad1", false},
		"node in maintenance":           {golden(t, "node-maintenance.xml"), "r", "ad1", false},
		"stopped":                       {golden(t, "stopped.xml"), "r", "ad1", true},
		"stopped on a node in maint.":   {golden(t, "stopped-maintenance.xml"), "r", "ad1", false},
		"of two, the one in maint.":     {two, "db", "db1", false},
		"of two, the other":             {two, "db", "db2", true},
		"of two, where neither runs":    {two, "db", "db3", true},
		"active, other node, same name": {golden(t, "managed.xml"), "r", "ad2", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, err := parseManaged([]byte(tt.text), tt.resource, tt.node); got != tt.want || err != nil {
				t.Errorf("parseManaged = %v, %v", got, err)
			}
		})
	}
	if _, err := parseManaged([]byte(golden(t, "managed.xml")), "nope", "ad1"); text(err) != "there is no resource nope" {
		t.Error(err)
	}
}

func TestParseTakesOnlyWholeAnswers(t *testing.T) {
	whole := golden(t, "attributes.xml")
	for _, text := range []string{"", whole[:len(whole)-30], strings.Replace(whole, "<status", "<x", 1), strings.Replace(whole, "t-ad", "other", 2)} {
		if got, err := parseAttributes([]byte(text), "t-ad"); err == nil {
			t.Errorf("parseAttributes(%.40q) = %v", text, got)
		}
	}
}

func TestComplaint(t *testing.T) {
	for stderr, want := range map[string]string{
		"crm_node: oh\n":           "oh",
		"crm_node:  oh":            "oh",
		"warning\n crm_node:\toh ": "oh",
		"oh":                       "oh",
		"crm_node: \n":             "failed without a word",
		"":                         "failed without a word",
	} {
		if got := complaint("crm_node", nil, []byte(stderr)); got != want {
			t.Errorf("complaint(%q) = %q", stderr, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"attributes.xml", "unset.xml", "managed.xml", "cib.xml", "sockets-cluster", "sockets-none"} {
		f.Add([]byte(golden(f, name)))
	}
	f.Add([]byte("1\n"))
	f.Add([]byte("crm_node:  oh"))
	f.Add([]byte("crm_node: "))
	f.Add([]byte(`<pacemaker-result><status code="1"><errors><error>crm_node: oh</error></errors></status></pacemaker-result>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if values, err := parseAttributes(text, "t-ad"); err == nil && values == nil {
			t.Error("neither values nor an error")
		}
		if cfg, err := configured(text, "r"); err == nil && cfg.CloneMax < 0 {
			t.Errorf("clone-max=%d", cfg.CloneMax)
		}
		if managed, err := parseManaged(text, "r", "ad1"); managed && err != nil {
			t.Error("managed by an answer that was not understood")
		}
		if quorate, err := parseQuorum(text); quorate && err != nil {
			t.Error("quorate by an answer that was not understood")
		}
		if clusterListens(text) && !bytes.Contains(text, []byte("\n")) && len(bytes.Fields(text)) < 8 {
			t.Error("a socket of no line")
		}
		if said := complaint("crm_node", text, text); said == "" || said != strings.TrimSpace(said) {
			t.Errorf("it complains %q", said)
		}
	})
}
