// Package demo shows the main job once, to somebody who has nothing but Go: it starts the servers,
// fills a shop, changes it while syncs run, kills a worker in the middle, and compares the shop
// with ClickHouse row by row.
//
// It uses chferry as anybody would: through its configuration file, its commands and its HTTP API.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/chferry/chferry"
)

// Options are what a demo is told.
type Options struct {
	// Program is the chferry binary that runs as API and worker.
	Program string
	Out     io.Writer
	// Terminal says that Out is one: it gets progress bars and colours.
	Terminal bool
	// Rows is how many rows the shop has at first; 0 means 100,000.
	Rows int
	// Live is how long the shop is changed while syncs run; 0 means 10 s.
	Live time.Duration
	// Hide is a line of chferry apply that asks for what the demo does by itself.
	Hide string
	// Keep keeps everything up, once all is shown, until the context ends.
	Keep bool
}

// Run runs the demo and tells whether ClickHouse equals the source. It leaves no process and no
// temporary folder behind, also when the context ends in the middle.
func Run(ctx context.Context, opts Options) (equal bool, err error) {
	if opts.Rows == 0 {
		opts.Rows = 100_000
	}
	if opts.Live == 0 {
		opts.Live = 10 * time.Second
	}
	dir, err := os.MkdirTemp("", "chferry-demo-")
	if err != nil {
		return false, fmt.Errorf("make a folder for the demo: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// PostgreSQL does not run as root, and its user must get at its own folder in this one.
	if err := os.Chmod(dir, 0o755); err != nil {
		return false, fmt.Errorf("open the demo's folder: %w", err)
	}
	d := &demo{opts: opts, show: &show{out: opts.Out, terminal: opts.Terminal}}
	d.stack, err = Start(ctx, StackOptions{
		Dir: dir, Program: opts.Program, Say: d.show.line, Download: d.show.download(), Hide: opts.Hide, Demo: true,
	})
	if err != nil {
		return false, err
	}
	defer d.stack.Stop(ctx)
	return d.run(ctx)
}

// demo is one run of the demo.
type demo struct {
	opts       Options
	show       *show
	stack      *Stack
	shop       *shop
	registered int
	began      time.Time
}

func (d *demo) run(ctx context.Context) (bool, error) {
	shop, err := openShop(ctx, d.stack)
	if err != nil {
		return false, err
	}
	defer shop.close()
	d.shop = shop
	for _, step := range []func(context.Context) error{d.fill, d.apply, d.load, d.live, d.drain} {
		if err := step(ctx); err != nil {
			return false, err
		}
	}
	equal, err := d.compare(ctx)
	if err != nil || !d.opts.Keep {
		return equal, err
	}
	d.show.title("Everything is kept up. Ctrl-C ends it.")
	d.stack.addresses(d.show.line)
	<-ctx.Done()
	return equal, nil
}

func (d *demo) fill(ctx context.Context) error {
	d.show.title("A shop, in %s", d.stack.SourceName)
	bar := d.show.bar("rows written by the application", d.opts.Rows)
	defer bar.done()
	return d.shop.fill(ctx, d.opts.Rows, bar.add)
}

// apply creates tables and schedules and starts the services.
func (d *demo) apply(ctx context.Context) error {
	d.show.title("chferry apply, api, worker")
	out, err := d.stack.Command(ctx, "apply")
	if err != nil {
		return err
	}
	d.show.lines(out)
	if err := d.stack.StartAPI(ctx); err != nil {
		return err
	}
	d.show.line("api", "%s", d.stack.APIAddress)
	if err := d.stack.StartWorker(ctx); err != nil {
		return err
	}
	d.show.line("worker", "process %d", d.stack.Worker.Pid())
	return nil
}

// load registers every row through the HTTP API and waits until all are in ClickHouse.
func (d *demo) load(ctx context.Context) error {
	d.show.title("The first load: every row is registered as an insert")
	d.began = time.Now()
	bar := d.show.bar("operations registered over HTTP", d.opts.Rows)
	err := d.shop.everyKey(ctx, func(key string, ops []operation) error {
		bar.add(len(ops))
		d.registered += len(ops)
		return d.stack.register(ctx, key, ops)
	})
	bar.done()
	if err != nil {
		return err
	}
	if err := d.awaitDrained(ctx, "rows in ClickHouse", time.Minute); err != nil {
		return err
	}
	took := time.Since(d.began).Seconds()
	d.show.line("loaded", "%s rows in %.1f s, %s rows/s, schedules' ticks included",
		chferry.Thousands(d.opts.Rows), took, chferry.Thousands(int(float64(d.opts.Rows)/took)))
	return nil
}

// live changes the shop while syncs run. Halfway the worker is killed, and another takes its place.
func (d *demo) live(ctx context.Context) error {
	d.show.title("The shop is open: inserts, updates and deletes while syncs run")
	writing, stop := context.WithTimeout(ctx, d.opts.Live)
	defer stop()
	bar := d.show.bar("operations registered", 0)
	defer bar.done()
	written := make(chan error, 1)
	go func() { written <- d.write(ctx, writing, bar) }()
	if err := d.replaceWorker(ctx); err != nil {
		stop()
		return errors.Join(err, <-written)
	}
	return <-written
}

// write changes the shop until writing ends: what was committed by then is registered too.
func (d *demo) write(ctx, writing context.Context, bar *bar) error {
	for writing.Err() == nil {
		changes, err := d.shop.change(ctx)
		if err != nil {
			return err
		}
		for key, ops := range changes {
			if err := d.stack.register(ctx, key, ops); err != nil {
				return err
			}
			d.registered += len(ops)
			bar.add(len(ops))
		}
	}
	return ctx.Err()
}

func (d *demo) replaceWorker(ctx context.Context) error {
	if err := wait(ctx, d.opts.Live/2); err != nil {
		return err
	}
	if err := d.awaitBatch(ctx); err != nil {
		return err
	}
	killed := d.stack.Worker.Pid()
	if err := d.stack.Worker.Kill(); err != nil {
		return fmt.Errorf("kill the worker: %w", err)
	}
	status, err := d.stack.status(ctx)
	if err != nil {
		return err
	}
	d.show.line("killed", "worker %d with kill -9; %s operations were in flight",
		killed, chferry.Thousands(status.InFlight))
	if err := wait(ctx, d.opts.Live/10); err != nil {
		return err
	}
	if err := d.stack.StartWorker(ctx); err != nil {
		return err
	}
	d.show.line("worker", "process %d takes over", d.stack.Worker.Pid())
	return nil
}

// awaitBatch waits, for a while, until a batch is claimed: that is the worst moment to be killed.
func (d *demo) awaitBatch(ctx context.Context) error {
	for range 1_000 {
		status, err := d.stack.status(ctx)
		if err != nil || status.InFlight > 0 {
			return err
		}
		if err := wait(ctx, time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) drain(ctx context.Context) error {
	d.show.title("The shop closes: the queues drain")
	return d.awaitDrained(ctx, "operations drained", 2*time.Minute)
}

// awaitDrained waits until nothing is kept, with a bar that shows how far it is.
func (d *demo) awaitDrained(ctx context.Context, what string, within time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, within,
		fmt.Errorf("the queues did not drain within %s; the worker's last lines: %s",
			within, d.stack.Worker.LastLines()))
	defer cancel()
	var b *bar
	for {
		status, err := d.stack.status(ctx)
		if err != nil {
			return err
		}
		remaining := int(status.Pending + status.InFlight)
		if b == nil {
			b = d.show.bar(what, remaining)
			defer b.done()
		}
		b.remaining(remaining)
		if remaining == 0 {
			return nil
		}
		if err := wait(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

func (d *demo) compare(ctx context.Context) (bool, error) {
	d.show.title("The source against ClickHouse FINAL, row by row")
	comparisons, err := d.shop.compare(ctx, d.stack.ClickHouseURL)
	if err != nil {
		return false, err
	}
	status, err := d.stack.status(ctx)
	if err != nil {
		return false, err
	}
	d.show.comparisons(comparisons)
	t := status.Totals
	d.show.line("registered", "%s = %s rows + %s deletes + %s coalesced + %s failed", chferry.Thousands(d.registered),
		chferry.Thousands(t.Rows), chferry.Thousands(t.Deletes), chferry.Thousands(t.Coalesced),
		chferry.Thousands(t.Failed))
	d.show.line("audit", "%s", d.stack.AuditURL())
	if !d.opts.Keep {
		d.show.line("", "that server ends now: with --keep all stay up")
	}
	equal := int64(d.registered) == t.Operations && t.Operations == t.Rows+t.Deletes+t.Coalesced+t.Failed
	for _, c := range comparisons {
		equal = equal && c.different == 0
	}
	d.show.verdict(equal)
	return equal, nil
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
