package pacemaker

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const nextRecord = "epoch=2 rev=1 primary=db1:2f952a00 start=0-1-1 durability=lossless waited=1 ackers=db2:0df2ef4f"

func TestReadRecord(t *testing.T) {
	tests := map[string]struct {
		answer fakeAnswer
		want   string
		err    string
	}{
		"there":       {answer: cib(t), want: cibRecord},
		"none":        {answer: cib(t, `"mysql-ha-db-epoch" name="db-epoch"`, `"mysql-ha-other-epoch" name="other-epoch"`)},
		"in no set":   {answer: cib(t, `<cluster_property_set id="mysql-ha">`, `<cluster_property_set id="else">`)},
		"empty":       {answer: cib(t, cibRecord, ""), err: "read the epoch record: it has no value"},
		"no value":    {answer: cib(t, ` value="`+cibRecord+`"`, ""), err: "read the epoch record: it has no value"},
		"cannot read": {answer: fakeAnswer{Code: 1, Stderr: "oh\n"}, err: "read the epoch record: cibadmin: oh (exit code 1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newTools(t)
			f.answer("cibadmin", tt.answer)
			got, ok, err := f.ReadRecord(t.Context())
			if got != tt.want || ok != (tt.want != "") || text(err) != tt.err {
				t.Errorf("ReadRecord = %q, %v, %v", got, ok, err)
			}
		})
	}
}

// The first record is created; each further one replaces the one that was read.
func TestWriteRecord(t *testing.T) {
	f := newTools(t)
	f.answer("crm_attribute", fakeAnswer{})
	f.answer("cibadmin", cib(t), fakeAnswer{}, cib(t, cibRecord, nextRecord))
	if err := f.WriteRecord(t.Context(), "", cibRecord); err != nil {
		t.Fatal(err)
	}
	f.seen.taken = time.Now() // young enough, but older than the write
	if err := f.WriteRecord(t.Context(), cibRecord, nextRecord); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"crm_attribute --type=crm_config --set-name=mysql-ha --name=db-epoch --update=" + cibRecord,
		"cibadmin --query",
		"cibadmin --modify --sync-call" +
			" --xpath=//cluster_property_set[@id='mysql-ha']/nvpair[@name='db-epoch' and @value='" + cibRecord + "']" +
			` --xml-text=<nvpair id="mysql-ha-db-epoch" name="db-epoch" value="` + nextRecord + `"/>`,
		"cibadmin --query",
	}
	if diff := cmp.Diff(want, f.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestWriteRecordThatIsNotInForce(t *testing.T) {
	tests := map[string]struct {
		answers []fakeAnswer
		err     string
	}{
		"somebody wrote":   {[]fakeAnswer{{Code: 105, Stderr: "cibadmin: CIB API call failed: No such device or address\n"}}, "it has changed since it was read"},
		"the same, old":    {[]fakeAnswer{{Code: 6}}, "it has changed since it was read"},
		"refused":          {[]fakeAnswer{{Code: 4, Stderr: "cibadmin: denied\n"}}, "cibadmin: denied (exit code 4)"},
		"read back older":  {[]fakeAnswer{{}, cib(t)}, `read back as "epoch=1 rev=1 primary=db2:0df2ef4f start= durability=lossles..."`},
		"gone again":       {[]fakeAnswer{{}, cib(t, `id="mysql-ha">`, `id="else">`)}, "it was not there when read back"},
		"cannot read back": {[]fakeAnswer{{}, {Code: 1, Stderr: "oh\n"}}, "read the epoch record: cibadmin: oh (exit code 1)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newTools(t)
			f.answer("cibadmin", tt.answers...)
			if err := f.WriteRecord(t.Context(), cibRecord, nextRecord); text(err) != "write the epoch record: "+tt.err {
				t.Error(err)
			}
			if f.seen != nil && f.seen.records["db-epoch"] == nextRecord {
				t.Error("what was not written is remembered")
			}
		})
	}
}

// Neither end can be quoted in an XPath or in XML without a rule for escaping both.
func TestWriteRecordRefusesQuotes(t *testing.T) {
	f := newTools(t) // without tools
	for _, word := range []string{"'", `"`, "<", ">", "&", "é", ""} {
		bad := strings.Replace(nextRecord, "rev=1", word, 1)
		if word == "" {
			bad = ""
		}
		if err := f.WriteRecord(t.Context(), "", bad); err == nil || strings.Contains(err.Error(), "crm_attribute") {
			t.Errorf("WriteRecord(%q) = %v", bad, err)
		}
		if err := f.WriteRecord(t.Context(), bad, nextRecord); word != "" && word != "é" && (err == nil || strings.Contains(err.Error(), "cibadmin")) {
			t.Errorf("WriteRecord over %q = %v", bad, err)
		}
	}
}
