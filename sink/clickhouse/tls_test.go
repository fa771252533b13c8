package clickhouse_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink/clickhouse"
)

// TestTLSThatFails is told as what somebody has to mend, over both protocols.
func TestTLSThatFails(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	for want, server := range map[string]*httptest.Server{
		"certificate that is not trusted": untrusted,
		"does not speak TLS":              plain,
	} {
		for _, url := range []string{"clickhouse://$/db?secure=true", "https://$/db"} {
			c := openClient(t, strings.Replace(url, "$", server.Listener.Addr().String(), 1), clickhouse.Options{})
			if err := c.Check(t.Context()); chferry.CodeOf(err) != chferry.CodeConfiguration ||
				!strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %s %v, want %s", url, chferry.CodeOf(err), err, want)
			}
		}
	}
}
