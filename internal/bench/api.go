package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/storage"
)

const (
	connections = 64
	perRound    = 2 * time.Second
)

// nowhere registers nothing, which leaves the cost of the API itself.
type nowhere struct{}

func (nowhere) RegisterOperations(_ context.Context, _ chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	return len(ops), nil
}

// benchAPI measures POST of one primary key on many connections, next to the same handler without Redis.
func benchAPI(ctx context.Context, out io.Writer) error {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	f := &figure{
		name: "POST of one pk, 64 connections", format: "%.0f/s", baseName: "the same handler without Redis",
		goal: "≥ 0.7",
	}
	err = errors.Join(compareAPI(ctx, r.store, f), r.stop(ctx))
	if err != nil {
		return err
	}
	return write(out, "API", []*figure{f})
}

func compareAPI(ctx context.Context, store storage.Registrar, f *figure) error {
	for range rounds {
		base, err := postRate(ctx, nowhere{})
		if err != nil {
			return err
		}
		rate, err := postRate(ctx, store)
		if err != nil {
			return err
		}
		f.beside(rate, base)
	}
	return nil
}

// postRate returns how many requests a second an API on this registrar answers.
func postRate(ctx context.Context, registrar storage.Registrar) (float64, error) {
	handler := api.New(api.Options{
		Imports: chferry.ImportList{{Key: benched, Databases: []string{chferry.DefaultDatabase}}},
		Registrar: storage.RegisterOperationsWrapped(registrar, metrics.New(prometheus.NewRegistry()),
			slog.New(slog.DiscardHandler)),
	})
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- api.Serve(ctx, "127.0.0.1:0", handler, func(a string) { address <- a }) }()
	var rate float64
	var err error
	select {
	case a := <-address:
		rate, err = load(ctx, a)
		cancel()
		return rate, errors.Join(err, <-ended)
	case err := <-ended:
		return 0, err
	}
}

// load posts on all connections for a round.
func load(ctx context.Context, address string) (float64, error) {
	clients, ctx := errgroup.WithContext(ctx)
	began := time.Now()
	counts := make([]int, connections)
	for i := range counts {
		clients.Go(func() error {
			n, err := postUntil(ctx, address, began.Add(perRound))
			counts[i] = n
			return err
		})
	}
	if err := clients.Wait(); err != nil {
		return 0, err
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	return float64(total) / time.Since(began).Seconds(), nil
}

// postUntil sends one request after the other on a connection. It reads answers by hand, because
// net/http's client costs more than the handler that is to be measured.
func postUntil(ctx context.Context, address string, until time.Time) (int, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return 0, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(until.Add(10 * time.Second)); err != nil {
		return 0, err
	}
	const body = `{"operation":"update","pks":["123456"]}`
	request := fmt.Appendf(nil, "POST /v1/imports/%s/operations HTTP/1.1\r\nHost: %s\r\nContent-Type: "+
		"application/json\r\nContent-Length: %d\r\n\r\n%s",
		benched, address, len(body), body)
	answers := bufio.NewReader(conn)
	n := 0
	for ; time.Now().Before(until); n++ {
		if _, err := conn.Write(request); err != nil {
			return n, err
		}
		if err := readAnswer(answers); err != nil {
			return n, err
		}
	}
	return n, nil
}

// readAnswer reads one answer, whose body is one line.
func readAnswer(from *bufio.Reader) error {
	status, err := from.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.Contains(status, []byte(" 200 ")) {
		return fmt.Errorf("the API answers %q, want %d", status, http.StatusOK)
	}
	for line := status; len(line) > len("\r\n"); {
		if line, err = from.ReadSlice('\n'); err != nil {
			return err
		}
	}
	_, err = from.ReadSlice('\n')
	return err
}
