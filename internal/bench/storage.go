package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

const (
	million = 1_000_000
	timed   = 100_000 // operations
	bulk    = 1_000   // operations a call
	benched = chferry.ImportKey("bench")
)

// benchStorage measures the Redis storage next to redis-benchmark.
func benchStorage(ctx context.Context, out io.Writer) error {
	r, err := startRedis(ctx)
	if err != nil {
		return err
	}
	b := storageBench{redisBench: r}
	b.single = &figure{
		name: "register, one pk a call, one goroutine", format: "%.0f/s",
		baseName: "redis-benchmark XADD -c 1 -P 1", goal: "≥ 0.85",
	}
	b.bulk = &figure{
		name: "register, 1,000 pks a call, operations", format: "%.0f/s",
		baseName: "redis-benchmark XADD -c 1 -P 100", goal: "≥ 4",
	}
	b.singleBytes = &figure{name: "Redis bytes per queued operation, one a call", format: "%.1f", goal: "≤ 28"}
	b.bulkBytes = &figure{name: "Redis bytes per queued operation, 1,000 a call", format: "%.1f", goal: "≤ 12"}
	b.singleCPU = &figure{
		name: "Redis µs per pk, one a call", format: "%.2f", baseName: "a bare XADD of the same",
		goal: "≤ 2",
	}
	b.bulkCPU = &figure{
		name: "Redis µs per pk, 1,000 a call", format: "%.2f", baseName: "a bare XADD of the same",
		goal: "≤ 0.5",
	}
	b.singleDrain = &figure{name: "claim, read and remove 1M, registered singly", format: "%.0f/s", goal: "≥ 400,000/s"}
	b.bulkDrain = &figure{
		name: "claim, read and remove 1M, registered in bulk", format: "%.0f/s",
		goal: "≥ 2,000,000/s",
	}
	b.slow = &figure{name: "commands above 2 ms meanwhile", format: "%.0f", goal: "0"}
	for round := 0; round < rounds && err == nil; round++ {
		err = b.round(ctx)
	}
	if stopErr := r.stop(ctx); err == nil {
		err = stopErr
	}
	if err != nil {
		return err
	}
	return write(out, "Storage", []*figure{
		b.single, b.bulk, b.singleBytes, b.bulkBytes, b.singleCPU, b.bulkCPU, b.singleDrain, b.bulkDrain, b.slow,
	})
}

type storageBench struct {
	*redisBench
	single, bulk, singleBytes, bulkBytes, singleCPU, bulkCPU, singleDrain, bulkDrain, slow *figure
}

// round measures each figure once. The queue of the registration is the one that is then drained.
func (b *storageBench) round(ctx context.Context) error {
	for _, of := range []struct {
		perCall, depth                int
		rate, bytes, processor, drain *figure
	}{
		{1, 1, b.single, b.singleBytes, b.singleCPU, b.singleDrain},
		{bulk, 100, b.bulk, b.bulkBytes, b.bulkCPU, b.bulkDrain},
	} {
		base, baseTime, err := b.base(ctx, of.depth)
		if err != nil {
			return err
		}
		if err := b.empty(ctx); err != nil {
			return err
		}
		before, err := b.usedMemory(ctx)
		if err != nil {
			return err
		}
		// What a busy machine does changes within seconds: as many as the base had, right behind it, are timed.
		ops := operations(0, million)
		rate, err := b.register(ctx, benched, ops[:timed], of.perCall)
		if err != nil {
			return err
		}
		if _, err := b.register(ctx, benched, ops[timed:], of.perCall); err != nil {
			return err
		}
		after, err := b.usedMemory(ctx)
		if err != nil {
			return err
		}
		spent, err := b.commandTime(ctx)
		if err != nil {
			return err
		}
		of.rate.beside(rate, base)
		of.bytes.add((after - before) / million)
		of.processor.beside(spent/million, baseTime)
		drained, err := b.drain(ctx)
		if err != nil {
			return err
		}
		of.drain.add(drained)
	}
	return nil
}

// base returns how many entries a second redis-benchmark appends, and the microseconds of Redis for each.
func (b *storageBench) base(ctx context.Context, depth int) (rate, spent float64, err error) {
	if err := b.empty(ctx); err != nil {
		return 0, 0, err
	}
	if rate, err = b.xadd(ctx, timed, depth, "u\x01\x01\x06123456"); err != nil {
		return 0, 0, err
	}
	spent, err = b.commandTime(ctx)
	return rate, spent / timed, err
}

// drain claims, reads and removes all that is queued, in batches of the default size, and returns operations a second.
func (b *storageBench) drain(ctx context.Context) (float64, error) {
	const limit = 2_000 // µs
	if err := b.admin.ConfigSet(ctx, "slowlog-log-slower-than", fmt.Sprint(limit)).Err(); err != nil {
		return 0, err
	}
	if err := b.admin.Do(ctx, "SLOWLOG", "RESET").Err(); err != nil {
		return 0, err
	}
	began := time.Now()
	total, err := drain(ctx, b.store, benched)
	if err != nil {
		return 0, err
	}
	if total != million {
		return 0, fmt.Errorf("%d operations were drained, want %d", total, million)
	}
	rate := float64(total) / time.Since(began).Seconds()
	slow, err := b.admin.Do(ctx, "SLOWLOG", "LEN").Int()
	b.slow.add(float64(slow))
	return rate, err
}

func drain(ctx context.Context, s storage.Syncer, key chferry.ImportKey) (int, error) {
	const token = "bench"
	total := 0
	start, err := s.PreSync(ctx, key, storage.PreSyncOptions{Token: token})
	for more := start.Claimed; more && err == nil; {
		var batch chferry.Batch
		if batch, err = s.GetOperations(ctx, key, storage.GetOptions{Token: token}); err != nil {
			break
		}
		for ops, err := range s.BatchOperations(ctx, key, token, batch) {
			if err != nil {
				return total, err
			}
			total += len(ops)
		}
		var end storage.End
		end, err = s.PostSync(ctx, key, storage.PostSyncOptions{Token: token, BatchID: batch.ID})
		more = end.Remaining > 0
	}
	return total, err
}
