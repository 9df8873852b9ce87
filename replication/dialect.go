package replication

import (
	"context"
	"fmt"
	"time"

	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

// A dialect is a flavour's language: intent into statements, answers into facts.
// It is pure; only Server acts. Its parts are small, each for one file's use.
type dialect interface {
	looker
	follower
	relayer
	nudger
	gatekeeper
	doorkeeper
	guardian
	witness
	scribe
	scheduler
	supplier
	settler
}

// looker asks how things are.
type looker interface {
	// limited makes the server itself give up a question after d.
	limited(question string, d time.Duration) string
	// look are the questions for a State; observed reads their answers, in order.
	look() []statement
	observed(answers [][]row) (State, error)
	// position asks only for what held reads.
	position() statement
	held(row) (executed gtid.Set, writable bool, err error)
	// pending reads from position's answer what the binary log may have beyond executed.
	pending(position row) (gtid.Set, error)
}

// follower moves the replica's two threads.
type follower interface {
	start(receiver, applier bool) statement
	stop(receiver, applier bool) statement
	// follow makes a stopped server a replica of src from what it has executed.
	follow(src Source, executed gtid.Set) []statement
	// discreet keeps what a session says out of the server's own query logs.
	discreet() []statement
	// follows reports whether a look's answers say that src is what is followed.
	follows(answers [][]row, src Source) bool
	detach() []statement
}

// relayer has a relay log applied that the server itself would throw away.
type relayer interface {
	point(file string, pos int64, configured bool) []statement
	unpoint(configured bool) []statement
}

// gatekeeper is about who may write.
type gatekeeper interface {
	// patient limits a session's waits for locks.
	patient(d time.Duration) []statement
	protect() statement
	unprotect() statement
	// sessions lists who is connected; client reads a row.
	sessions() statement
	client(row) (client, error)
	kill(id int64) statement
}

// doorkeeper turns new clients away by one setting.
type doorkeeper interface {
	turn() string     // what init_connect does to a client; nothing to replication accounts
	bar() []statement // keeps replicas out, too, until the server's end
}

// guardian is about what keeps administrators from writing, too.
type guardian interface {
	// guard reads position's answer: whether it is up, and whether it should be
	// where the server is read-only. protect raises it.
	guard(position row) (up, wanted bool, err error)
	// lift lets administrators write, and nobody else.
	lift() statement
}

// witness is about acknowledgements.
type witness interface {
	armSource(on bool) []statement
	armReplica(on bool) []statement
}

// scheduler is about events.
type scheduler interface {
	// asleep lists events that are disabled because they came from another server. A row
	// of NULL: some may be hidden.
	asleep() statement
}

// scribe is about the epochs' markers.
type scribe interface {
	// marking asks what marker needs; mark readies a session for its write.
	marking() statement
	marker(answer row, seen gtid.Set) (next gtid.Entry, executed gtid.Set, err error)
	mark(gtid.Entry) []statement
	// marked asks what became of it, for written to judge.
	marked() statement
	written(answer row, e Epoch) error
}

// nudger is about commits whose acknowledgement was lost.
type nudger interface {
	// nudge writes to the binary log without changing data.
	nudge() statement
	// release has a commit wait no more that would keep nudge from writing; nothing
	// where it would not.
	release(client) []statement
}

// supplier loads what a server does not have built in.
type supplier interface {
	// supplies asks what is there; supply reads the answers, in order.
	supplies() []statement
	supply(answers [][]row) ([]statement, error)
}

// settler prepares a server.
type settler interface {
	unlogged(d time.Duration) []statement
	settings() []setting
	accounts(user string) statement
	account(row) (login, error)
	settle(a Account, have *login) []statement
	lock(user, host string, lock bool) statement
}

// client is a connected session, whoever it is.
type client struct {
	ID      int64
	Query   int64 // the statement's number; 0 where the server counts none
	User    string
	Own     bool          // the one that asks
	Server  bool          // not a client: the server's own threads, and dump threads
	Dump    bool          // sends the binary log to a replica
	Busy    bool          // in a statement or a transaction
	Waits   bool          // for an acknowledgement
	Commits bool          // perhaps in the queue behind one that waits
	Age     time.Duration // of its statement, or of its transaction if that is older; whole seconds
}

// setting is a global variable and the value it should have.
type setting struct {
	Name  string
	Value int
}

// login is an account at a host, as the server has it.
type login struct {
	Host       string
	Password   string // method and hash
	TLS        bool   // required
	Locked     bool
	Privileged bool // has all that an Account needs
}

// dialect asks the server once which language it speaks.
func (s *Server) dialect(ctx context.Context) (dialect, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.d != nil {
		return s.d, nil
	}
	d, err := session{q: s.db, bound: s.bound}.detect(ctx)
	if err != nil {
		return nil, err
	}
	s.d = d
	return d, nil
}

// detect goes by capability: the version's text can be configured, and its number
// is the vendor's.
func (s session) detect(ctx context.Context) (dialect, error) {
	rows, err := s.ask(ctx, say("SHOW GLOBAL VARIABLES LIKE 'gtid%mode'"))
	if err != nil {
		return nil, err
	}
	for _, variable := range rows {
		r := reader{row: variable}
		switch r.text("Variable_name") {
		case "gtid_strict_mode":
			return mariadb{}, r.err
		case "gtid_mode":
			signs, err := s.ask(ctx, mysqlSigns())
			if isNumber(err, erUnknownTable) || isNumber(err, erNoSuchTable) {
				break // before 8.0
			}
			if err != nil {
				return nil, err
			}
			can, err := capable(signs)
			return mysqld{can}, err
		}
	}
	version, err := s.askOne(ctx, say("SELECT VERSION() AS version, @@version_comment AS comment"))
	if err != nil {
		return nil, err
	}
	r := reader{row: version}
	name := fmt.Sprintf("%s (%s)", r.text("version"), r.text("comment"))
	if r.err != nil {
		return nil, r.err
	}
	return nil, fmt.Errorf("server version %s: %w", name, ErrUnsupported)
}
