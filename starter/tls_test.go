package starter_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/starter"
)

const apiKey = "an-api-key-that-is-a-secret"

// hosted is as much of a hosted Temporal as it takes to be let in: it wants a client certificate and an API key.
type hosted struct {
	workflowservice.UnimplementedWorkflowServiceServer
	address string
	dir     string // holds ca.pem, client.pem, client.key
}

func (*hosted) GetSystemInfo(context.Context,
	*workflowservice.GetSystemInfoRequest,
) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{}, nil
}

// DescribeNamespace refuses whoever has another namespace than the one of the test.
func (*hosted) DescribeNamespace(_ context.Context,
	in *workflowservice.DescribeNamespaceRequest,
) (*workflowservice.DescribeNamespaceResponse, error) {
	if in.GetNamespace() != "shop.a1b2c" {
		return nil, status.Error(codes.PermissionDenied, "Request unauthorized.")
	}
	return &workflowservice.DescribeNamespaceResponse{}, nil
}

func letIn(ctx context.Context, in any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	given, _ := metadata.FromIncomingContext(ctx)
	if !slices.Equal(given.Get("authorization"), []string{"Bearer " + apiKey}) {
		return nil, status.Error(codes.Unauthenticated, "invalid or expired API key")
	}
	return handle(ctx, in)
}

func startHosted(t *testing.T) *hosted {
	t.Helper()
	h := &hosted{dir: t.TempDir()}
	authority, authorityKey := h.certificate(t, "ca", nil, nil)
	h.certificate(t, "server", authority, authorityKey)
	h.certificate(t, "client", authority, authorityKey)
	pair, err := tls.LoadX509KeyPair(h.path("server.pem"), h.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	server := grpc.NewServer(grpc.UnaryInterceptor(letIn), grpc.Creds(credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool,
		MinVersion: tls.VersionTLS12,
	})))
	workflowservice.RegisterWorkflowServiceServer(server, h)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.address = listener.Addr().String()
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *hosted) path(name string) string { return filepath.Join(h.dir, name) }

// certificate writes name.pem and name.key; without a parent it is an authority.
func (h *hosted) certificate(t *testing.T, name string, parent *x509.Certificate,
	parentKey *ecdsa.PrivateKey,
) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		DNSNames:    []string{"temporal.example"}, BasicConstraintsValid: true, IsCA: parent == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	h.write(t, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return made, key
}

func (h *hosted) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(h.path(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHosted: namespace, client certificate, API key and profile come from the environment, as with
// Temporal's own tools.
func TestHosted(t *testing.T) {
	t.Parallel()
	h := startHosted(t)
	variables := func(without ...string) environment {
		env := environment{
			"TEMPORAL_CONFIG_FILE": h.path("none.toml"), "TEMPORAL_ADDRESS": h.address,
			"TEMPORAL_NAMESPACE": "shop.a1b2c", "TEMPORAL_API_KEY": apiKey,
			"TEMPORAL_TLS_CLIENT_CERT_PATH": h.path("client.pem"), "TEMPORAL_TLS_CLIENT_KEY_PATH": h.path("client.key"),
			"TEMPORAL_TLS_SERVER_CA_CERT_PATH": h.path("ca.pem"), "TEMPORAL_TLS_SERVER_NAME": "temporal.example",
		}
		for _, name := range without {
			delete(env, name)
		}
		return env
	}
	h.write(t, "temporal.toml", fmt.Sprintf(`
[profile.default]
address = "127.0.0.1:1"

[profile.shop]
address = %q
namespace = "shop.a1b2c"
api_key = %q
[profile.shop.tls]
client_cert_path = %q
client_key_path = %q
server_ca_cert_path = %q
server_name = "temporal.example"
`, h.address, apiKey, h.path("client.pem"), h.path("client.key"), h.path("ca.pem")))
	tests := map[string]struct {
		env  environment
		code chferry.Code // "" if Check succeeds
		word string
	}{
		"variables": {variables(), "", ""},
		"profile": {
			environment{"TEMPORAL_CONFIG_FILE": h.path("temporal.toml"), "TEMPORAL_PROFILE": "shop"},
			"", "",
		},
		"other profile": {
			environment{"TEMPORAL_CONFIG_FILE": h.path("temporal.toml")},
			chferry.CodeUnavailable,
			"127.0.0.1:1",
		},
		"no such profile": {
			environment{"TEMPORAL_CONFIG_FILE": h.path("temporal.toml"), "TEMPORAL_PROFILE": "toys"},
			chferry.CodeConfiguration, "TEMPORAL_*",
		},
		"no API key": {variables("TEMPORAL_API_KEY"), chferry.CodeAccessDenied, "TEMPORAL_API_KEY"},
		"no certificate": {
			variables("TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"),
			chferry.CodeConfiguration, "certificates",
		},
		"no authority":    {variables("TEMPORAL_TLS_SERVER_CA_CERT_PATH"), chferry.CodeConfiguration, "certificates"},
		"other name":      {variables("TEMPORAL_TLS_SERVER_NAME"), chferry.CodeConfiguration, "certificates"},
		"other namespace": {variables("TEMPORAL_NAMESPACE"), chferry.CodeAccessDenied, `namespace "default"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := starter.New(starter.Options{Environment: test.env})
			if err == nil {
				t.Cleanup(s.Close)
				// A server that ends the connection says why, which the end may overtake.
				eventually(t, "the server is understood", func() bool {
					err = s.Check(t.Context())
					return test.code == chferry.CodeUnavailable || chferry.CodeOf(err) != chferry.CodeUnavailable
				})
			}
			if test.code != "" {
				wantError(t, err, test.code, test.word)
			} else if err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}
