package config

import (
	"sync/atomic"

	"github.com/chferry/chferry"
)

// Live is the configuration that is in force, for processes that outlive a change of the file. All
// of its parts ask Live each time they need something, so that a change reaches all of them. It is
// safe for concurrent use.
type Live struct {
	snapshot atomic.Pointer[snapshot]
}

// snapshot is never changed, only replaced.
type snapshot struct {
	config *Config
	byKey  map[chferry.ImportKey]chferry.Import
}

var _ chferry.Imports = (*Live)(nil)

// NewLive returns a Live with a configuration, which must not be changed any more.
func NewLive(cfg *Config) *Live {
	l := &Live{}
	l.Replace(cfg)
	return l
}

// Replace puts another configuration into force. What was begun under the one before may go on under it.
func (l *Live) Replace(cfg *Config) {
	next := &snapshot{config: cfg, byKey: make(map[chferry.ImportKey]chferry.Import, len(cfg.Imports))}
	for _, imp := range cfg.Imports {
		next.byKey[imp.Key] = imp
	}
	l.snapshot.Store(next)
}

// Config returns the configuration that is in force. It must not be changed.
func (l *Live) Config() *Config { return l.snapshot.Load().config }

// Import implements [chferry.Imports].
func (l *Live) Import(key chferry.ImportKey) (chferry.Import, bool) {
	imp, ok := l.snapshot.Load().byKey[key]
	return imp, ok
}

// Imports implements [chferry.Imports].
func (l *Live) Imports() []chferry.Import { return l.Config().Imports }

// Keys returns the keys of all imports.
func (l *Live) Keys() []chferry.ImportKey {
	imports := l.Imports()
	keys := make([]chferry.ImportKey, len(imports))
	for i, imp := range imports {
		keys[i] = imp.Key
	}
	return keys
}

// Database returns what is configured of a database.
func (l *Live) Database(alias string) (Database, bool) {
	database, ok := l.Config().Databases[alias]
	return database, ok
}
