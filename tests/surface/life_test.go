package surface_test

import (
	"strings"
	"testing"
)

// The whole life of a server under the agent, however the machine runs services.
func TestLife(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		r := p.resource("db", "3306")
		booted := strings.HasSuffix(t.Name(), "systemd")
		for range 2 {
			r.want(7, "monitor", "", probe)
			r.want(7, "monitor", "", recurring)
			r.want(0, "stop", "")
			r.want(0, "demote", "")
		}
		r.want(7, "promote", "")

		for range 2 {
			r.want(0, "start", "")
			r.want(0, "monitor", "", probe)
			r.want(0, "monitor", "", recurring)
		}
		if booted {
			if got := p.run("systemctl", "show", "-P", "ActiveState", "mysql-ha-db.service").stdout; got != "active\n" {
				t.Errorf("the unit is %q", got)
			}
		}
		if got := r.sql("SELECT @@read_only, @@event_scheduler"); got != "1\tOFF" {
			t.Errorf("after the start: %s", got)
		}
		for range 2 {
			r.want(0, "promote", "")
			r.want(8, "monitor", "", probe)
			r.want(8, "monitor", "", recurring)
		}
		first := r.server()
		r.sql("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)")
		r.want(0, "reload-agent", "")
		r.want(0, "notify", "")
		for range 2 {
			r.want(0, "demote", "")
			r.want(0, "monitor", "", recurring)
		}
		r.want(0, "promote", "")
		if r.server() != first {
			t.Error("it was restarted")
		}

		// Its death is told at once, and found.
		p.fakeTools()
		r.kill("KILL")
		p.eventually("the hook lowers the score", func() bool {
			return strings.Contains(p.read("/var/log/crm.log"), "crm_attribute --promotion=db --node=place --lifetime=reboot --update=-INFINITY\n")
		})
		p.noTools()
		r.want(7, "monitor", "", recurring)
		r.want(0, "demote", "")
		r.want(0, "start", "")
		if got := r.sql("SELECT @@read_only; SELECT COUNT(*) FROM d.t"); got != "1\n1" {
			t.Errorf("after the crash: %s", got)
		}
		r.want(0, "promote", "")
		for range 2 {
			r.want(0, "stop", "")
			r.want(7, "monitor", "", recurring)
		}
		p.eventually("nothing is left", func() bool {
			return len(r.servers()) == 0 && p.run("pgrep", "-f", "mysql-ha (supervise|hook)").stdout == ""
		})
		if booted {
			if got := p.run("systemctl", "show", "-P", "ActiveState", "mysql-ha-db.service").stdout; got != "inactive\n" {
				t.Errorf("the unit is %q", got)
			}
		}
	})
}

// Pacemaker kills an action's whole process group at its timeout. The server is not
// in it, nor is whoever watches it.
func TestServerOutlivesTheAction(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, p *place) {
		r := p.resource("db", "3306")
		// A lock that nobody gives up keeps the action from its end.
		script := `setsid -w "$0" start & leader=$!
until pgrep -x mariadbd >/dev/null; do sleep 0.01; done
action=$(pgrep -g "$(pgrep -P $leader | head -n 1)" | head -n 1); kill -KILL -- -"$(ps -o pgid= -p "$action" | tr -d ' ')"
wait $leader`
		p.run(append(r.environ(), "sh", "-c", script, agentPath)...)
		p.eventually("the server is ready", func() bool { return r.do("monitor", probe).code == 0 })
		r.want(0, "start", "")
		p.fakeTools()
		r.kill("KILL")
		p.eventually("the hook runs", func() bool { return strings.Contains(p.read("/var/log/crm.log"), "--update=-INFINITY") })
	})
}
