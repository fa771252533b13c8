package source

import (
	"maps"
	"slices"
	"sync"
)

// Pool opens databases when they are used first and keeps them open. D is what a database's
// configuration says. If that changes, the next use opens the database anew, and the one that was
// open is closed when its last use has ended. A Pool is safe for concurrent use.
type Pool[D comparable] struct {
	configured func(alias string) (D, bool)
	open       func(alias string, as D) (Source, error)

	mu      sync.Mutex
	current map[string]*pooled[D]
	retired []*pooled[D] // still used, but not by their configuration of now
	closed  bool
}

type pooled[D comparable] struct {
	Source
	as    D
	users int
}

// NewPool returns a pool that asks configured, at each use, for a database's configuration; false:
// there is no such database.
func NewPool[D comparable](configured func(alias string) (D, bool),
	open func(alias string, as D) (Source, error),
) *Pool[D] {
	return &Pool[D]{configured: configured, open: open, current: map[string]*pooled[D]{}}
}

// Use returns the databases with these aliases. One that is not configured is absent. They stay
// open until release is called, once, by the caller.
func (p *Pool[D]) Use(aliases ...string) (sources map[string]Source, release func(), err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retire()
	used := map[string]*pooled[D]{}
	for _, alias := range aliases {
		as, ok := p.configured(alias)
		if !ok || p.closed {
			continue
		}
		one, ok := p.current[alias]
		if !ok {
			opened, err := p.open(alias, as)
			if err != nil {
				return nil, nil, err
			}
			one = &pooled[D]{Source: opened, as: as}
			p.current[alias] = one
		}
		used[alias] = one
	}
	sources = map[string]Source{}
	for alias, one := range used {
		one.users++
		sources[alias] = one.Source
	}
	return sources, func() { p.release(slices.Collect(maps.Values(used))) }, nil
}

// retire takes out the databases whose configuration is another one by now. Those that nobody uses are closed.
func (p *Pool[D]) retire() {
	for alias, one := range p.current {
		if as, ok := p.configured(alias); !ok || as != one.as {
			delete(p.current, alias)
			p.retired = append(p.retired, one)
		}
	}
	p.closeUnused()
}

func (p *Pool[D]) closeUnused() {
	p.retired = slices.DeleteFunc(p.retired, func(one *pooled[D]) bool {
		if one.users > 0 {
			return false
		}
		one.Close()
		return true
	})
}

func (p *Pool[D]) release(used []*pooled[D]) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, one := range used {
		one.users--
	}
	p.closeUnused()
}

// Close closes all databases, used or not. Nothing can be used afterwards.
func (p *Pool[D]) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, one := range append(slices.Collect(maps.Values(p.current)), p.retired...) {
		one.Close()
	}
	p.current, p.retired = map[string]*pooled[D]{}, nil
}

// Fixed are databases by their aliases that stay as they are, for programs that open their own.
type Fixed map[string]Source

// Use returns all of them. Releasing closes none.
func (f Fixed) Use(...string) (sources map[string]Source, release func(), err error) {
	return f, func() {}, nil
}
