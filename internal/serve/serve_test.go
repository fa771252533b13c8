package serve_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/serve"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(int) { http.DefaultClient.CloseIdleConnections() }))
}

// start serves handler and returns its URL, what stops it and what it returned.
func start(t *testing.T, handler http.HandlerFunc) (url string, stop context.CancelFunc, ended <-chan error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	address, done := make(chan string, 1), make(chan error, 1)
	go func() { done <- serve.HTTP(ctx, "127.0.0.1:0", handler, func(a string) { address <- a }) }()
	select {
	case a := <-address:
		return "http://" + a, cancel, done
	case err := <-done:
		t.Fatalf("HTTP: %v", err)
		return "", cancel, done
	}
}

func TestRunningRequestsEnd(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	url, stop, ended := start(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-release
		if r.Context().Err() != nil {
			t.Errorf("the request's context ended with the server's: %v", r.Context().Err())
		}
		_, _ = io.WriteString(w, "done")
	})
	got := make(chan string, 1)
	go func() {
		response, err := http.Get(url)
		if err != nil {
			got <- err.Error()
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		got <- string(body)
	}()
	<-arrived
	stop()
	select {
	case err := <-ended:
		t.Fatalf("ended with %v while a request was running", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(release)
	if answer := <-got; answer != "done" {
		t.Errorf("got %q, want done", answer)
	}
	if err := <-ended; err != nil {
		t.Errorf("HTTP: %v", err)
	}
	if response, err := http.Get(url); err == nil {
		_ = response.Body.Close()
		t.Error("the port still answers")
	}
}

// TestSilentClients: a client that sends nothing, or half of a request's head, is not waited for.
func TestSilentClients(t *testing.T) {
	url, _, _ := start(t, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
	var clients []net.Conn
	for _, sent := range []string{"", "GET / HTTP/1.1\r\nHost: local"} {
		conn, err := net.Dial("tcp", url[len("http://"):])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if _, err := io.WriteString(conn, sent); err != nil {
			t.Fatal(err)
		}
		clients = append(clients, conn)
	}
	for _, conn := range clients {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if answer, err := io.ReadAll(conn); err != nil || strings.HasPrefix(string(answer), "HTTP/1.1 2") {
			t.Errorf("got %q, %v", answer, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	url, stop, ended := start(t, func(http.ResponseWriter, *http.Request) {})
	err := serve.HTTP(t.Context(), url[len("http://"):], http.NotFoundHandler(), nil)
	if chferry.CodeOf(err) != chferry.CodeConfiguration {
		t.Errorf("got %v (%s), want %s", err, chferry.CodeOf(err), chferry.CodeConfiguration)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("HTTP: %v", err)
	}
}
