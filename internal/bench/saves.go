package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/chferry/chferry"
)

// saveCount is how many rows are saved for each figure, saveEvery how far apart, so that none meets another's sync.
const (
	saveCount = 20
	saveEvery = 3 * time.Second
)

// saves measures the time from a save to its row in ClickHouse, on a schedule that ticks and on one
// that is nudged, in turn.
func (b *temporalBench) saves(ctx context.Context) ([]*figure, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	if err := b.configure(ctx, small.imports+fmt.Sprintf("api: {listen: %q}\n", address)); err != nil {
		return nil, err
	}
	api, err := b.run("api")
	if err != nil {
		return nil, err
	}
	defer api.Stop(ctx)
	if err := ready(ctx, address); err != nil {
		return nil, err
	}
	post := func(ctx context.Context, key chferry.ImportKey, id int) error { return post(ctx, address, key, id) }
	direct := func(ctx context.Context, key chferry.ImportKey, id int) error {
		_, err := b.redis.store.RegisterOperations(ctx, key, operations(id, 1)...)
		return err
	}
	var ticking, nudged []float64
	for id := 1; id <= 2*saveCount; id += 2 {
		for i, of := range []struct {
			key      chferry.ImportKey
			register func(context.Context, chferry.ImportKey, int) error
			into     *[]float64
		}{{"ticking", direct, &ticking}, {"nudged", post, &nudged}} {
			seconds, err := b.save(ctx, of.key, id+i, of.register)
			if err != nil {
				return nil, err
			}
			*of.into = append(*of.into, seconds)
			// At any time between two ticks.
			if err := sleep(ctx,
				saveEvery/2-time.Duration(seconds*float64(time.Second))+rand.N(time.Second)-time.Second/2); err != nil {
				return nil, err
			}
		}
	}
	return slices.Concat(
		percentiles(ticking, "a save is seen, ticks every 1s", "≤ 0.8", "≤ 1.6"),
		percentiles(nudged, "a save is seen, sync_on_register through the API", "≤ 0.3", "≤ 1.2"),
	), nil
}

// percentiles are the figures of some seconds.
func percentiles(seconds []float64, name, goal50, goal99 string) []*figure {
	sorted := slices.Sorted(slices.Values(seconds))
	return []*figure{
		{
			name: fmt.Sprintf("%s: p50 of %d", name, len(sorted)), format: "%.2f s", values: []float64{median(sorted)},
			goal: goal50 + " s",
		},
		{
			name: fmt.Sprintf("%s: p99, the last of %d", name, len(sorted)), format: "%.2f s",
			values: sorted[len(sorted)-1:], goal: goal99 + " s",
		},
	}
}

// save inserts a row, registers it, and returns after how many seconds ClickHouse shows it.
func (b *temporalBench) save(ctx context.Context, key chferry.ImportKey, id int,
	register func(context.Context, chferry.ImportKey, int) error,
) (float64, error) {
	began := time.Now()
	if _, err := b.source.Exec(ctx, "INSERT INTO saves VALUES ($1, $2)", id, "name of "+strconv.Itoa(id)); err != nil {
		return 0, err
	}
	if err := register(ctx, key, id); err != nil {
		return 0, err
	}
	for {
		n, err := b.number(ctx, fmt.Sprintf("SELECT count() FROM %s WHERE id = %d", key, id))
		if err != nil {
			return 0, err
		}
		if n > 0 {
			return time.Since(began).Seconds(), nil
		}
		if time.Since(began) > time.Minute {
			return 0, fmt.Errorf("row %d of %s does not arrive; the worker says: %s", id, key, b.worker.LastLines())
		}
		if err := sleep(ctx, 5*time.Millisecond); err != nil {
			return 0, err
		}
	}
}

// post registers a primary key as an application would.
func post(ctx context.Context, address string, key chferry.ImportKey, id int) error {
	body := fmt.Appendf(nil, `{"operation":"insert","pks":[%q]}`, strconv.Itoa(id))
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		fmt.Sprintf("http://%s/v1/imports/%s/operations", address, key), bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	return answered(request)
}

// ready waits until an API answers.
func ready(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	for began := time.Now(); ; {
		if err = answered(request); err == nil || time.Since(began) > time.Minute {
			return err
		}
		if err := sleep(ctx, 50*time.Millisecond); err != nil {
			return err
		}
	}
}

func answered(request *http.Request) error {
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("the API answers %s", answer.Status)
	}
	return nil
}

// freeAddress returns one that nobody listens on.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}
