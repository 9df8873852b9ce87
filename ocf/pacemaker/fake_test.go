package pacemaker

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A fake tool is this test binary under the tool's name. It appends its call to a
// file beside it, and answers what stands in a file of its name: one answer a
// call, the last one for ever.
type answerFile []fakeAnswer

type fakeAnswer struct {
	Code           int
	Stdout, Stderr string
}

type call struct {
	Argv []string
	Env  []string
}

func TestMain(m *testing.M) {
	if dir := filepath.Dir(os.Args[0]); filepath.Base(dir) == "fake-tools" {
		// Without os.Exit: with the race detector it sleeps for a second.
		_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(fakeMain(dir)), 0, 0)
	}
	os.Exit(m.Run())
}

func fakeMain(dir string) int {
	tool := filepath.Base(os.Args[0])
	line, _ := json.Marshal(call{append([]string{tool}, os.Args[1:]...), os.Environ()})
	f, err := os.OpenFile(filepath.Join(dir, "calls"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	fmt.Fprintf(f, "%s\n", line)
	f.Close()

	text, err := os.ReadFile(filepath.Join(dir, tool+".json"))
	if err != nil {
		panic(err)
	}
	var answers answerFile
	if err := json.Unmarshal(text, &answers); err != nil {
		panic(err)
	}
	a := answers[0]
	if len(answers) > 1 {
		rest, _ := json.Marshal(answers[1:])
		if err := os.WriteFile(filepath.Join(dir, tool+".json"), rest, 0o600); err != nil {
			panic(err)
		}
	}
	fmt.Print(a.Stdout)
	fmt.Fprint(os.Stderr, a.Stderr)
	return a.Code
}

// tools are fakes and the cluster that runs them.
type tools struct {
	*Cluster
	dir string
	t   *testing.T
}

func newTools(t *testing.T, opts ...Option) *tools {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fake-tools")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	env := Environ([]string{
		"PATH=" + dir, "PCMK_ipc_buffer=1", "OCF_RESKEY_CRM_meta_on_node=db1", "MYSQL_PWD=secret",
	})
	c := New("db", "db1", append([]Option{env, Deadline(10 * time.Second)}, opts...)...)
	c.sockets = "testdata/sockets-cluster"
	return &tools{c, dir, t}
}

// answer tells what a tool is to answer.
func (f *tools) answer(tool string, answers ...fakeAnswer) {
	f.t.Helper()
	self, err := os.Executable()
	if err == nil {
		_ = os.Remove(filepath.Join(f.dir, tool))
		err = os.Symlink(self, filepath.Join(f.dir, tool))
	}
	text, _ := json.Marshal(answers)
	if err == nil {
		err = os.WriteFile(filepath.Join(f.dir, tool+".json"), text, 0o600)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// calls returns what was called.
func (f *tools) calls() []call {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, "calls"))
	if err != nil {
		f.t.Fatal(err)
	}
	var all []call
	for line := range strings.Lines(string(text)) {
		var c call
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			f.t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// lines returns the calls as command lines.
func (f *tools) lines() []string {
	var lines []string
	for _, c := range f.calls() {
		lines = append(lines, strings.Join(c.Argv, " "))
	}
	return lines
}

func golden(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
