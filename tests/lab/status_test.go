package lab

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseStatus(t *testing.T) {
	const out = `<pacemaker-result api-version="2.25" request="crm_mon -1 --output-as=xml">
  <summary><current_dc present="true" version="2.1.5" name="db1" id="1" with_quorum="true"/></summary>
  <nodes>
    <node name="db1" id="1" online="true" standby="false" pending="false"/>
    <node name="db2" id="2" online="true" standby="true" pending="false"/>
    <node name="db3" id="3" online="false" standby="false" pending="false"/>
  </nodes>
  <resources><clone id="db-clone">
    <resource id="db" role="Unpromoted" orphaned="false" blocked="true" failed="true"><node name="db2" id="2"/></resource>
    <resource id="db" role="Promoted" orphaned="false" blocked="false" failed="false"><node name="db1" id="1"/></resource>
    <resource id="db" role="Stopped" orphaned="false" blocked="false" failed="false"/>
  </clone><clone id="shop-clone">
    <resource id="shop" role="Unpromoted" orphaned="false" blocked="false" failed="false"><node name="db2" id="2"/></resource>
    <resource id="shop" role="Unpromoted" orphaned="false" blocked="false" failed="false"><node name="db1" id="1"/></resource>
  </clone></resources>
</pacemaker-result>`
	got, err := parseStatus([]byte(out))
	if err != nil {
		t.Fatal(err)
	}
	want := &Status{
		DC: "db1", Quorate: true, Online: []string{"db1", "db2"}, Standby: []string{"db2"},
		Roles: Roles{
			Promoted: []string{"db1"}, Unpromoted: []string{"db2"},
			Trouble: []string{"Unpromoted on db2: failed=true blocked=true orphaned=false"},
		},
		Others: map[string]Roles{"shop": {Unpromoted: []string{"db1", "db2"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
