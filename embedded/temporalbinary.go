package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
)

const (
	// TemporalVersion is the version of the Temporal CLI that is built when none is installed: that of tools/go.mod.
	TemporalVersion = "v1.5.1"

	temporalRemedy = "install the Temporal CLI as `temporal` on PATH, or Go, with which it is built once (that needs " +
		"a network)"
)

var temporalModule = module{name: "temporal", pack: "github.com/temporalio/cli/cmd/temporal"}

// TemporalBinary finds the Temporal CLI: on PATH, else in the user's cache folder, else it builds
// the CLI there with Go, at the versions that this binary carries, which takes minutes once and is
// said on log (nil: nowhere). Processes that need it at the same time wait for one of them to build
// it. When it can't be built, the error is a *MissingError, or a *CacheError.
func TemporalBinary(ctx context.Context, log io.Writer) (string, error) {
	if path, found := findProgram("temporal"); found {
		return path, nil
	}
	binary := file{name: "temporal-" + TemporalVersion}
	path, err := cached(ctx, binary, func(ctx context.Context, fresh, folder string) error {
		if log != nil {
			_, _ = fmt.Fprintf(log, "building the Temporal CLI %s; this takes minutes, once\n", TemporalVersion)
		}
		return temporalModule.build(ctx, fresh, folder, log)
	})
	switch {
	case err == nil || ctx.Err() != nil || errors.As(err, new(*CacheError)):
		return path, err
	case errors.Is(err, errNoGo):
		return "", &MissingError{"temporal", "Temporal CLI and no Go to build it", temporalRemedy}
	default:
		return "", &MissingError{"temporal", "Temporal CLI, and it can't be built: " + err.Error(), temporalRemedy}
	}
}
