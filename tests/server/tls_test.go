package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
	"github.com/mysql-ha/mysql-ha/replication/gtid"
)

func TestTLS(t *testing.T) { each(t, testTLS) }

func testTLS(t *testing.T, f *flavour) {
	dir := t.TempDir()
	ca, cert, key := certificates(t, dir)
	args := []string{"--ssl-ca=" + ca, "--ssl-cert=" + cert, "--ssl-key=" + key}
	source, replica := start(t, f, args...), start(t, f, args...)
	strict := []replication.Account{{User: "repl1", Password: secret, RequireTLS: true}}
	for _, n := range []*node{source, replica} {
		twice(t, func() error { return n.Prepare(n.ctx(), strict) })
	}
	src := source.source("repl1")
	if err := replica.Follow(replica.ctx(), src); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("follow without tls: %v", err)
	}
	src.TLS = &replication.TLS{CA: ca, Cert: cert, Key: key}
	twice(t, func() error { return replica.Follow(replica.ctx(), src) })
	if st := replica.state(); st.Source.TLS == nil || *st.Source.TLS != *src.TLS || !st.Receiver.Running {
		t.Errorf("follows %+v, %+v", st.Source, st.Receiver)
	}
	peer := func(files *replication.TLS) error {
		s := source.open(replication.Config{Host: "127.0.0.1", Port: source.port, User: "repl1", Password: secret, TLS: files})
		_, _, err := s.Position(source.ctx())
		return err
	}
	must(t, peer(src.TLS))
	must(t, peer(&replication.TLS{}))
	if err := peer(nil); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("peer without tls: %v", err)
	}
	other, _, _ := certificates(t, t.TempDir())
	if err := peer(&replication.TLS{CA: other}); err == nil {
		t.Error("a peer trusts a stranger's certificate")
	}
	// A replica does not, either, and says so.
	stranger := src
	stranger.TLS = &replication.TLS{CA: other, Cert: cert, Key: key}
	if err := replica.Follow(replica.ctx(), stranger); err == nil {
		replica.wait("the receiver's word", func() bool { return replica.state().Receiver.Err() != nil })
	}
	if st := replica.state(); st.Receiver.Running {
		t.Error("a replica trusts a stranger's certificate")
	}
	twice(t, func() error { return replica.Follow(replica.ctx(), src) })
	replica.caughtUp(source)
	// An operator asks for the client's certificate: it is shown, and still asked for
	// after Prepare.
	source.errant(false, "ALTER USER repl1 REQUIRE X509")
	must(t, source.Prepare(source.ctx(), strict))
	must(t, peer(src.TLS))
	if err := peer(&replication.TLS{CA: ca}); !errors.Is(err, replication.ErrAccessDenied) {
		t.Errorf("peer without certificate: %v", err)
	}
	replica.threads("STOP", "IO_THREAD")
	must(t, replica.Follow(replica.ctx(), src))
	if st := replica.state(); !st.Receiver.Running {
		t.Errorf("with a certificate: %+v", st.Receiver)
	}
	// Back to none.
	must(t, source.Prepare(source.ctx(), accounts)) // repl2 without TLS
	plain := source.source("repl2")
	twice(t, func() error { return replica.Follow(replica.ctx(), plain) })
	if st := replica.state(); st.Source.TLS != nil || !st.Receiver.Running {
		t.Errorf("follows %+v, %+v", st.Source, st.Receiver)
	}
}

// Where a server offers no TLS at all its public key protects the password.
func TestNoTLS(t *testing.T) { only(t, gtid.MySQL, testNoTLS) }

func testNoTLS(t *testing.T, f *flavour) {
	source, replica := start(t, f, "--tls-version="), start(t, f)
	for _, n := range []*node{source, replica} {
		must(t, n.Prepare(n.ctx(), accounts))
	}
	must(t, replica.Follow(replica.ctx(), source.source("repl1")))
	if st := replica.state(); !st.Receiver.Running {
		t.Errorf("receiver %+v", st.Receiver)
	}
	peer := source.open(replication.Config{Host: "127.0.0.1", Port: source.port, User: "repl2", Password: secret})
	twice(t, func() error { _, _, err := peer.Position(source.ctx()); return err })
	tls := source.open(replication.Config{Host: "127.0.0.1", Port: source.port, User: "repl2", Password: secret, TLS: &replication.TLS{}})
	if _, _, err := tls.Position(source.ctx()); err == nil {
		t.Error("TLS where there is none")
	}
}

// The account of an agent without a password is the operating system's root, where
// the server can tell.
func TestSocketAccount(t *testing.T) { each(t, testSocketAccount) }

func testSocketAccount(t *testing.T, f *flavour) {
	n := start(t, f)
	statements, err := replication.Grants(f.words, replication.Admin{User: "by-socket"})
	must(t, err)
	twice(t, func() error { return n.say(statements) })
	s := n.open(replication.Config{Socket: n.socket(), User: "by-socket"})
	err = s.Ping(n.ctx())
	if f.name == "mariadb-10.11" {
		if !errors.Is(err, replication.ErrAccessDenied) { // knows no other name than the account's
			t.Errorf("logs in by another name: %v", err)
		}
		return
	}
	must(t, err)
	must(t, s.Prepare(n.ctx(), accounts))
}

// say executes what an operator would feed to the client.
func (n *node) say(statements []string) error {
	conn, err := n.db.Conn(n.ctx())
	if err != nil {
		return err
	}
	defer conn.Close()
	if n.f.mysql() {
		statements = slices.Concat([]string{"SET GLOBAL super_read_only = 0"}, statements, []string{"SET GLOBAL super_read_only = 1"})
	}
	for _, text := range append(statements, "SET SESSION sql_log_bin = 1") {
		if strings.HasPrefix(text, "--") {
			continue
		}
		if _, err := conn.ExecContext(n.ctx(), text); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	return nil
}

// certificates writes an authority, and a certificate of it for all purposes.
func certificates(t *testing.T, dir string) (ca, cert, key string) {
	t.Helper()
	write := func(name, kind string, der []byte) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600))
		return path
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	must(t, err)
	ca = write("ca.pem", "CERTIFICATE", der)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "db"},
		NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err = x509.CreateCertificate(rand.Reader, leaf, authority, &leafKey.PublicKey, authorityKey)
	must(t, err)
	cert = write("cert.pem", "CERTIFICATE", der)
	der, err = x509.MarshalPKCS8PrivateKey(leafKey)
	must(t, err)
	return ca, cert, write("key.pem", "PRIVATE KEY", der)
}
