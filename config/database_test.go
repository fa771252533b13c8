package config_test

import (
	"testing"

	"github.com/chferry/chferry/config"
)

// TestDriver: each scheme that the configuration takes has a driver, and no other.
func TestDriver(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]config.Driver{
		"postgres://h/shop": config.PostgreSQL, "postgresql://h/shop": config.PostgreSQL,
		"sqlite:/data/shop.db": config.SQLite, "sqlite:shop.db": config.SQLite,
		"mysql://h/shop": "", "shop.db": "", "": "",
	} {
		if got := (config.Database{URL: url}).Driver(); got != want {
			t.Errorf("%q has the driver %q, want %q", url, got, want)
		}
	}
}
