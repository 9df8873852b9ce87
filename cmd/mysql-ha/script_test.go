package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// clusterTools are what the agent may run of Pacemaker's.
var clusterTools = []string{"crm_attribute", "attrd_updater", "crm_node", "cibadmin", "crm_mon", "crm_resource"}

// TestMain is this binary under each of its names: the agent, the operator's
// command, and the cluster's tools, which are fakes.
func TestMain(m *testing.M) {
	commands := map[string]func(){"mysql-ha": main, "mysql": main}
	for _, name := range clusterTools {
		commands[name] = func() {
			code := fakeTool(name, os.Args[1:])
			// Not os.Exit, which waits for a second under the race detector.
			_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, uintptr(code), 0, 0)
		}
	}
	testscript.Main(m, commands)
}

// fakeDir is passed on to the tools because of its first word.
const fakeDir = "PCMK_fake_dir"

// fakeTool appends its call to crm.log, and answers with the file of the first
// argument that has one, or "any": in the folder crm, then of the tool's name. A
// first line "exit N" is the code. Without a file it has no cluster to ask.
func fakeTool(name string, args []string) int {
	dir := os.Getenv(fakeDir)
	log, err := os.OpenFile(filepath.Join(dir, "crm.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Fprintln(log, name, strings.Join(args, " "))
	log.Close()
	for _, arg := range append(args, "any") {
		text, err := os.ReadFile(filepath.Join(dir, "crm", name, strings.ReplaceAll(arg, "/", "_")))
		if err != nil {
			continue
		}
		answer, code := string(text), 0
		if first, rest, _ := strings.Cut(answer, "\n"); strings.HasPrefix(first, "exit ") {
			answer = rest
			if code, err = strconv.Atoi(strings.TrimPrefix(first, "exit ")); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		fmt.Print(answer)
		return code
	}
	fmt.Fprintf(os.Stderr, "%s: Could not connect to the cluster: Transport endpoint is not connected\n", name)
	return 102
}

func TestScripts(t *testing.T) {
	golden, err := os.ReadFile("../../ocf/testdata/metadata.xml")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv(fakeDir, env.WorkDir)
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			// No resource of this name runs anywhere.
			env.Setenv("OCF_RESOURCE_INSTANCE", "testscript-"+filepath.Base(env.WorkDir))
			env.Setenv("OCF_RESKEY_state_dir", env.WorkDir+"/state")
			env.Setenv("OCF_RESKEY_datadir", env.WorkDir+"/data")
			env.Setenv("OCF_RESKEY_credentials", env.WorkDir+"/credentials")
			env.Setenv("OCF_RESKEY_socket", env.WorkDir+"/socket")
			text := strings.Replace(string(golden), `version="1.2.3"`, `version="`+version+`"`, 1)
			return os.WriteFile(filepath.Join(env.WorkDir, "metadata.xml"), []byte(text), 0o644)
		},
		Condition: func(name string) (bool, error) {
			if name == "root" {
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"ocf": ocfAction, "ends": endsWith},
	})
}

// endsWith is `ends CODE ARGS…`: mysql-ha with these arguments ends with that code.
func endsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: ends CODE [ARGS...]")
	}
	ending(ts, "mysql-ha", args)
}

// ocfAction is `ocf CODE ACTION ARGS…`: the agent's action ends with that code.
func ocfAction(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: ocf CODE [ACTION [ARGS...]]")
	}
	ending(ts, "mysql", args)
}

func ending(ts *testscript.TestScript, command string, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	code := 0
	if err := ts.Exec(command, args[1:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		code = exit.ExitCode()
	}
	if code != want {
		ts.Fatalf("%q: code %d, want %d", args[1:], code, want)
	}
}
