package source_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry/source"
)

// opened notes when it is closed.
type opened struct {
	source.Source
	log  *[]string
	name string
}

func (o *opened) Close() { *o.log = append(*o.log, "close "+o.name) }

// TestPool opens databases when they are used, and closes those whose configuration has changed
// when nobody uses them any more.
func TestPool(t *testing.T) {
	t.Parallel()
	var log []string
	configured := map[string]int{"a": 1, "b": 1}
	refused := errors.New("refused")
	pool := source.NewPool(
		func(alias string) (int, bool) { as, ok := configured[alias]; return as, ok },
		func(alias string, as int) (source.Source, error) {
			if as == 0 {
				return nil, refused
			}
			name := fmt.Sprint(alias, as)
			log = append(log, "open "+name)
			return &opened{log: &log, name: name}, nil
		})
	want := func(entries ...string) {
		t.Helper()
		if !slices.Equal(log, entries) {
			t.Errorf("what happened is %q, want %q", log, entries)
		}
		log = nil
	}
	use := func(aliases ...string) (map[string]source.Source, func()) {
		t.Helper()
		sources, release, err := pool.Use(aliases...)
		if err != nil {
			t.Fatal(err)
		}
		return sources, release
	}

	first, releaseFirst := use("a", "b", "none")
	want("open a1", "open b1")
	if len(first) != 2 {
		t.Errorf("%d databases are open, want 2", len(first))
	}
	again, releaseAgain := use("a")
	if again["a"] != first["a"] {
		t.Error("a was opened twice")
	}
	want()

	configured["a"] = 2
	delete(configured, "b")
	second, releaseSecond := use("a", "b")
	want("open a2")
	if second["a"] == first["a"] || second["b"] != nil {
		t.Error("the databases are those of the first configuration")
	}
	releaseFirst()
	want("close b1")
	releaseAgain()
	want("close a1")

	configured["a"] = 0
	if _, _, err := pool.Use("a"); !errors.Is(err, refused) {
		t.Errorf("a database that can't be opened gives %v", err)
	}
	releaseSecond()
	want("close a2")

	configured["a"] = 3
	_, release := use("a")
	pool.Close()
	release()
	want("open a3", "close a3")
	if closed, _ := use("a"); len(closed) != 0 {
		t.Error("a closed pool gives databases")
	}
}
