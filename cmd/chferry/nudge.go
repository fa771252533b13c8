package main

import (
	"context"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/nudge"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage"
)

// How long the nudges that wait may take when a process ends: a service is told to hurry; a command
// nudges for the first time then, and connects for it.
const (
	serviceNudgeGrace = time.Second
	commandNudgeGrace = 3 * time.Second
)

// nudging returns a registrar in front of next that nudges the schedules of imports, and what ends it.
func (a *app) nudging(ctx context.Context, next storage.Registrar, schedules *starter.Starter, imports chferry.Imports,
	grace time.Duration,
) (storage.Registrar, func()) {
	n := nudge.Start(ctx, schedules, imports, a.log)
	return n.Registrar(next), func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace) // the process may have been told to end
		defer cancel()
		n.Close(ctx)
	}
}

// nudgingOnce is nudging for a command, which registers also if Temporal can't be spoken to.
func (a *app) nudgingOnce(ctx context.Context, next storage.Registrar, cfg *config.Config,
	imp chferry.Import,
) (storage.Registrar, func()) {
	if !imp.SyncOnRegister {
		return next, func() {}
	}
	schedules, err := a.openStarter(cfg, nil)
	if err != nil {
		a.log.Warn("no nudge: the operations are synced when their schedule ticks", "import_key", imp.Key, "error", err)
		return next, func() {}
	}
	registrar, end := a.nudging(ctx, next, schedules, chferry.ImportList{imp}, commandNudgeGrace)
	return registrar, func() { end(); schedules.Close() }
}
