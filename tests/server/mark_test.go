package server_test

import (
	"slices"
	"testing"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// A marker waits for an acknowledgement like any commit, and nobody waits for it: all
// that a promotion does after it is possible, and a server that dies before a replica
// came can be rid of it.
func TestMarkWaits(t *testing.T) { each(t, testMarkWaits) }

func testMarkWaits(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	must(t, replica.ArmReplica(replica.ctx(), true))
	must(t, replica.StopAll(replica.ctx()))
	must(t, source.Protect(source.ctx()))
	before := source.state().Executed
	must(t, source.ArmSource(source.ctx(), true))
	e := replication.Epoch{Epoch: 4, Primary: "db1:abc", Record: "epoch=4 primary=db1:abc", Start: before}
	seen := gtid.FromEntries([]gtid.Entry{{Domain: 0, Server: 77, Seq: 5000}})
	if f.mysql() {
		seen = before
	}
	row, err := source.Mark(source.ctx(), e, seen)
	must(t, err)
	st := source.state()
	if st.Writable || st.SemiSync.Waiting != 1 {
		t.Fatalf("%d wait, writable %t", st.SemiSync.Waiting, st.Writable)
	}
	if rows, err := source.Epochs(source.ctx()); err != nil || len(rows) != 0 {
		t.Errorf("nobody has acknowledged %+v, %v", rows, err)
	}
	if marker := gtid.FromEntries([]gtid.Entry{row.Marker}); !f.mysql() && (row.Marker.Seq != 5001 || !st.Executed.Contains(marker)) {
		t.Errorf("marked as %s, executed is %s", row.Marker, st.Executed)
	}
	more := append(slices.Clone(accounts), replication.Account{User: "repl3", Password: secret})
	for _, step := range []struct {
		name string
		do   func() error
	}{
		{"events", func() error { return source.SetEvents(source.ctx(), true) }},
		{"admit", func() error { return source.Admit(source.ctx()) }},
		{"open", func() error { return source.Unprotect(source.ctx()) }},
		{"exclude", func() error { return source.Exclude(source.ctx(), "repl2", true) }},
		{"refuse", func() error { return source.Refuse(source.ctx()) }},
		{"admit again", func() error { return source.Admit(source.ctx()) }},
		{"prepare", func() error { return source.Prepare(source.ctx(), more) }},
	} {
		if err := step.do(); err != nil {
			t.Errorf("%s while the marker waits: %v", step.name, err)
		}
	}
	commit := source.background("INSERT INTO d.t VALUES (1)")
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	await(t, commit)
	for _, n := range []*node{source, replica} {
		n.wait("the row", func() bool {
			rows, err := n.Epochs(n.ctx())
			must(t, err)
			return len(rows) == 1 && rows[0].Record == e.Record && rows[0].Start.Equal(before)
		})
	}
	if n := source.state().SemiSync.Waiting; n != 0 {
		t.Errorf("%d wait", n)
	}
}

// Of a server that dies meanwhile the marker is kept, or cut off, as any tail is.
func TestMarkOfTheDead(t *testing.T) { each(t, testMarkOfTheDead) }

func testMarkOfTheDead(t *testing.T, f *flavour) {
	source := start(t, f)
	must(t, source.Prepare(source.ctx(), nil))
	before := source.state().Executed
	must(t, source.ArmSource(source.ctx(), true))
	e := replication.Epoch{Epoch: 4, Primary: "db1:abc", Record: "epoch=4 primary=db1:abc", Start: before}
	_, err := source.Mark(source.ctx(), e, gtid.Set{})
	must(t, err)
	source.kill()
	if !f.mysql() { // whose tails the agent cuts
		source.up("--init-rpl-role=SLAVE")
		if rows, err := source.Epochs(source.ctx()); err != nil || len(rows) != 0 || !source.state().Executed.Equal(before) {
			t.Errorf("cut off: %+v, %v, executed %s, was %s", rows, err, source.state().Executed, before)
		}
		must(t, source.ArmSource(source.ctx(), true))
		_, err := source.Mark(source.ctx(), e, gtid.FromEntries([]gtid.Entry{{Seq: 100}}))
		must(t, err)
		source.kill()
	}
	source.up()
	rows, err := source.Epochs(source.ctx())
	must(t, err)
	if len(rows) != 1 || rows[0].Record != e.Record || source.state().Executed.Equal(before) {
		t.Errorf("kept: %+v, executed %s", rows, source.state().Executed)
	}
}
