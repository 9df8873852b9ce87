package pacemaker

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mysql-ha/mysql-ha/ocf"
)

func shows(value string) fakeAnswer {
	return fakeAnswer{Stdout: `<pacemaker-result><attribute name="n" value="` + value + `" host="db1"/><status code="0"/></pacemaker-result>`}
}

func TestSetScoreUsesLongOptions(t *testing.T) {
	for score, want := range map[int]string{
		1000: "1000", -1: "-1", 0: "0", -1000000: "-INFINITY", -1000001: "-INFINITY", 1000000: "INFINITY",
	} {
		f := newTools(t)
		f.answer("crm_attribute", fakeAnswer{})
		if err := f.SetScore(t.Context(), score); err != nil {
			t.Fatal(err)
		}
		line := []string{"crm_attribute --promotion=db --node=db1 --lifetime=reboot --update=" + want}
		if diff := cmp.Diff(line, f.lines()); diff != "" {
			t.Error(diff)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFail(t *testing.T) {
	f := newTools(t)
	f.answer("crm_resource", fakeAnswer{}, fakeAnswer{Code: 105, Stderr: "crm_resource: nothing of that name\n"})
	if err := f.Fail(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"crm_resource --fail --resource=db --node=db1"}, f.lines()); diff != "" {
		t.Error(diff)
	}
	if err := f.Fail(t.Context()); !strings.Contains(text(err), "report the failure of db: crm_resource: nothing of that name") {
		t.Errorf("%v", err)
	}
}

func TestPublishWaitsUntilItShows(t *testing.T) {
	f := newTools(t)
	f.answer("attrd_updater", fakeAnswer{}, fakeAnswer{Code: 78}, shows("old"), shows("a=b c"))
	if err := f.Publish(t.Context(), true, "n", "a=b c"); err != nil {
		t.Fatal(err)
	}
	query := "attrd_updater --query --name=n --node=db1 --output-as=xml"
	want := []string{"attrd_updater --name=n --node=db1 --update=a=b c --private", query, query, query}
	if diff := cmp.Diff(want, f.lines()); diff != "" {
		t.Error(diff)
	}
}

func TestHintDoesNotWait(t *testing.T) {
	f := newTools(t)
	f.answer("attrd_updater", fakeAnswer{}, fakeAnswer{Code: 1, Stderr: "oh\n"})
	if err := f.Hint(t.Context(), "n", "a=b c"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"attrd_updater --name=n --node=db1 --update=a=b c --private"}, f.lines()); diff != "" {
		t.Error(diff)
	}
	if err := f.Hint(t.Context(), "n", "x"); text(err) != "publish n: attrd_updater: oh (exit code 1)" {
		t.Error(err)
	}
	if err := f.Hint(t.Context(), "n", "value++"); err == nil || len(f.calls()) != 2 {
		t.Errorf("Hint = %v", err)
	}
}

func TestPublishThatNeverShowsFails(t *testing.T) {
	f := newTools(t, Deadline(300*time.Millisecond))
	f.answer("attrd_updater", fakeAnswer{}, shows("old"))
	err := f.Publish(t.Context(), false, "n", "new")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(text(err), "publish n: ") {
		t.Errorf("Publish = %v", err)
	}
}

func TestPublishRefusesWhatWouldNotComeBack(t *testing.T) {
	f := newTools(t) // without tools
	for _, value := range []string{"", "value++", "value+=5", "a\nb", "a\tb", "é", "\x7f", strings.Repeat("x", 128<<10)} {
		if err := f.Publish(t.Context(), true, "n", value); err == nil || strings.Contains(err.Error(), "attrd_updater") {
			t.Errorf("Publish(%.20q) = %v", value, err)
		}
	}
}

func TestWithdrawTwice(t *testing.T) {
	f := newTools(t)
	f.answer("attrd_updater", fakeAnswer{}, shows("old"), shows(""), fakeAnswer{}, fakeAnswer{Code: 78})
	for range 2 {
		if err := f.Withdraw(t.Context(), false, "n"); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.lines()[0]; got != "attrd_updater --name=n --node=db1 --delete" {
		t.Error(got)
	}
}

func TestCollect(t *testing.T) {
	f := newTools(t)
	f.answer("attrd_updater", fakeAnswer{Stdout: golden(t, "withdrawn.xml")}, fakeAnswer{Code: 78, Stdout: golden(t, "unset.xml")})
	got, err := f.Collect(t.Context(), "t-ad")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"db1": `counter=7 position=0-1-100,0-2-17627 <&> "q" host=db1`,
		"db3": `counter=7 position=0-1-100,0-2-20456 <&> "q" host=db3`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got, err := f.Collect(t.Context(), "t-ad"); err != nil || len(got) != 0 {
		t.Errorf("Collect of what nobody set = %v, %v", got, err)
	}
}

func TestMembers(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", cib(t))
	f.answer("crm_node", fakeAnswer{Stdout: "1\n"}, fakeAnswer{Stdout: "0\n"}, fakeAnswer{})
	got, err := f.Members(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []ocf.Member{{Name: "db1", ID: 1, Online: true}, {Name: "db2", ID: 2, Online: true}, {Name: "db3", ID: 3}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	got[0].Name = "changed by whoever asked"
	if again, err := f.Members(t.Context()); err != nil || again[0].Name != "db1" {
		t.Errorf("Members = %v, %v", again, err)
	}
	for _, want := range []bool{true, false} {
		if got, err := f.Quorate(t.Context()); got != want || err != nil {
			t.Errorf("Quorate = %v, %v", got, err)
		}
	}
	if _, err := f.Quorate(t.Context()); text(err) != `ask for quorum: crm_node: answer is not understood: ""` {
		t.Error(err)
	}
}

func TestManaged(t *testing.T) {
	f := newTools(t)
	f.answer("cibadmin", cib(t))
	if got, err := f.Managed(t.Context()); !got || err != nil {
		t.Errorf("without a word about it: Managed = %v, %v", got, err)
	}
	f = newTools(t)
	f.answer("cibadmin", cib(t, `id="db"`, `id="other"`))
	if got, err := f.Managed(t.Context()); got || !errors.Is(err, ocf.ErrNoResource) {
		t.Errorf("of a name that nothing has: Managed = %v, %v", got, err)
	}
	for _, word := range []string{`name="is-managed"`, `name="maintenance"`, `name="maintenance-mode"`} {
		f := newTools(t)
		said := cib(t)
		said.Stdout = strings.Replace(said.Stdout, "<crm_config>", `<crm_config><cluster_property_set id="x"><nvpair id="y" `+word+` value="false"/></cluster_property_set>`, 1)
		f.answer("cibadmin", said)
		if got, err := f.Managed(t.Context()); err == nil {
			t.Errorf("crm_mon was not asked about %s: %v", word, got)
		}
		f.answer("crm_mon", fakeAnswer{Stdout: strings.ReplaceAll(golden(t, "managed.xml"), `id="r"`, `id="db"`)})
		if got, err := f.Managed(t.Context()); !got || err != nil {
			t.Errorf("Managed = %v, %v", got, err)
		}
	}
}

func TestToolsGetNoSecret(t *testing.T) {
	f := newTools(t)
	f.answer("crm_node", fakeAnswer{Stdout: "1\n"})
	if _, err := f.Quorate(t.Context()); err != nil {
		t.Fatal(err)
	}
	env := f.calls()[0].Env
	slices.Sort(env)
	want := []string{"LC_ALL=C", "PATH=" + f.dir + ":/usr/sbin:/usr/bin:/sbin:/bin", "PCMK_ipc_buffer=1"}
	if diff := cmp.Diff(want, env); diff != "" {
		t.Error(diff)
	}
}

func TestSbinDirComesFirst(t *testing.T) {
	f := newTools(t)
	f.answer("crm_node", fakeAnswer{Stdout: "1\n"})
	c := New("db", "db1", Environ([]string{"PATH=/nowhere:relative", "HA_SBIN_DIR=" + f.dir}))
	if got, err := c.Quorate(t.Context()); !got || err != nil {
		t.Errorf("Quorate = %v, %v", got, err)
	}
}

func TestNoClusterIsNotAFailure(t *testing.T) {
	refused := fakeAnswer{Code: 102, Stderr: "error: Could not connect to controller: Connection refused\n"}
	tests := map[string]struct {
		sockets string
		answer  fakeAnswer
		alone   bool
	}{
		"nothing runs":           {"testdata/sockets-none", refused, true},
		"a daemon is restarting": {"testdata/sockets-cluster", refused, false},
		"cannot be told":         {"testdata/nowhere", refused, false},
		"another failure":        {"testdata/sockets-none", fakeAnswer{Code: 1}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newTools(t)
			f.sockets = tt.sockets
			f.answer("crm_node", tt.answer)
			_, err := f.Quorate(t.Context())
			if err == nil || errors.Is(err, ocf.ErrNoCluster) != tt.alone {
				t.Errorf("Quorate = %v", err)
			}
		})
	}
	t.Run("no tools", func(t *testing.T) {
		f := newTools(t)
		f.sockets = "testdata/sockets-none"
		if _, _, err := f.run(t.Context(), nil, "attrd_updater_"); !errors.Is(err, ocf.ErrNoCluster) {
			t.Error(err)
		}
	})
}

func TestToolDiesWithItsDeadline(t *testing.T) {
	f := newTools(t)
	// A child of the tool that holds its output must not hold us.
	script := "#!/bin/sh\nsleep 60 &\necho $! > " + filepath.Join(f.dir, "child") + "\nsleep 60\n"
	if err := os.WriteFile(filepath.Join(f.dir, "crm_node"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := f.Quorate(ctx)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("Quorate = %v after %v", err, time.Since(begin))
	}
	pid, err := os.ReadFile(filepath.Join(f.dir, "child"))
	if err != nil {
		t.Fatal(err)
	}
	dead := func() bool {
		stat, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	}
	for !dead() {
		if time.Since(begin) > 5*time.Second {
			t.Fatal("the tool's child lives on")
		}
		time.Sleep(10 * time.Millisecond)
	}
}
