package server_test

import (
	"fmt"
	"testing"
)

// What was made elsewhere does not run here before somebody enables it.
func TestAsleep(t *testing.T) { each(t, testAsleep) }

func testAsleep(t *testing.T, f *flavour) {
	source, replica := pair(t, f)
	asleep := func(n *node, want string) {
		t.Helper()
		events, err := n.open(n.agent()).Asleep(n.ctx())
		if got := fmt.Sprint(events); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	const does = " ON SCHEDULE EVERY 1 SECOND %s DO INSERT IGNORE INTO d.t VALUES (1)"
	source.exec("CREATE USER 'o`d'@'%'")
	source.exec("CREATE DEFINER='o`d'@'%' EVENT d.`it's`" + fmt.Sprintf(does, ""))
	source.exec("CREATE EVENT d.off" + fmt.Sprintf(does, "DISABLE"))
	source.exec("CREATE EVENT d.elsewhere" + fmt.Sprintf(does, "DISABLE ON SLAVE")) // meant so
	replica.caughtUp(source)
	asleep(source, "[]")
	asleep(replica, "[d.elsewhere d.it's d.off]")

	must(t, replica.Detach(replica.ctx()))
	must(t, replica.Unprotect(replica.ctx()))
	asleep(replica, "[d.elsewhere d.it's d.off]")
	events, err := replica.Asleep(replica.ctx())
	must(t, err)
	replica.exec(events[1].Enable())
	replica.exec("ALTER EVENT d.off DISABLE")
	asleep(replica, "[d.elsewhere]")
	got := replica.read("SELECT CONCAT(status, definer) FROM information_schema.events WHERE event_name = 'it''s'")
	if got != "ENABLEDo`d@%" {
		t.Error(got)
	}
}
