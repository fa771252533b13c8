package embedded

import (
	"context"
	"errors"
	"fmt"
	"io"
)

var chdbModule = module{
	name:   "chdbserver",
	folder: "chdbserver/_server",
	pack:   "github.com/chferry/chferry/embedded/chdbserver",
}

// ChdbServer finds the program chdbserver in the user's cache folder, else it builds the program
// there with Go, from the sources that this binary carries. That takes seconds, once for each state
// of the sources, and is said on log (nil: nowhere). Without Go the program is looked for on PATH,
// where `go install` puts it. When it can't be had, the error is a *MissingError, or
// a *CacheError.
func ChdbServer(ctx context.Context, log io.Writer) (string, error) {
	state, err := chdbModule.digest()
	if err != nil {
		return "", fmt.Errorf("chdbserver: read its sources: %w", err)
	}
	path, err := cached(ctx, file{name: "chdbserver-" + state}, func(ctx context.Context, fresh, folder string) error {
		if log != nil {
			_, _ = fmt.Fprintln(log, "building chdbserver, once")
		}
		return chdbModule.build(ctx, fresh, folder, log, "CGO_ENABLED=0") // no C compiler is needed
	})
	if err == nil || ctx.Err() != nil {
		return path, err
	}
	if path, found := findProgram(chdbName + "server"); found {
		return path, nil
	}
	if errors.As(err, new(*CacheError)) {
		return "", err
	}
	missing := "chdbserver, and it can't be built: " + err.Error()
	if errors.Is(err, errNoGo) {
		missing = "chdbserver and no Go to build it"
	}
	return "", &MissingError{
		chdbName, missing,
		"put Go on PATH (the first build needs a network), or a chdbserver that was built from a checkout of " +
			"chferry with Go, or " + chdbRemedy,
	}
}
