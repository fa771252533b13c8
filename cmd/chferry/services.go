package main

import (
	"slices"

	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/storage/redis"
)

// services are the parts that a configuration names, opened but not necessarily reachable.
type services struct {
	cfg     *config.Config
	storage *redis.Storage
	starter *starter.Starter
	sources map[string]source.Source
	sink    sink.Sink
	closers []func()
}

func (a *app) openServices() (_ *services, err error) {
	cfg, err := a.load()
	if err != nil {
		return nil, err
	}
	s := &services{cfg: cfg}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.storage, err = openStorage(config.NewLive(cfg)); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, func() { _ = s.storage.Close() }) // nothing is written that closing could lose
	if s.starter, err = a.openStarter(cfg, nil); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.starter.Close)
	var closeSources func()
	if s.sources, closeSources, err = openSources(cfg, cfg.Imports); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, closeSources)
	if s.sink, err = openSink(cfg); err != nil {
		return nil, err
	}
	s.closers = append(s.closers, s.sink.Close)
	return s, nil
}

func (s *services) close() {
	for _, closeOne := range slices.Backward(s.closers) {
		closeOne()
	}
}
