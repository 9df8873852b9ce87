package replication

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// defaultStatement bounds a statement where Config does not.
const defaultStatement = 5 * time.Second

// Config says how to reach one server. Socket wins over Host.
type Config struct {
	Socket         string
	Host           string
	Port           int
	User, Password string
	TLS            *TLS
	// Owner says whether the process that listens at the socket is the server that is
	// meant; its error is that of every statement. Nil: whoever answers.
	Owner func(ctx context.Context, pid int) error
	// Statement bounds every single statement; the caller's ctx may be shorter.
	Statement time.Duration
}

// Server is one mysqld or mariadbd. Its methods are meant to be used through
// small interfaces that the caller declares.
type Server struct {
	db    *sql.DB
	bound time.Duration

	mu sync.Mutex
	d  dialect // nil until the server was asked what it is
}

// Open prepares to speak to a server; it connects with the first question.
func Open(cfg Config) (*Server, error) {
	c, err := driverConfig(cfg)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	// One connection works; a second lets a session with variables of its own
	// look at the server meanwhile. More would compete with clients for slots.
	db.SetMaxOpenConns(2)
	db.SetMaxIdleConns(1)
	return &Server{db: db, bound: c.ReadTimeout}, nil
}

// Close ends the connections.
func (s *Server) Close() error { return s.db.Close() }

// Ping connects; ErrTooManyConnections means alive.
func (s *Server) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.bound)
	defer cancel()
	return explain(s.db.PingContext(ctx))
}

func driverConfig(cfg Config) (*mysql.Config, error) {
	bound := cfg.Statement
	if bound <= 0 {
		bound = defaultStatement
	}
	c := mysql.NewConfig()
	c.User, c.Passwd = cfg.User, cfg.Password
	switch {
	case cfg.Socket != "":
		c.Net, c.Addr = "unix", cfg.Socket
		if cfg.Owner != nil {
			c.DialFunc = ownerDial(cfg.Owner, bound)
		}
	case cfg.Host != "":
		port := cfg.Port
		if port == 0 {
			port = 3306
		}
		c.Net, c.Addr = "tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(port))
	default:
		return nil, errors.New("neither socket nor host is given")
	}
	// ctx bounds each statement; these are the net below it.
	c.Timeout, c.ReadTimeout, c.WriteTimeout = bound, bound, bound
	// CHANGE MASTER and KILL cannot be prepared on every version.
	c.InterpolateParams = true
	// What we leave behind on a timeout must not wait for a lock for ever (the
	// servers' default is a day).
	c.Params = map[string]string{"lock_wait_timeout": strconv.Itoa(seconds(bound))}
	// The driver would print connection trouble on stderr; we return it.
	c.Logger = &mysql.NopLogger{}
	if cfg.TLS != nil {
		t, err := clientTLS(*cfg.TLS)
		if err != nil {
			return nil, err
		}
		c.TLS = t
	}
	return c, nil
}

// clientTLS checks the chain when a CA is named, and not the host name, as the
// servers themselves do for replication: peers are reached by address.
func clientTLS(files TLS) (*tls.Config, error) {
	c := &tls.Config{InsecureSkipVerify: true}
	if files.CA != "" {
		pem, err := os.ReadFile(files.CA)
		if err != nil {
			return nil, fmt.Errorf("tls ca: %w", err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls ca: no certificate in %s", files.CA)
		}
		c.VerifyConnection = func(cs tls.ConnectionState) error {
			if len(cs.PeerCertificates) == 0 {
				return errors.New("server shows no certificate")
			}
			o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
			for _, cert := range cs.PeerCertificates[1:] {
				o.Intermediates.AddCert(cert)
			}
			_, err := cs.PeerCertificates[0].Verify(o)
			return err
		}
	}
	if files.Cert != "" {
		pair, err := tls.LoadX509KeyPair(files.Cert, files.Key)
		if err != nil {
			return nil, fmt.Errorf("tls certificate: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

// seconds rounds up: 0 would mean "do not wait at all" to some variables.
func seconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }
