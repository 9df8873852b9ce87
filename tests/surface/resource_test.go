package surface_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resource is one resource of the agent in a place, with its parameters.
type resource struct {
	*place
	name   string
	params map[string]string
}

// resource makes one with a database and files of its own.
func (p *place) resource(name, port string) *resource {
	p.t.Helper()
	return p.with(name, port, template, "")
}

// with takes a data directory, and the server of it where that is not the default.
func (p *place) with(name, port, template, binary string) *resource {
	p.t.Helper()
	home := "/srv/" + name
	r := &resource{p, name, map[string]string{
		"datadir": home + "/data", "config": home + "/my.cnf", "socket": "/run/" + name + "/mysqld.sock",
		"pid": "/run/" + name + "/mysqld.pid", "log": home + "/error.log", "replication_port": port,
		"state_dir": home + "/state", "quarantine_dir": home + "/quarantine", "credentials": "/etc/mysql-ha/" + name,
		"start_wait": "15s", // on a busy machine, too
	}}
	if binary != "" {
		r.params["binary"] = binary
	}
	must(p.t, os.MkdirAll(p.path(home), 0o755))
	must(p.t, os.CopyFS(p.path(home+"/data"), os.DirFS(template)))
	must(p.t, os.Chmod(p.path(home+"/data"), 0o750))
	r.configure("")
	p.write("/etc/mysql-ha/"+name, "[replication]\nuser = repl\npassword = geheim\n", 0o600)
	for _, words := range [][]string{{"chown", "-R", "mysql:mysql", home + "/data"}, {"chown", "mysql:mysql", home}} {
		if o := p.run(words...); o.code != 0 {
			p.t.Fatal(o)
		}
	}
	p.t.Cleanup(func() {
		if p.t.Failed() {
			text := p.read(r.params["log"])
			p.t.Logf("%s of %s:\n%s", filepath.Base(r.params["log"]), name, text[max(0, len(text)-4000):])
		}
	})
	return r
}

// configure writes the server's configuration.
func (r *resource) configure(more string) {
	r.t.Helper()
	mine := "aria-pagecache-buffer-size=8M\nperformance-schema=off\n"
	if r.params["binary"] != "" {
		mine = "mysqlx=0\n"
	}
	r.write(r.params["config"], "[mysqld]\nskip-name-resolve\ninnodb-buffer-pool-size=16M\nkey-buffer-size=1M\n"+mine+more, 0o644)
}

// environ is what Pacemaker would say, but for the cluster's own words; more words
// like NAME=VALUE win.
func (r *resource) environ(more ...string) []string {
	env := []string{"OCF_ROOT=/usr/lib/ocf", "OCF_RESOURCE_INSTANCE=" + r.name, "OCF_RESKEY_CRM_meta_timeout=60000"}
	for _, name := range slices.Sorted(maps.Keys(r.params)) {
		env = append(env, "OCF_RESKEY_"+name+"="+r.params[name])
	}
	return append(env, more...)
}

// do runs an action.
func (r *resource) do(action string, more ...string) outcome {
	r.t.Helper()
	return r.run(append(r.environ(more...), agentPath, action)...)
}

// want runs an action that ends with this code, and has this in its reason.
func (r *resource) want(code int, action, reason string, more ...string) outcome {
	r.t.Helper()
	o := r.do(action, more...)
	last := ""
	for line := range strings.Lines(o.stderr) {
		if text, ok := strings.CutPrefix(line, "ocf-exit-reason:"); ok {
			last = text
		}
	}
	switch {
	case o.code != code:
		r.t.Fatalf("%s %q: want code %d, got %s", action, more, code, o)
	case reason == "" && last != "", !strings.Contains(last, reason):
		r.t.Errorf("%s %q: reason is %q, want %q", action, more, last, reason)
	case len(last) > 129:
		r.t.Errorf("%s: reason of %d bytes", action, len(last))
	}
	if strings.Contains(o.stdout+o.stderr, "geheim") {
		r.t.Errorf("%s tells the password", action)
	}
	return o
}

// probe is a monitor as a one-shot; recurring is one at an interval.
const (
	probe     = "OCF_RESKEY_CRM_meta_interval=0"
	recurring = "OCF_RESKEY_CRM_meta_interval=10000"
)

// sql asks the resource's server.
func (r *resource) sql(text string) string {
	r.t.Helper()
	o := r.run("mariadb", "--no-defaults", "--socket="+r.params["socket"], "-uroot", "-NBe", text)
	if o.code != 0 {
		r.t.Fatalf("%s: %s", text, o)
	}
	return strings.TrimSpace(o.stdout)
}

// servers are the pids, in the place, of those who run a server on the data directory.
func (r *resource) servers() []int {
	r.t.Helper()
	var pids []int
	for _, word := range strings.Fields(r.run("pgrep", "-x", "mariadbd|mysqld").stdout) {
		pid, err := strconv.Atoi(word)
		must(r.t, err)
		argv, err := os.ReadFile(r.path("/proc/" + word + "/cmdline"))
		if err == nil && slices.Contains(strings.Split(string(argv), "\x00"), "--datadir="+r.params["datadir"]) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// server is the one that runs.
func (r *resource) server() int {
	r.t.Helper()
	pids := r.servers()
	if len(pids) != 1 {
		r.t.Fatalf("servers of %s: %v", r.name, pids)
	}
	return pids[0]
}

func (r *resource) kill(signal string) {
	r.t.Helper()
	if o := r.run("kill", "-"+signal, strconv.Itoa(r.server())); o.code != 0 {
		r.t.Fatal(o)
	}
}

// fakeTools are the cluster's tools, which agree to everything and keep what they
// were called with. With them a cluster seems to run.
func (p *place) fakeTools() {
	p.t.Helper()
	for _, tool := range []string{"crm_attribute", "attrd_updater"} {
		p.write("/usr/sbin/"+tool, "#!/bin/sh\necho \"$(basename $0) $*\" >> /var/log/crm.log\n"+
			"echo '<pacemaker-result><status code=\"0\" message=\"OK\"/></pacemaker-result>'\n", 0o755)
	}
}

func (p *place) noTools() {
	p.t.Helper()
	for _, tool := range []string{"crm_attribute", "attrd_updater"} {
		must(p.t, os.Remove(p.path("/usr/sbin/"+tool)))
	}
}

// within fails where an action took longer.
func (o outcome) within(r *resource, d time.Duration) {
	r.t.Helper()
	if o.took > d {
		r.t.Errorf("took %s, longer than %s", o.took, d)
	}
}
