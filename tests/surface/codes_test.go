package surface_test

import (
	"os"
	"strings"
	"testing"
	"time"
)

// set is a parameter in the environment.
func set(name, value string) string { return "OCF_RESKEY_" + name + "=" + value }

const level10 = "OCF_CHECK_LEVEL=10"

// What is wrong with a machine, and what each action says of it. A probe must say
// that nothing runs, as a code of 2 or 5 would be read so where something does; a
// stop succeeds wherever nothing runs.
func TestUnfitMachine(t *testing.T) {
	t.Parallel()
	p := bare(t)
	r := p.resource("db", "3306")
	r.write("/srv/empty/keep", "", 0o644)
	r.write("/srv/file", "", 0o644)
	r.write("/srv/plain", "", 0o644)
	must(t, os.MkdirAll(r.path("/srv/foreign"), 0o755))
	must(t, os.CopyFS(r.path("/srv/foreign/data"), os.DirFS(template)))
	r.write("/srv/nobody", "[admin]\nuser = root\n", 0o600)

	for what, c := range map[string]struct {
		env    string
		code   int
		reason string
		anyone bool // level 0 knows, too
	}{
		"no binary":            {set("binary", "/nonexistent/mariadbd"), 5, `binary="/nonexistent/mariadbd"`, false},
		"a binary that is not": {set("binary", "/srv/plain"), 5, `binary="/srv/plain": /srv/plain is not an executable file`, false},
		"no configuration":     {set("config", "/nonexistent/my.cnf"), 5, `config="/nonexistent/my.cnf"`, false},
		"no data directory":    {set("datadir", "/nonexistent/data"), 5, `datadir="/nonexistent/data" holds no database: initialise it first`, false},
		"an empty one":         {set("datadir", "/srv/empty"), 5, "holds no database: initialise it first", false},
		"a file":               {set("datadir", "/srv/file"), 4, `datadir="/srv/file"`, false},
		"somebody else's":      {set("datadir", "/srv/foreign/data"), 4, `datadir="/srv/foreign/data": mysql cannot write there`, false},
		"no such user":         {set("user", "no_user"), 5, `user="no_user"`, false},
		"a user who may not":   {set("user", "nobody"), 4, "nobody cannot write there", false},
		"no such group":        {set("group", "no_group"), 5, `group="no_group"`, false},
		"a bad parameter":      {set("max_lag", "soon"), 6, `max_lag="soon": accepted is a duration from 1s to 86400s, like 30s or 2m`, true},
		"an unknown choice":    {set("durability", "most"), 6, `durability="most": accepted is one of lossless, degrade, async`, true},
		"a relative path":      {set("socket", "mysqld.sock"), 6, `socket="mysqld.sock": accepted is an absolute path`, true},
		"no credentials":       {set("credentials", "/nonexistent/credentials"), 2, "credentials: open /nonexistent/credentials", false},
	} {
		t.Run(what, func(t *testing.T) {
			r := &resource{&place{t, p.pid, p.root}, r.name, r.params}
			for _, action := range []string{"stop", "stop", "demote"} {
				r.want(0, action, "", c.env)
			}
			r.want(7, "monitor", "", probe, c.env)
			r.want(7, "monitor", "", recurring, c.env)
			r.want(c.code, "start", c.reason, c.env)
			r.want(c.code, "validate-all", c.reason, level10, c.env)
			if c.anyone {
				r.want(c.code, "validate-all", c.reason, c.env)
			} else {
				r.want(0, "validate-all", "", c.env)
			}
			r.want(7, "monitor", "", probe, c.env)
			r.want(0, "meta-data", "", c.env)
			r.want(3, "frobnicate", `action "frobnicate" is not implemented`, c.env)
		})
	}
	t.Run("a clone without a replication account", func(t *testing.T) {
		r := &resource{&place{t, p.pid, p.root}, r.name, r.params}
		clone := []string{set("credentials", "/srv/nobody"), set("CRM_meta_clone_max", "3"), set("CRM_meta_notify", "true")}
		for _, action := range []string{"start", "validate-all"} {
			r.want(2, action, "no replication account: [replication] in /srv/nobody has none", append(clone, level10)...)
		}
		r.want(0, "stop", "", clone...)
	})
	t.Run("nothing of it", func(t *testing.T) {
		r := &resource{&place{t, p.pid, p.root}, r.name, r.params}
		r.want(0, "validate-all", "", level10)
		r.want(0, "start", "")
		r.want(0, "stop", "")
	})
}

// A stop, and whatever else closes, works with what was there at the start, however
// broken the configuration is now.
func TestStopWithABrokenConfiguration(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		r := p.resource("db", "3306")
		broken := []string{
			set("binary", "/nonexistent/mariadbd"), set("config", "/nonexistent/my.cnf"), set("datadir", "/nonexistent/data"),
			set("socket", "/nonexistent/socket"), set("credentials", "/nonexistent/credentials"), set("user", "no_user"),
			set("max_lag", "soon"), set("virtual_ip", "nonsense"), "OCF_CHECK_LEVEL=deep",
		}
		r.want(0, "start", "")
		r.want(0, "promote", "")
		if o := r.do("monitor", append(broken, recurring)...); o.code != 1 {
			t.Errorf("a monitor that cannot look: %s", o)
		}
		r.want(0, "stop", "", broken...)
		if left := r.servers(); len(left) > 0 {
			t.Errorf("servers are left: %v", left)
		}
		r.want(7, "monitor", "", probe)
		// Without any parameter, as the last stop of a node that has lost the cluster.
		r.want(0, "start", "")
		if o := r.run("OCF_ROOT=/usr/lib/ocf", "OCF_RESOURCE_INSTANCE=db", agentPath, "stop"); o.code != 0 || len(r.servers()) > 0 {
			t.Errorf("a stop without parameters: %s", o)
		}
	})
}

// A server that answers nothing: everything ends in its time, and closing ends it.
func TestFrozenServer(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		r := p.resource("db", "3306")
		const timeout = "OCF_RESKEY_CRM_meta_timeout=10000"
		limit := 10 * time.Second
		acting := []string{"monitor", "promote", "start", "reload-agent", "notify", "validate-all"}
		for closing, actions := range map[string][]string{"stop": acting, "demote": nil} {
			r.want(0, "start", "")
			r.want(0, "promote", "")
			r.kill("STOP")
			for _, action := range actions {
				o := r.do(action, timeout, recurring)
				o.within(r, limit)
				good := action == "validate-all" || action == "notify" || action == "reload-agent"
				if good != (o.code == 0) || o.code == 7 || o.code == 8 {
					t.Errorf("%s: %s", action, o)
				}
			}
			o := r.want(0, closing, "", timeout)
			o.within(r, limit)
			if left := r.servers(); len(left) > 0 {
				t.Errorf("after %s: %v still run", closing, left)
			}
			r.want(7, "monitor", "", recurring)
		}
	})
}

// Each level of validation looks further than the one before.
func TestValidationLevels(t *testing.T) {
	t.Parallel()
	r := bare(t).resource("db", "3306")
	elsewhere := []string{set("binary", "/nonexistent"), set("datadir", "/nonexistent")}
	r.want(0, "validate-all", "", elsewhere...)
	r.want(0, "validate-all", "", append(elsewhere, "OCF_CHECK_LEVEL=0")...)
	r.want(5, "validate-all", "binary=", append(elsewhere, level10)...)
	r.want(5, "validate-all", "binary=", append(elsewhere, "OCF_CHECK_LEVEL=20")...)
	r.want(2, "validate-all", `OCF_CHECK_LEVEL is "deep"`, "OCF_CHECK_LEVEL=deep")
	if o := r.want(0, "validate-all", "", level10); strings.TrimSpace(o.stdout) != "" {
		t.Errorf("a success says %q", o.stdout)
	}
	if _, err := os.Stat(r.path(r.params["datadir"] + "/mysql-ha.id")); err == nil {
		t.Error("validation has changed the data directory")
	}
}
