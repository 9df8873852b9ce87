package ocf

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files again")

func metaData(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteMetaData(&b, "1.2.3"); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestMetaDataGolden(t *testing.T) {
	got := metaData(t)
	path := filepath.Join("testdata", "metadata.xml")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("as written with -update, reviewed:\n%s", diff)
	}
}

// Forms that one of ocf-tester, pcs and crmsh would refuse.
func TestMetaDataForm(t *testing.T) {
	text := metaData(t)
	first, _, _ := strings.Cut(text, "\n")
	if first != `<?xml version="1.0"?>` {
		t.Errorf("declaration is %q: an encoding in it breaks crmsh", first)
	}
	if !strings.Contains(text, "<!DOCTYPE resource-agent SYSTEM \"ra-api-1.dtd\"") {
		t.Error("ocf-tester wants the DTD")
	}
	for i := range len(text) {
		if text[i] > 0x7e {
			t.Fatalf("not ASCII: %q", text[max(0, i-10):i+1])
		}
	}
	for _, word := range []string{"private=", "deprecated=", "secret=", "<option", "Master", "Slave"} {
		if strings.Contains(text, word) {
			t.Errorf("holds %q", word)
		}
	}
}

func TestMetaDataIsWellFormedAndOrdered(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(metaData(t)))
	d.Strict = true
	var path, top []string
	inParameter := map[string][]string{}
	name := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
			if e.Name.Local == "parameter" {
				name = e.Attr[slices.IndexFunc(e.Attr, func(a xml.Attr) bool { return a.Name.Local == "name" })].Value
			}
			switch {
			case len(path) == 2:
				top = append(top, e.Name.Local)
			case len(path) == 4 && path[2] == "parameter":
				inParameter[name] = append(inParameter[name], e.Name.Local)
			}
		case xml.EndElement:
			path = path[:len(path)-1]
		}
	}
	if diff := cmp.Diff([]string{"version", "longdesc", "shortdesc", "parameters", "actions"}, top); diff != "" {
		t.Errorf("the DTD orders: %s", diff)
	}
	if len(inParameter) != len(Table) {
		t.Errorf("%d parameters of %d", len(inParameter), len(Table))
	}
	for name, got := range inParameter {
		if diff := cmp.Diff([]string{"longdesc", "shortdesc", "content"}, got); diff != "" {
			t.Errorf("parameter %s: %s", name, diff)
		}
	}
}

// pcs copies every listed action into the configuration: what is listed is
// implemented, and what is implemented is listed, but the usage text.
func TestMetaDataActions(t *testing.T) {
	var listed []Action
	for _, m := range regexp.MustCompile(`<action name="([^"]+)"`).FindAllStringSubmatch(metaData(t), -1) {
		listed = append(listed, Action(m[1]))
	}
	slices.Sort(listed)
	listed = slices.Compact(listed)
	implemented := slices.DeleteFunc(slices.Clone(Actions), func(a Action) bool { return a == Usage })
	slices.Sort(implemented)
	if diff := cmp.Diff(implemented, listed); diff != "" {
		t.Error(diff)
	}
}

// Pacemaker keys an operation by name and interval: two monitors need two.
func TestMetaDataMonitors(t *testing.T) {
	seen := map[string]bool{}
	monitors := regexp.MustCompile(`<action name="monitor"[^>]* interval="([^"]+)" role="(Promoted|Unpromoted)"`).FindAllStringSubmatch(metaData(t), -1)
	for _, m := range monitors {
		seen[m[1]] = true
	}
	if len(monitors) != 4 || len(seen) != 4 {
		t.Errorf("monitors are %v", monitors)
	}
}

func TestMetaDataEscapes(t *testing.T) {
	if got := text(`a<b & "c"`); got != "a&lt;b &amp; &#34;c&#34;" {
		t.Error(got)
	}
}
