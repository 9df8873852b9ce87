package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Tables of the meter. No unique key, so that a row applied twice shows.
const (
	Database   = "mysqlha_test"
	WriterRows = "w"
	ProbeRows  = "probe"
)

// Dial opens a connection from where the client stands.
type Dial func(ctx context.Context, network, addr string) (net.Conn, error)

// Target is something to write to.
type Target struct {
	Name string
	Addr string // host:port
	Dial Dial
}

// Config is who writes, whereto and how fast.
type Config struct {
	User, Password string
	Service        Target        // the virtual IP
	Nodes          []Target      // every node's own address, for the probe
	Writers        int           // 4 when zero
	Pace           time.Duration // between two rows of a writer; 5 ms when zero
}

// Ack is one acknowledged row.
type Ack struct {
	Table  string
	Writer int64
	Seq    int64
	Node   string // who acknowledged
	At     time.Time
}

// Meter is a running measurement.
type Meter struct {
	cfg    Config
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	acks    []Ack
	events  []Event
	unknown int
	last    Ack
	lastErr error
}

// Event is what a node answered to the probe: it acknowledged or it refused.
type Event struct {
	Node string
	At   time.Time
	Ack  bool
}

// Schema is what must exist before a meter starts; run on the primary.
func Schema(user, password string) string {
	s := "CREATE DATABASE IF NOT EXISTS " + Database + ";"
	for _, table := range []string{WriterRows, ProbeRows} {
		s += fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s (writer BIGINT NOT NULL, seq BIGINT NOT NULL, KEY (writer, seq)) ENGINE=InnoDB;",
			Database, table)
	}
	return s + fmt.Sprintf("CREATE USER IF NOT EXISTS '%s'@'%%' IDENTIFIED BY '%s';"+
		"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON %s.* TO '%s'@'%%';", user, password, Database, user)
}

// Start begins to write; Stop ends it.
func Start(cfg Config) *Meter {
	if cfg.Writers == 0 {
		cfg.Writers = 4
	}
	if cfg.Pace == 0 {
		cfg.Pace = 5 * time.Millisecond
	}
	ctx, cancel := context.WithCancel(context.Background())
	m := &Meter{cfg: cfg, cancel: cancel}
	// Unique for ever, so that meters of one table never meet.
	id := time.Now().UnixMilli() * 100
	for i := range cfg.Writers {
		m.wg.Go(func() { m.write(ctx, cfg.Service, WriterRows, id+int64(i), cfg.Pace) })
	}
	for i, node := range cfg.Nodes {
		m.wg.Go(func() { m.write(ctx, node, ProbeRows, id+int64(50+i), 4*cfg.Pace) })
	}
	return m
}

// Stop ends the writers and returns what they saw.
func (m *Meter) Stop() *Report {
	m.cancel()
	m.wg.Wait()
	return m.Report()
}

// Report is what was seen up to now.
func (m *Meter) Report() *Report {
	m.mu.Lock()
	defer m.mu.Unlock()
	return &Report{Acks: slices.Clone(m.acks), Events: slices.Clone(m.events), Unknown: m.unknown}
}

// Last is the newest row acknowledged through the service, and the newest
// error if that is what came after it.
func (m *Meter) Last() (Ack, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last, m.lastErr
}

// Count is how many rows were acknowledged through the service.
func (m *Meter) Count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := 0
	for _, a := range m.acks {
		if a.Table == WriterRows {
			n++
		}
	}
	return n
}

// write inserts one row after the other until ctx ends, over one connection at
// a time. A number is never used twice: after an error its outcome is unknown.
func (m *Meter) write(ctx context.Context, to Target, table string, writer int64, pace time.Duration) {
	var c *session
	defer func() { c.close() }()
	var seq int64
	for ctx.Err() == nil {
		if c == nil {
			var err error
			if c, err = m.connect(ctx, to); err != nil {
				m.note(table, to.Name, err, false)
				pause(ctx, 20*time.Millisecond)
				continue
			}
		}
		seq++
		// Not ctx: a row in flight when the meter stops gets its answer.
		err := c.insert(context.WithoutCancel(ctx), table, writer, seq)
		if err == nil {
			m.acked(Ack{Table: table, Writer: writer, Seq: seq, Node: c.node, At: time.Now()})
			pause(ctx, pace)
			continue
		}
		m.note(table, to.Name, err, true)
		c.close()
		c = nil
		pause(ctx, 10*time.Millisecond)
	}
}

func (m *Meter) acked(a Ack) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.acks = append(m.acks, a)
	if a.Table == WriterRows {
		m.last, m.lastErr = a, nil
	}
	m.events = append(m.events, Event{Node: a.Node, At: a.At, Ack: true})
}

// note keeps an error. A server that says no, or nobody who listens, is a
// refusal; a silence is not: the node may have been writable all the time.
func (m *Meter) note(table, node string, err error, inFlight bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var said *mysql.MySQLError
	refused := errors.As(err, &said) || errors.Is(err, errRefused)
	if inFlight && said == nil {
		m.unknown++
	}
	if table == WriterRows {
		m.lastErr = err
		return
	}
	if refused {
		m.events = append(m.events, Event{Node: node, At: time.Now()})
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// session is one connection and the node that it reached.
type session struct {
	db   *sql.DB
	conn *sql.Conn
	node string
}

func (m *Meter) connect(ctx context.Context, to Target) (*session, error) {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd = m.cfg.User, m.cfg.Password
	cfg.Net, cfg.Addr = "tcp", to.Addr
	cfg.DBName = Database
	cfg.DialFunc = to.Dial
	cfg.Timeout = 500 * time.Millisecond
	cfg.ReadTimeout, cfg.WriteTimeout = 3*time.Second, time.Second
	cfg.InterpolateParams = true
	cfg.Logger = quiet{}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	s := &session{db: sql.OpenDB(connector)}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if s.conn, err = s.db.Conn(ctx); err == nil {
		err = s.conn.QueryRowContext(ctx, "SELECT @@hostname").Scan(&s.node)
	}
	if err != nil {
		s.close()
		return nil, classify(err)
	}
	return s, nil
}

func (s *session) insert(ctx context.Context, table string, writer, seq int64) error {
	_, err := s.conn.ExecContext(ctx, "INSERT INTO "+table+" (writer, seq) VALUES (?, ?)", writer, seq)
	return err
}

func (s *session) close() {
	if s == nil {
		return
	}
	if s.conn != nil {
		s.conn.Close()
	}
	s.db.Close()
}

type quiet struct{}

func (quiet) Print(...any) {}
