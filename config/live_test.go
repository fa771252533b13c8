package config_test

import (
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/config"
)

func TestLive(t *testing.T) {
	t.Parallel()
	first := &config.Config{
		Imports:   []chferry.Import{{Key: "users", MaxPending: 1}, {Key: "orders"}},
		Databases: map[string]config.Database{"default": {URL: "sqlite:a.db"}},
	}
	l := config.NewLive(first)
	if got, want := l.Keys(), []chferry.ImportKey{"users", "orders"}; !slices.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
	second := &config.Config{
		Imports:   []chferry.Import{{Key: "users", MaxPending: 2}, {Key: "shops"}},
		Databases: map[string]config.Database{"default": {URL: "sqlite:b.db"}},
	}
	l.Replace(second)
	if imp, ok := l.Import("users"); !ok || imp.MaxPending != 2 {
		t.Errorf("users is %+v (%v), want the second configuration's", imp, ok)
	}
	if _, ok := l.Import("orders"); ok {
		t.Error("orders is still there")
	}
	if got, want := l.Keys(), []chferry.ImportKey{"users", "shops"}; !slices.Equal(got, want) {
		t.Errorf("the keys are %v, want %v", got, want)
	}
	if database, ok := l.Database("default"); !ok || database.URL != "sqlite:b.db" {
		t.Errorf("the database is %+v (%v), want the second configuration's", database, ok)
	}
	if _, ok := l.Database("other"); ok {
		t.Error("there is a database other")
	}
	if l.Config() != second {
		t.Error("the configuration is not the second one")
	}
}
