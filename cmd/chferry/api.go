package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/metrics"
	"github.com/chferry/chferry/storage"
)

func (a *app) apiCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "api",
		Short: "Serve the HTTP API until told to stop",
		Args:  args(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.api(cmd.Context()) },
	}
}

// scrapeTimeout is shorter than Prometheus's default, so that a storage that is down still gives the other metrics.
const scrapeTimeout = 2 * time.Second

func (a *app) api(ctx context.Context) (err error) {
	cfg, err := a.load()
	if err != nil {
		return err
	}
	live := config.NewLive(cfg)
	store, err := openStorage(live)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	schedules, err := a.openStarter(cfg, nil)
	if err != nil {
		return err
	}
	defer schedules.Close()

	registry := newRegistry()
	registry.MustRegister(metrics.NewQueueCollector(store, live.Keys, scrapeTimeout))
	registrar, endNudges := a.nudging(ctx, storage.RegisterOperationsWrapped(store, metrics.New(registry), a.log),
		schedules, live, serviceNudgeGrace)
	defer endNudges()
	handler := api.New(api.Options{
		Imports:       live,
		Registrar:     registrar,
		Administrator: store,
		Schedules:     schedules,
		Backfills:     schedules,
		Verifies:      schedules,
		Tokens:        cfg.API.Tokens,
		Metrics:       metrics.Handler(registry),
		Log:           a.log,
	})
	for _, weakness := range cfg.API.Weaknesses() {
		a.log.Warn("configuration is weak", "reason", weakness)
	}
	err = api.Serve(ctx, cfg.API.Listen, handler, func(address string) {
		a.log.Info("api started", "address", address, "imports", len(cfg.Imports), "version", version)
	})
	a.log.Info("api stopped")
	return err
}
