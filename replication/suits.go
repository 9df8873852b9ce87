package replication

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

// Layout is where a server's files are expected, and its port. Logs are the paths
// that their files begin with.
type Layout struct {
	Datadir             string
	BinaryLog, RelayLog string
	Port                int
	// ServerID is the number that the server is to have.
	ServerID uint32
}

// suiter is a dialect that can tell of a running server whether it can be a member
// of a cluster without a restart.
type suiter interface {
	suiting() statement
	// suited returns what stands in the way, or "", and what is still to be set.
	suited(answer row, l Layout) (why string, todo []statement, err error)
}

// Suits is nil where a server that others started can be a member of the cluster as
// it runs: it is the one of the data directory, others reach it at the port, and
// what cannot be changed at run time is as it must be. What can be is set.
func (s *Server) Suits(ctx context.Context, l Layout) error {
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
	why, todo, err := d.suited(answer, l)
	if err == nil && why != "" {
		err = fmt.Errorf("%s", why)
	}
	if err != nil {
		return err
	}
	return on.do(ctx, todo...)
}

// layout reads what both flavours say of themselves in the same words: what does not
// fit, or "".
func (r *reader) layout(l Layout) string {
	have, at, closed := r.text("datadir"), r.int("port"), r.flag("skip_networking")
	binary, relay := r.text("log_bin"), r.text("relay_log")
	bind := ""
	if !r.null("bind_address") {
		bind = r.text("bind_address")
	}
	switch {
	case filepath.Clean(have) != filepath.Clean(l.Datadir):
		return fmt.Sprintf("the server at the socket has datadir=%q", have)
	case closed:
		return "skip_networking is on"
	case at != l.Port:
		return fmt.Sprintf("port is %d", at)
	case loopback(bind):
		return fmt.Sprintf("bind_address is %s", bind)
	case stem(have, binary) != stem(have, l.BinaryLog):
		return fmt.Sprintf("binary logs are at %q", binary)
	case relay == "", stem(have, relay) != stem(have, l.RelayLog):
		// They would not be found when what they hold is needed.
		return fmt.Sprintf("relay logs are at %q", relay)
	}
	return ""
}

// adapt sets what a start of ours has on its command line, and that a running server
// takes, too. What waits for its next start is not set.
func (r *reader) adapt(l Layout) []statement {
	var todo []statement
	// The number is that of the data. What was set may be another node's, too, or
	// nobody has set any: then it is 1, everywhere.
	if id := r.number("server_id", 32); l.ServerID != 0 && id != uint64(l.ServerID) {
		todo = append(todo, say("SET GLOBAL server_id = ?", l.ServerID))
	}
	if r.text("event_scheduler") == "ON" {
		todo = append(todo, say("SET GLOBAL event_scheduler = OFF")) // a primary's agent switches it on again
	}
	return todo
}

func (mariadb) suiting() statement {
	return say("SELECT @@global.datadir AS datadir, @@global.port AS port, @@global.skip_networking AS skip_networking," +
		" @@global.bind_address AS bind_address, @@global.server_id AS server_id, @@global.binlog_format AS binlog_format," +
		" @@global.event_scheduler AS event_scheduler, @@global.log_bin_basename AS log_bin," +
		// Before the first relay log there is no base, only what it will be named after.
		" COALESCE(@@global.relay_log_basename, @@global.relay_log, '') AS relay_log")
}

func (mariadb) suited(answer row, l Layout) (string, []statement, error) {
	r := reader{row: answer}
	why, todo := r.layout(l), r.adapt(l)
	if r.text("binlog_format") != "ROW" {
		todo = append(todo, say("SET GLOBAL binlog_format = 'ROW'"))
	}
	if r.err != nil || why != "" {
		return why, nil, r.err
	}
	return "", todo, nil
}

// loopback tells whether nobody else can reach a server that listens there. It may
// be a list; nothing at all is everywhere.
func loopback(bind string) bool {
	if bind == "" {
		return false
	}
	for one := range strings.SplitSeq(bind, ",") {
		one = strings.TrimSpace(one)
		if ip := net.ParseIP(one); one != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// stem is a log's base as the server takes it: in its data directory, without an
// extension.
func stem(datadir, base string) string {
	if !filepath.IsAbs(base) {
		base = filepath.Join(datadir, base)
	}
	return strings.TrimSuffix(filepath.Clean(base), filepath.Ext(base))
}
