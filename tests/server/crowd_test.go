package server_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/mysql-ha/mysql-ha/replication"
)

// With few connections left for clients, or none, a replica's comes in all the same.
func TestCrowded(t *testing.T) { each(t, testCrowded) }

func testCrowded(t *testing.T, f *flavour) {
	const limit = "40"
	source, replica := pair(t, f)
	source.exec("SET GLOBAL max_connections = " + limit)
	source.exec("CREATE USER app@'%' IDENTIFIED BY 'app'")
	crowded := func(s *replication.Server, want bool) {
		t.Helper()
		if got, err := s.Crowded(source.ctx()); err != nil || got != want {
			t.Errorf("crowded: %t, %v", got, err)
		}
	}
	crowded(source.Server, false)
	app := source.crowd(30)
	crowded(source.Server, true)
	must(t, source.Refuse(source.ctx()))
	crowded(source.Server, true) // else it would be opened again, and closed, and opened
	must(t, source.Admit(source.ctx()))
	app(nil)

	// They come in a flood, and whoever had a connection loses it to them.
	replica.threads("STOP", "")
	source.wait("the replica to be gone", func() bool {
		users, err := source.Attached(source.ctx())
		return err == nil && len(users) == 0
	})
	source.db.SetMaxIdleConns(0) // the administrators' connection is for the agent now
	must(t, source.Close())
	agent := source.open(source.agent()) // another process, as ever
	app = source.crowd(60)
	if err := source.peer().Ping(source.ctx()); !errors.Is(err, replication.ErrTooManyConnections) {
		t.Errorf("a connection is left: %v", err)
	}
	twice(t, func() error { return agent.Refuse(source.ctx()) })
	crowded(agent, true)
	replica.threads("START", "")
	// Clients that are turned away and do not ask why stay for a moment.
	silent := source.crowd(60)
	replica.wait("the receiver to be let in", func() bool {
		st := replica.state().Receiver
		return st.Running && !st.Connecting
	})
	peer := source.peer()
	source.wait("a peer to be let in", func() bool { return peer.Ping(source.ctx()) == nil })
	app(nil)
	silent(func(c *sql.Conn) {
		if c.PingContext(source.ctx()) == nil {
			t.Error("a client came in")
		}
	})
	twice(t, func() error { return agent.Admit(source.ctx()) })
	crowded(agent, false)
	if got := source.read("SELECT CONCAT(@@global.max_connections, @@global.init_connect)"); got != limit {
		t.Errorf("afterwards %s", got)
	}
	source.crowd(1)(func(c *sql.Conn) { must(t, c.PingContext(source.ctx())) })
}

// crowd has so many clients connect, or as many as can; the returned function looks at
// each and closes them.
func (n *node) crowd(count int) func(look func(*sql.Conn)) {
	n.t.Helper()
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "unix", n.socket(), "app", "app"
	config.Logger = &mysql.NopLogger{}
	db := connect(n.t, config)
	var all []*sql.Conn
	for range count {
		c, err := db.Conn(n.ctx())
		if err != nil {
			if e, ok := errors.AsType[*mysql.MySQLError](err); !ok || e.Number != 1040 {
				n.t.Fatal(err)
			}
			break
		}
		n.t.Cleanup(func() { c.Close() })
		all = append(all, c)
	}
	return func(look func(*sql.Conn)) {
		for _, c := range all {
			if look != nil {
				look(c)
			}
			c.Close()
		}
		db.Close()
	}
}

// peer looks as another node does.
func (n *node) peer() *replication.Server {
	return n.open(replication.Config{Host: "127.0.0.1", Port: n.port, User: "repl1", Password: secret})
}
