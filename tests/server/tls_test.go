package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mysql-ha/mysql-ha/replication"
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
	// Back to none.
	must(t, source.Prepare(source.ctx(), accounts)) // repl2 without TLS
	plain := source.source("repl2")
	twice(t, func() error { return replica.Follow(replica.ctx(), plain) })
	if st := replica.state(); st.Source.TLS != nil || !st.Receiver.Running {
		t.Errorf("follows %+v, %+v", st.Source, st.Receiver)
	}
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
