package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/storage/redis"
)

// redisBench is a Redis of our own with a storage on it.
type redisBench struct {
	server *embedded.Server
	store  *redis.Storage
	admin  *goredis.Client
}

func startRedis(ctx context.Context) (*redisBench, error) {
	server, err := embedded.StartRedis(ctx, embedded.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	store, err := redis.Open(server.URL, redis.Options{})
	if err != nil {
		return nil, errors.Join(err, server.Stop(ctx))
	}
	return &redisBench{server, store, goredis.NewClient(&goredis.Options{Addr: server.Addr})}, nil
}

func (r *redisBench) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return errors.Join(r.store.Close(), r.admin.Close(), r.server.Stop(ctx))
}

// empty drops everything, and waits until the memory has been given back.
func (r *redisBench) empty(ctx context.Context) error {
	return errors.Join(r.admin.FlushAll(ctx).Err(), r.admin.Do(ctx, "MEMORY", "PURGE").Err(),
		r.admin.ConfigResetStat(ctx).Err())
}

// xadd lets redis-benchmark append n entries with one client, depth of them in a pipeline, and
// returns entries a second.
func (r *redisBench) xadd(ctx context.Context, n, depth int, entry string) (float64, error) {
	host, port, _ := strings.Cut(r.server.Addr, ":")
	out, err := exec.CommandContext(ctx, "redis-benchmark", "-h", host, "-p", port, "-c", "1",
		"-P", strconv.Itoa(depth), "-n", strconv.Itoa(n), "--csv", "XADD", "base", "*", "o", entry).Output()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w", err)
	}
	records, err := csv.NewReader(strings.NewReader(string(out))).ReadAll()
	if err != nil || len(records) != 2 || len(records[1]) < 2 {
		return 0, fmt.Errorf("redis-benchmark printed %d lines that can't be read: %w", len(records), err)
	}
	return strconv.ParseFloat(records[1][1], 64)
}

// usedMemory returns what Redis has allocated for its data.
func (r *redisBench) usedMemory(ctx context.Context) (float64, error) {
	info, err := r.admin.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(info["Memory"]["used_memory"], 64)
}

// commandTime returns the microseconds that Redis has spent in all commands but those of the
// benchmark itself since the last CONFIG RESETSTAT.
func (r *redisBench) commandTime(ctx context.Context) (float64, error) {
	info, err := r.admin.InfoMap(ctx, "commandstats").Result()
	if err != nil {
		return 0, err
	}
	var total float64
	for command, stats := range info["Commandstats"] {
		// What a script calls is counted by itself and within the script.
		if command != "cmdstat_evalsha" && command != "cmdstat_eval" && command != "cmdstat_xadd" {
			continue
		}
		if command == "cmdstat_xadd" && info["Commandstats"]["cmdstat_evalsha"] != "" {
			continue
		}
		for field := range strings.SplitSeq(stats, ",") {
			if usec, ok := strings.CutPrefix(field, "usec="); ok {
				n, err := strconv.ParseFloat(usec, 64)
				if err != nil {
					return 0, err
				}
				total += n
			}
		}
	}
	return total, nil
}

// operations returns n updates of integer primary keys.
func operations(first, n int) []chferry.Operation {
	ops := make([]chferry.Operation, n)
	for i := range ops {
		ops[i] = chferry.Operation{Kind: chferry.Update, PrimaryKey: chferry.PrimaryKey{strconv.Itoa(first + i)}}
	}
	return ops
}

// register registers ops, perCall a call, and returns operations a second.
func (r *redisBench) register(ctx context.Context, key chferry.ImportKey, ops []chferry.Operation,
	perCall int,
) (float64, error) {
	began := time.Now()
	for i := 0; i < len(ops); i += perCall {
		if _, err := r.store.RegisterOperations(ctx, key, ops[i:min(i+perCall, len(ops))]...); err != nil {
			return 0, err
		}
	}
	return float64(len(ops)) / time.Since(began).Seconds(), nil
}
