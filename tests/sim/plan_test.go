package sim

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var simulate = flag.String("crm-simulate", "", "write testdata/transitions anew, by this command, which gets NAME FILE (2.1 or 3.0, the CIB) and runs crm_simulate -S")

// transitions are what a cluster may have to do, as the plan is told of it, with the
// operations that have failed as Pacemaker's history has them.
var transitions = []struct {
	name     string
	all      []instance
	failed   map[string]string // node: operation, interval in ms, result, expected result
	lost     string            // a node that is not in the cluster
	noQuorum bool
	fenced   string // a node that is not, and was when it was last seen
}{
	{name: "fresh", all: []instance{{Node: "db1", Score: -1}, {Node: "db2", Score: -1}, {Node: "db3", Score: -1}}},
	{name: "promote", all: []instance{{Node: "db1", Status: unpromoted, Score: 0}, {Node: "db2", Status: unpromoted, Score: -1000000}, {Node: "db3", Status: unpromoted, Score: -4}}},
	{name: "nobody", all: []instance{{Node: "db1", Status: unpromoted, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: -1}, {Node: "db3", Status: unpromoted, Score: -4}}},
	{name: "switchover", all: []instance{{Node: "db1", Status: promoted, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: -1}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "calm", all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{
		name: "primary-failed", all: []instance{{Node: "db1", Status: promoted, Demote: true, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "monitor 5000 1 8"},
	},
	{
		name: "primary-dead", all: []instance{{Node: "db1", Status: promoted, Demote: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "monitor 5000 7 8"},
	},
	{
		name: "replica-dead", all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Failed: true, Score: -1000000}},
		failed: map[string]string{"db3": "monitor 6000 7 0"},
	},
	{
		name: "replica-dead-no-primary", all: []instance{{Node: "db1", Status: unpromoted, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Failed: true, Score: -1000000}},
		failed: map[string]string{"db3": "monitor 6000 7 0"},
	},
	{
		name: "promote-failed", all: []instance{{Node: "db1", Status: promoted, Demote: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "promote 0 1 0"},
	},
	{
		name: "demote-failed", all: []instance{{Node: "db1", Status: unpromoted, Failed: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "demote 0 1 0"},
	},
	{
		name: "start-failed", all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Failed: true, Banned: true, Score: -1000000}},
		failed: map[string]string{"db3": "start 0 1 0"},
	},
	{
		name: "stop-failed", all: []instance{{Node: "db1", Status: unpromoted, Blocked: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "stop 0 1 0"},
	},
	{
		name: "stop-failed-primary", all: []instance{{Node: "db1", Status: promoted, Blocked: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "stop 0 1 0"},
	},
	{
		name: "switchover-with-restart", all: []instance{{Node: "db1", Status: promoted, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Failed: true, Score: 0}},
		failed: map[string]string{"db3": "monitor 6000 1 0"},
	},
	{
		name: "primary-reported", all: []instance{{Node: "db1", Status: promoted, Failed: true, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}},
		failed: map[string]string{"db1": "asyncmon 0 1 0"},
	},
	{
		name: "half-started", all: []instance{{Node: "db1", Score: -1}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: promoted, Score: -5}},
	},
	{name: "standby-primary", all: []instance{{Node: "db1", Status: promoted, Banned: true, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "two-primaries", all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: promoted, Score: 1000}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "primary-lost", lost: "db1", all: []instance{{Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "primary-fenced", fenced: "db1", all: []instance{{Node: "db1", Status: promoted, Fenced: true, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "replica-fenced", fenced: "db3", all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Fenced: true, Score: 0}}},
	{name: "start-and-promote", all: []instance{{Node: "db1", Status: stopped, Score: -1000000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: unpromoted, Score: 0}}},
	{name: "no-quorum", noQuorum: true, all: []instance{{Node: "db1", Status: promoted, Score: 1000}, {Node: "db2", Status: unpromoted, Score: 0}, {Node: "db3", Status: stopped, Score: 0}}},
}

// TestPlan: the model's transitions are Pacemaker's, for 2.1 and 3.0.
func TestPlan(t *testing.T) {
	for _, c := range transitions {
		for _, version := range []string{"2.1", "3.0"} {
			t.Run(c.name+" "+version, func(t *testing.T) {
				base := filepath.Join("testdata/transitions", c.name)
				if *simulate != "" {
					write(t, base+".xml", cibOf(c.all, c.failed, c.lost, c.fenced, c.noQuorum))
					out, err := exec.Command(*simulate, version, base+".xml").CombinedOutput()
					if err != nil {
						t.Fatalf("%v: %s", err, out)
					}
					write(t, base+"."+version+".txt", string(out))
				}
				text, err := os.ReadFile(base + "." + version + ".txt")
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(executed(string(text)), planned(plan(c.all, !c.noQuorum))); diff != "" {
					t.Errorf("Pacemaker (-) and the model (+): %s", diff)
				}
			})
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// planned is a plan as a list of "pre-demote db1 db2".
func planned(stages []stage) (list []string) {
	add := func(what string, nodes []string) {
		if len(nodes) > 0 {
			list = append(list, what+" "+strings.Join(nodes, " "))
		}
	}
	for _, s := range stages {
		add("pre-"+s.Op, s.Pre)
		add(s.Op, s.Nodes)
		add("post-"+s.Op, s.Post)
	}
	return list
}

// executed is crm_simulate's transition in the same words; recurring monitors apart.
func executed(text string) (list []string) {
	_, text, _ = strings.Cut(text, "Executing Cluster Transition:")
	text, _, _ = strings.Cut(text, "\n\n")
	nodes := map[string][]string{}
	notice := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) < 4 {
			continue
		}
		if words[1] == "Pseudo" {
			for kind, op := range map[string]string{"demoted": "demote", "stopped": "stop", "running": "start", "promoted": "promote"} {
				if words[3] == "db-clone_post_notify_"+kind+"_0" {
					notice = "post-" + op
				}
				if words[3] == "db-clone_pre_notify_"+op+"_0" {
					notice = "pre-" + op
				}
			}
			continue
		}
		if len(words) < 5 {
			continue
		}
		op, node := words[4], words[len(words)-1]
		switch {
		case words[1] != "Resource", !strings.HasPrefix(words[3], "db"), strings.Contains(op, "="), op == "cancel":
			continue
		case op == "monitor":
			op = "probe"
		case op == "notify":
			op = notice
		}
		if nodes[op] == nil {
			list = append(list, op)
		}
		nodes[op] = append(nodes[op], node)
	}
	for i, op := range list {
		slices.Sort(nodes[op])
		list[i] = op + " " + strings.Join(nodes[op], " ")
	}
	return list
}

// cibOf is a cluster in that state, for a promotable clone as the README has it.
func cibOf(all []instance, failed map[string]string, lost, fenced string, noQuorum bool) string {
	var b, attributes strings.Builder
	quorum := map[bool]string{true: "0", false: "1"}[noQuorum]
	fmt.Fprintf(&b, `<cib crm_feature_set="3.16.1" validate-with="pacemaker-3.7" epoch="1" num_updates="0" admin_epoch="0" have-quorum="%s" dc-uuid="2">
<configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
<nvpair id="stonith" name="stonith-enabled" value="%t"/></cluster_property_set></crm_config>
<nodes>
`, quorum, fenced != "")
	status := func(node string) instance {
		i := slices.IndexFunc(all, func(i instance) bool { return i.Node == node })
		if i < 0 {
			return instance{Node: node, Status: stopped}
		}
		return all[i]
	}
	for i, node := range []string{"db1", "db2", "db3"} {
		fmt.Fprintf(&b, `<node id="%d" uname="%s">`, i+1, node)
		if status(node).Banned && failed[node] == "" {
			fmt.Fprintf(&b, `<instance_attributes id="n%d"><nvpair id="n%d-standby" name="standby" value="on"/></instance_attributes>`, i+1, i+1)
		}
		b.WriteString("</node>\n")
	}
	b.WriteString(`</nodes>
<resources><clone id="db-clone"><meta_attributes id="db-clone-meta"><nvpair id="pr" name="promotable" value="true"/><nvpair id="no" name="notify" value="true"/><nvpair id="in" name="interleave" value="true"/></meta_attributes>
<primitive id="db" class="ocf" provider="pacemaker" type="Stateful"><operations>
<op id="db-monitor-promoted" name="monitor" interval="5s" role="Promoted" timeout="30s" on-fail="demote"/>
<op id="db-monitor-unpromoted" name="monitor" interval="6s" role="Unpromoted" timeout="30s"/>
<op id="db-promote" name="promote" interval="0" timeout="60s" on-fail="demote"/>
</operations></primitive></clone>`)
	if fenced != "" {
		b.WriteString(`<primitive id="fence" class="stonith" type="fence_ipmilan"/>`)
	}
	b.WriteString(`</resources><constraints/></configuration>
<status>
`)
	for i, node := range []string{"db1", "db2", "db3"} {
		id := i + 1
		if node == lost {
			fmt.Fprintf(&b, `<node_state id="%d" uname="%s" in_ccm="false" crmd="offline" join="down" expected="down"/>`+"\n", id, node)
			continue
		}
		s := status(node)
		if node == fenced {
			fmt.Fprintf(&b, `<node_state id="%d" uname="%s" in_ccm="false" crmd="offline" join="down" expected="member">`+"\n", id, node)
		} else {
			fmt.Fprintf(&b, `<node_state id="%d" uname="%s" in_ccm="true" crmd="online" join="member" expected="member">`+"\n", id, node)
		}
		attributes.Reset()
		if s.Status != unknown {
			fmt.Fprintf(&attributes, `<nvpair id="a%d" name="master-db" value="%d"/>`, id, s.Score)
		}
		call := 0
		var ops strings.Builder
		op := func(name string, interval, rc, want int) {
			call++
			key := "db_last_0"
			switch {
			case rc != want && call > 1 && (rc != 7 || want != 7):
				key = "db_last_failure_0"
			case interval > 0 || call == 1 || name == "start":
				key = fmt.Sprintf("db_%s_%d", name, interval)
			}
			fmt.Fprintf(&ops, `<lrm_rsc_op id="%s" operation_key="db_%s_%d" operation="%s" crm_feature_set="3.16.1" transition-key="%d:1:%d:0a0a0a0a-0000-0000-0000-000000000000" transition-magic="0:%d;%d:1:%d:0a0a0a0a-0000-0000-0000-000000000000" exit-reason="" on_node="%s" call-id="%d" rc-code="%d" op-status="0" op-digest="f2317cad3d54cec5d7d7aa7d0bf35cf8" interval="%d" last-rc-change="%d" exec-time="1" queue-time="0"/>`+"\n",
				key, name, interval, name, call, want, rc, call, want, node, call, rc, interval, 1700000000+call)
		}
		if s.Status != unknown {
			op("monitor", 0, 7, 7)
		}
		if s.Status == unpromoted || s.Status == promoted {
			op("start", 0, 0, 0)
		}
		words := strings.Fields(failed[node])
		if (s.Status == promoted || len(words) > 0 && words[0] == "demote") && (len(words) == 0 || words[0] != "promote") {
			op("promote", 0, 0, 0)
			op("monitor", 5000, 8, 8)
		} else if s.Status == unpromoted && (len(words) == 0 || words[0] == "monitor") {
			op("monitor", 6000, 0, 0)
		}
		if len(words) > 0 {
			var interval, rc, want int
			fmt.Sscan(strings.Join(words[1:], " "), &interval, &rc, &want)
			if words[0] == "start" {
				ops.Reset()
				call = 0
				op("monitor", 0, 7, 7)
				fmt.Fprintf(&attributes, `<nvpair id="f%d" name="fail-count-db#start_0" value="INFINITY"/><nvpair id="g%d" name="last-failure-db#start_0" value="1700000002"/>`, id, id)
			}
			op(words[0], interval, rc, want)
		}
		fmt.Fprintf(&b, `<transient_attributes id="%d"><instance_attributes id="status-%d">%s</instance_attributes></transient_attributes>`+"\n", id, id, attributes.String())
		fmt.Fprintf(&b, `<lrm id="%d"><lrm_resources><lrm_resource id="db" class="ocf" provider="pacemaker" type="Stateful">`+"\n%s</lrm_resource>", id, ops.String())
		if fenced != "" && node == "db2" { // whose fence device it is
			ops.Reset()
			op("start", 0, 0, 0)
			fmt.Fprintf(&b, `<lrm_resource id="fence" class="stonith" type="fence_ipmilan">`+"\n%s</lrm_resource>", strings.ReplaceAll(ops.String(), `"db_`, `"fence_`))
		}
		b.WriteString("</lrm_resources></lrm></node_state>\n")
	}
	b.WriteString("</status></cib>\n")
	return b.String()
}
