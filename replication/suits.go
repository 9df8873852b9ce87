package replication

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
)

// suiter is a dialect that can tell of a running server whether it can be a member
// of a cluster without a restart.
type suiter interface {
	suiting() statement
	// suited returns what stands in the way, or "", and what is still to be set.
	suited(answer row, datadir string, port int) (why string, todo []statement, err error)
}

// Suits is nil where a server that others started can be a member of the cluster as
// it runs: it is the one of the data directory, others reach it at the port, and
// what cannot be changed at run time is as it must be. What can be is set.
func (s *Server) Suits(ctx context.Context, datadir string, port int) error {
	on, err := s.plain(ctx)
	if err != nil {
		return err
	}
	d, ok := on.d.(suiter)
	if !ok {
		return fmt.Errorf("a running server of this flavour: %w", ErrUnsupported)
	}
	st, err := s.Observe(ctx)
	switch {
	case err != nil:
		return err
	case st.Refused != "":
		return fmt.Errorf("%s", st.Refused)
	}
	answer, err := on.askOne(ctx, d.suiting())
	if err != nil {
		return err
	}
	why, todo, err := d.suited(answer, datadir, port)
	if err == nil && why != "" {
		err = fmt.Errorf("%s", why)
	}
	if err != nil {
		return err
	}
	return on.do(ctx, todo...)
}

func (mariadb) suiting() statement {
	return say("SELECT @@global.datadir AS datadir, @@global.port AS port, @@global.skip_networking AS skip_networking," +
		" @@global.bind_address AS bind_address, @@global.server_id AS server_id, @@global.binlog_format AS binlog_format," +
		" @@global.event_scheduler AS event_scheduler")
}

func (mariadb) suited(answer row, datadir string, port int) (string, []statement, error) {
	r := reader{row: answer}
	have, at, id := r.text("datadir"), r.int("port"), r.number("server_id", 32)
	closed, format, events := r.flag("skip_networking"), r.text("binlog_format"), r.text("event_scheduler")
	bind := ""
	if !r.null("bind_address") {
		bind = r.text("bind_address")
	}
	if r.err != nil {
		return "", nil, r.err
	}
	ip := net.ParseIP(bind)
	switch {
	case filepath.Clean(have) != filepath.Clean(datadir):
		return fmt.Sprintf("the server at the socket has datadir=%q", have), nil, nil
	case closed:
		return "skip_networking is on", nil, nil
	case at != port:
		return fmt.Sprintf("port is %d", at), nil, nil
	case bind == "localhost", ip != nil && ip.IsLoopback():
		return fmt.Sprintf("bind_address is %s", bind), nil, nil
	case id <= 1:
		return "server_id is not set", nil, nil // 1, as on every other node
	}
	var todo []statement
	if format != "ROW" {
		todo = append(todo, say("SET GLOBAL binlog_format = 'ROW'"))
	}
	if events == "ON" {
		todo = append(todo, say("SET GLOBAL event_scheduler = OFF")) // a primary's agent switches it on again
	}
	return "", todo, nil
}
