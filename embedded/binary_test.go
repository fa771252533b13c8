package embedded_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/chferry/chferry/embedded"
)

// The environment is changed, so these can't run in parallel.

func TestMissingProgramIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, want := range map[string]string{
		"redis":    "redis-server",
		"temporal": "Temporal CLI",
	} {
		s, err := kinds[name].start(t.Context(), embedded.Options{})
		if err == nil {
			_ = s.Stop(context.Background())
			t.Errorf("%s started without a program", name)
			continue
		}
		var missing *embedded.MissingError
		if !errors.As(err, &missing) || missing.Name != name || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want a MissingError that names %q", name, err, want)
		}
	}
}

func TestTemporalVersionIsTheOneOfTheTools(t *testing.T) {
	t.Parallel()
	pinned, err := os.ReadFile("../tools/go.mod")
	check(t, err)
	if want := "github.com/temporalio/cli " + embedded.TemporalVersion; !strings.Contains(string(pinned), want) {
		t.Errorf("tools/go.mod lacks %q", want)
	}
}
