package clickhouse_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/sink/clickhouse"
)

// TestSilentConnections has connections that fall silent while they are idle, as behind a NAT that
// forgot them: each call ends with its timeout, Close waits for none, and new connections are made
// when the server is back.
func TestSilentConnections(t *testing.T) { onServers(t, testSilentConnections) }

func testSilentConnections(t *testing.T, s *server) {
	p := testenv.NewProxy(t, s.url)
	const timeout, seconds = 300 * time.Millisecond, 5 * time.Second
	c := openClient(t, p.URL, clickhouse.Options{Timeout: timeout, InsertTimeout: timeout, DialTimeout: timeout})
	d := destination("silent", []string{"id"}, column("id", int64Type), column("word", stringType))
	s.create(t, d)
	for _, call := range []func() error{
		func() error { return c.Check(t.Context()) },
		func() error { _, err := c.Missing(t.Context(), d); return err },
		func() error { _, err := c.Insert(t.Context(), d, words(d, 1, "a"), ""); return err },
		func() error { _, err := c.MaxVersion(t.Context(), d); return err },
	} {
		p.Silence(false)
		for began := time.Now(); ; { // a busy machine may answer late
			err := c.Check(t.Context())
			if err == nil {
				break
			}
			if time.Since(began) > 2*seconds {
				t.Fatalf("got %v while the server answers", err)
			}
		}
		p.Silence(true)
		start := time.Now()
		if err := call(); chferry.CodeOf(err) != chferry.CodeUnavailable {
			t.Errorf("got %s %v, want it unavailable", chferry.CodeOf(err), err)
		}
		if took := time.Since(start); took > seconds {
			t.Errorf("a call on a silent connection took %s", took)
		}
	}
	p.Silence(false)
	patient := openClient(t, p.URL, clickhouse.Options{})
	if err := patient.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.Silence(true)
	hanging := make(chan error, 1)
	go func() { _, err := patient.Insert(t.Context(), d, words(d, 1, "a"), ""); hanging <- err }()
	time.Sleep(timeout)
	start := time.Now()
	patient.Close()
	if took := time.Since(start); took > seconds {
		t.Errorf("Close took %s", took)
	}
	select {
	case err := <-hanging:
		if chferry.CodeOf(err) != chferry.CodeUnavailable {
			t.Errorf("got %v for what hung", err)
		}
	case <-time.After(seconds):
		t.Error("what hung goes on after Close")
	}
}
