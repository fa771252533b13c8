package main

import (
	"context"
	"errors"
	"maps"
	"runtime/debug"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/metrics/temporal"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/worker"
)

func (a *app) workerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "worker",
		Short: "Run syncs until told to stop",
		Args:  args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, chosen := a.getenv("GOGC"); !chosen {
				debug.SetGCPercent(workerGC)
			}
			return a.worker(cmd.Context())
		},
	}
}

// workerGC lets the garbage collector run more often than by default: what a worker has in memory
// are mostly blocks, which cost little to look at. Measured, it takes a tenth off the peak of
// memory, and no time that shows.
const workerGC = 60

func newRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}

// How long a worker that is told to stop may take, whatever server hangs: steps hand over within
// the first, all has ended within the second.
const (
	stepsStop  = 7 * time.Second
	workerStop = 9 * time.Second
)

// worker serves syncs until ctx ends. What then hangs for too long, such as a call to a server that
// has fallen silent, ends with the process: its step has been handed over, or begins again when its
// heartbeats are missed.
func (a *app) worker(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- a.serve(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	timer := time.NewTimer(workerStop)
	defer timer.Stop()
	select {
	case err := <-ended:
		return err
	case <-timer.C:
		a.log.Warn("worker stopped although a server does not answer", "after", workerStop.String())
		return nil
	}
}

func (a *app) serve(ctx context.Context) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	registry := newRegistry()
	observer := metrics.New(registry)
	sdkMetrics := temporal.Handler(registry)

	live := config.NewLive(cfg)
	store, err := openWorkerStorage(live, observer.BatchRemoved)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	start, err := a.openStarter(cfg, sdkMetrics)
	if err != nil {
		return err
	}
	defer start.Close()
	if err := a.ready(ctx, start); err != nil {
		return err
	}
	databases := newSources(live)
	defer databases.Close()
	destination, err := openSink(cfg)
	if err != nil {
		return err
	}
	defer destination.Close()

	steps := &activities.Activities{
		Storage: store, Pipeline: &transfer.Pipeline{Storage: store, Sources: databases, Sink: destination},
		Imports: live, Closed: start.Closed, JobClosed: start.JobClosed, Nudge: start.Nudge,
		Observer: observer, Log: a.log,
	}
	if err := a.warnUnreachable(ctx, steps.Pipeline, usedDatabases(cfg.Imports), store.Check); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	if cfg.Metrics.Listen != "" {
		group.Go(func() error { return a.serveMetrics(ctx, cfg, registry) })
	}
	group.Go(func() error {
		a.log.Info("worker started", "task_queue", start.TaskQueue(), "imports", len(cfg.Imports), "version", version)
		return worker.Run(ctx, start.Client(), steps, worker.Options{
			TaskQueue: start.TaskQueue(), Version: version, StopTimeout: stepsStop,
		})
	})
	err = group.Wait()
	a.log.Info("worker stopped")
	return err
}

// ready returns nil if Temporal can be worked with. Search attributes that are missing, as after a
// move to another namespace, would keep schedules from starting anything; one of another type would
// stop every sync at its end.
func (a *app) ready(ctx context.Context, start *starter.Starter) error {
	if err := start.Check(ctx); err != nil {
		return err
	}
	attributes, err := start.EnsureSearchAttributes(ctx, false)
	if err != nil {
		return err
	}
	if !attributes.Usable {
		a.log.Warn("search attributes are missing, and this namespace does not let us create them",
			"command", attributes.Command)
	}
	return nil
}

// warnUnreachable says at the start what every sync would say later. It stops nothing: the server
// may be back before the first sync. A database that can't be used whatever its server does is an error.
func (a *app) warnUnreachable(
	ctx context.Context, to *transfer.Pipeline, databases []string, storageCheck func(context.Context) error,
) error {
	opened, release, err := to.Sources.Use(databases...)
	if err != nil {
		return err
	}
	defer release()
	checks := []func(context.Context) error{storageCheck, to.Sink.Check}
	for _, alias := range slices.Sorted(maps.Keys(opened)) {
		checks = append(checks, opened[alias].Check)
	}
	for _, check := range checks {
		if err := check(ctx); err != nil {
			a.log.Warn("not ready to sync", "code", chferry.CodeOf(err), "error", err.Error())
		}
	}
	return nil
}

func (a *app) serveMetrics(ctx context.Context, cfg *config.Config, registry *prometheus.Registry) error {
	return metrics.Serve(ctx, cfg.Metrics.Listen, registry, func(address string) {
		a.log.Info("serving metrics", "address", address)
	})
}
