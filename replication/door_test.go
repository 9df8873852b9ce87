package replication

import (
	"strconv"
	"testing"
)

func TestDoor(t *testing.T) {
	answer := func(init string, limit int) row {
		n := strconv.Itoa(limit)
		return row{"init_connect": &init, "max_connections": &n}
	}
	turns := []string{mariadb{}.turn(), mysqld{can97}.turn()}
	for _, before := range []string{"", "SET NAMES utf8mb4", "SET @a='*/ x'"} {
		for _, turn := range turns {
			for limit, more := range map[int]int{10: 30, 151: 171, 99990: 100000, 100000: 100000} {
				open, err := doorOf(answer(before, limit))
				if err != nil || open.closed || open.limit != limit {
					t.Fatalf("%q: %+v, %v", before, open, err)
				}
				st := open.change(true, turn)
				if st.args[1] != more {
					t.Errorf("%d become %v", limit, st.args[1])
				}
				shut, err := doorOf(answer(st.args[0].(string), more))
				if err != nil || !shut.closed || shut.limit != limit {
					t.Errorf("%q: %+v, %v", st.args[0], shut, err)
				}
				if st = shut.change(false, turn); st.args[0] != before || st.args[1] != limit {
					t.Errorf("was %q and %d, becomes %v", before, limit, st.args)
				}
				// Set by somebody meanwhile: it stays.
				shut, err = doorOf(answer(open.change(true, turn).args[0].(string), 500))
				if err != nil || shut.change(false, turn).args[1] != 500 {
					t.Errorf("500 become %+v, %v", shut, err)
				}
			}
		}
	}
	// Closed by an earlier version, which left max_connections alone.
	d, err := doorOf(answer(doorMark+"534554204E414D455320757466386D6234 */ x", 151))
	if err != nil || !d.closed || d.init != "SET NAMES utf8mb4" || d.limit != 151 {
		t.Errorf("%+v, %v", d, err)
	}
	for _, broken := range []string{"zz */", "534554"} {
		if d, err := doorOf(answer(doorMark+broken, 151)); err == nil || !d.closed {
			t.Errorf("%q: %+v", broken, d)
		}
	}
}
