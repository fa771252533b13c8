package postgres_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns a certificate for a name, which may be a host's, and its key.
func (a authority) sign(t *testing.T, name string) (certificate, key []byte) {
	t.Helper()
	own := newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &own.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
}

func write(t *testing.T, dir, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTLS asks for it as the URL says: with whose certificate, and with one of one's own.
func TestTLS(t *testing.T) {
	t.Parallel()
	s := testenv.Private(t, embedded.StartPostgres, embedded.Options{NoSync: true})
	ours, theirs, files := newAuthority(t), newAuthority(t), t.TempDir()
	admin := at(t, s.URL)
	admin.exec(t, "CREATE ROLE app LOGIN; CREATE ROLE known LOGIN")
	data := filepath.Join(s.Dir, "data")
	certificate, key := ours.sign(t, "127.0.0.1")
	for name, text := range map[string][]byte{
		"server.crt": certificate, "server.key": key, "root.crt": ours.pem,
		"pg_hba.conf": []byte("hostssl all known all cert\nhostssl all app all trust\nhost all postgres 127.0.0.1/32 " +
			"trust\n"),
	} {
		chown(t, write(t, data, name, text), data)
	}
	for _, statement := range []string{
		"ALTER SYSTEM SET ssl = on", "ALTER SYSTEM SET ssl_ca_file = 'root.crt'",
		"SELECT pg_reload_conf()",
	} {
		admin.exec(t, statement)
	}

	trusted, other := write(t, files, "ours.pem", ours.pem), write(t, files, "theirs.pem", theirs.pem)
	certificate, key = ours.sign(t, "known")
	own := "&sslcert=" + write(t, files, "known.crt", certificate) + "&sslkey=" + write(t, files, "known.key", key)
	for name, test := range map[string]struct {
		user, parameters, names string
		want                    chferry.Code
	}{
		"encrypted":             {user: "app", parameters: "sslmode=require"},
		"trusted":               {user: "app", parameters: "sslmode=verify-ca&sslrootcert=" + trusted},
		"trusted, and the host": {user: "app", parameters: "sslmode=verify-full&sslrootcert=" + trusted},
		"with a certificate":    {user: "known", parameters: "sslmode=verify-full&sslrootcert=" + trusted + own},
		"signed by another": {
			"app", "sslmode=verify-full&sslrootcert=" + other, "certificate that is not trusted",
			chferry.CodeConfiguration,
		},
		"signed by nobody known": {
			"app", "sslmode=verify-full", "certificate that is not trusted", chferry.CodeConfiguration,
		},
		"not encrypted":         {"app", "sslmode=disable", "refused the login", chferry.CodeAccessDenied},
		"without a certificate": {"known", "sslmode=require", "refused the login", chferry.CodeAccessDenied},
	} {
		address := "postgres://" + test.user + "@" + s.Addr + "/postgres?" + test.parameters
		check := func() error { return open(t, address).Check(t.Context()) }
		if test.want == "" {
			if err := eventually(t, true, check); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		// Until the server has reloaded, it speaks no TLS.
		err := eventuallyCode(t, test.want, test.names, check)
		if wantCode(t, err, test.want, alias, s.Addr, test.names); err != nil && strings.Contains(err.Error(), files) {
			t.Errorf("%s: the error %q names files", name, err)
		}
	}
}

// eventuallyCode repeats check until its error has a code and words.
func eventuallyCode(t *testing.T, code chferry.Code, words string, check func() error) error {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := check()
		if err != nil && chferry.CodeOf(err) == code && strings.Contains(err.Error(), words) ||
			time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// chown gives a file to the owner of a folder.
func chown(t *testing.T, path, dir string) {
	t.Helper()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	if err := os.Chown(path, int(owner.Uid), int(owner.Gid)); err != nil {
		t.Fatal(err)
	}
}
