package lab

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// tlsDir is where a node's certificates are: ca.pem, cert.pem and key.pem.
const tlsDir = "/etc/mysql-ha/tls"

// tlsOptions have the server offer TLS with them, and count its sessions, so that
// which of them are encrypted can be seen on either flavour.
const tlsOptions = "[mysqld]\nssl_ca = " + tlsDir + "/ca.pem\nssl_cert = " + tlsDir + "/cert.pem\nssl_key = " + tlsDir +
	"/key.pem\nperformance_schema = ON\n"

// Certificates makes an authority, gives every node a certificate of it, and
// configures the servers; those that run do not notice.
func (l *Lab) Certificates(ctx context.Context) error {
	day := 24 * time.Hour
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: labName}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-day), NotAfter: time.Now().Add(day), KeyUsage: x509.KeyUsageCertSign,
	}
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca, err := x509.CreateCertificate(rand.Reader, authority, authority, &authorityKey.PublicKey, authorityKey)
	if err != nil {
		return err
	}
	return l.each(ctx, func(ctx context.Context, nd Node) error {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		leaf := &x509.Certificate{
			SerialNumber: big.NewInt(int64(nd.ID) + 1), Subject: pkix.Name{CommonName: nd.Name}, DNSNames: []string{nd.Name},
			NotBefore: authority.NotBefore, NotAfter: authority.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		}
		cert, err := x509.CreateCertificate(rand.Reader, leaf, authority, &key.PublicKey, authorityKey)
		if err != nil {
			return err
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		return l.installTLS(ctx, nd, map[string]*pem.Block{
			"ca.pem":   {Type: "CERTIFICATE", Bytes: ca},
			"cert.pem": {Type: "CERTIFICATE", Bytes: cert},
			"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
		})
	})
}

// installTLS: the server reads the files as mysql, the agent as root.
func (l *Lab) installTLS(ctx context.Context, nd Node, files map[string]*pem.Block) error {
	for name, block := range files {
		if err := writeFile(filepath.Join(nd.root(), tlsDir, name), string(pem.EncodeToMemory(block)), 0o640); err != nil {
			return err
		}
	}
	if _, _, err := l.Exec(ctx, nd.Name, "chown", "-R", "root:mysql", tlsDir); err != nil {
		return err
	}
	if _, _, err := l.Exec(ctx, nd.Name, "chmod", "0750", tlsDir); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(nd.root(), l.System.facts().options), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(f, tlsOptions); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
