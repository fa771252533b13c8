package starter

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	tlog "go.temporal.io/sdk/log"

	"github.com/chferry/chferry"
)

// noEnvironment is an environment without variables.
type noEnvironment struct{}

// Environ returns nothing.
func (noEnvironment) Environ() []string { return nil }

// LookupEnv finds nothing.
func (noEnvironment) LookupEnv(string) (string, bool) { return "", false }

// Namespace returns the namespace that a starter with these options speaks to.
func Namespace(opts Options) (string, error) {
	options, err := clientOptions(opts)
	return options.Namespace, err
}

// clientOptions are those of Temporal's client: the environment's, then a profile's, then the given ones. Errors have
// CodeConfiguration and show nothing of a variable or a file that may be a secret in the wrong place.
func clientOptions(opts Options) (client.Options, error) {
	request := envconfig.LoadClientConfigProfileOptions{EnvLookup: opts.Environment}
	if opts.Environment == nil {
		request.EnvLookup, request.DisableFile = noEnvironment{}, true // the user's profiles are environment too
	}
	profile, err := envconfig.LoadClientConfigProfile(request)
	if err != nil {
		return client.Options{},
			chferry.WrapError(chferry.CodeConfiguration, err, "the TEMPORAL_* environment or profile can't be read: %s",
				profileFault(err))
	}
	options, err := profile.ToClientOptions(envconfig.ToClientOptionsRequest{})
	if err != nil {
		return client.Options{},
			chferry.WrapError(chferry.CodeConfiguration, err, "the TEMPORAL_* environment or profile can't be used: %s",
				tlsFault(err))
	}
	options.HostPort = firstOf(options.HostPort, opts.Address, client.DefaultHostPort)
	options.Namespace = firstOf(options.Namespace, opts.Namespace, client.DefaultNamespace)
	if strings.ContainsAny(options.HostPort, "@ \t\r\n") {
		return client.Options{}, chferry.Errorf(chferry.CodeConfiguration,
			"TEMPORAL_ADDRESS must look like host:port, without a user or password: Temporal takes an API key or a "+
				"certificate")
	}
	options.MetricsHandler = opts.Metrics
	// A connection that falls silent is found out within keepAliveTime and keepAliveTimeout, or
	// within the latter if something was sent.
	options.ConnectionOptions.KeepAliveTime = keepAliveTime
	options.ConnectionOptions.KeepAliveTimeout = keepAliveTimeout
	// An idle tick is most of what is said, and so small that packing it costs both sides more than
	// sending it: a tenth of the worker.
	options.ConnectionOptions.GrpcCompression = &client.GrpcCompressionNone{}
	log := opts.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	options.Logger = tlog.NewStructuredLogger(log)
	return options, nil
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// tomlLine finds the line in an error of the TOML parser, the rest of which may quote the file, and so an API key.
var tomlLine = regexp.MustCompile(`toml: line (\d+)`)

// profileFault says why the file of profiles can't be used.
func profileFault(err error) string {
	if fault, ok := fileFault(err); ok {
		return fault + ": mend TEMPORAL_CONFIG_FILE"
	}
	if line := tomlLine.FindStringSubmatch(err.Error()); line != nil {
		return fmt.Sprintf("line %s of the file of profiles is not the TOML that is expected there: mend it", line[1])
	}
	return "the file of profiles lacks the profile that TEMPORAL_PROFILE names, or has values of wrong types: mend them"
}

// tlsFault says why the settings of TLS can't be used. What crypto/tls says of certificates and
// keys holds nothing of them.
func tlsFault(err error) string {
	if fault, ok := fileFault(err); ok {
		return fault + ": mend TEMPORAL_TLS_…_PATH"
	}
	return err.Error()
}

// maxShownPath bounds the paths that errors show: a longer one may be the content of a file.
const maxShownPath = 200

// fileFault says which file can't be read and why, if that is the error. A path that may be no path is not shown: a
// variable that should name a file may hold a key.
func fileFault(err error) (fault string, ok bool) {
	var file *fs.PathError
	if !errors.As(err, &file) {
		return "", false
	}
	if !filepath.IsAbs(file.Path) || len(file.Path) > maxShownPath || strings.ContainsAny(file.Path, "\r\n") {
		return fmt.Sprintf("a file can't be read: %s", file.Err), true
	}
	return fmt.Sprintf("%s can't be read: %s", file.Path, file.Err), true
}
