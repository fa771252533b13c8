package starter_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
)

// environment is a program's environment.
type environment map[string]string

// Environ returns NAME=value for each variable.
func (e environment) Environ() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(e)) {
		out = append(out, name+"="+e[name])
	}
	return out
}

// LookupEnv returns a variable.
func (e environment) LookupEnv(name string) (string, bool) {
	value, ok := e[name]
	return value, ok
}

func connect(t *testing.T, opts starter.Options) *starter.Starter {
	t.Helper()
	s, err := starter.New(opts)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := open(t).Check(t.Context()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s := connect(t, starter.Options{})
	if got := s.TaskQueue(); got != "chferry" {
		t.Errorf("task queue: got %q, want chferry", got)
	}
}

func TestUnreachable(t *testing.T) {
	t.Parallel()
	address := closedPort(t)
	calls := map[string]func(*starter.Starter) error{
		"Check":   func(s *starter.Starter) error { return s.Check(t.Context()) },
		"Trigger": func(s *starter.Starter) error { return s.Trigger(t.Context(), "users") },
		"Nudge":   func(s *starter.Starter) error { return s.Nudge(t.Context(), "users") },
		"Pause":   func(s *starter.Starter) error { return s.Pause(t.Context(), "users", "") },
		"Describe": func(s *starter.Starter) error {
			_, err := s.Describe(t.Context(), "users")
			return err
		},
		"Apply": func(s *starter.Starter) error {
			_, err := s.Apply(t.Context(), []chferry.Import{users()}, starter.ApplyOptions{})
			return err
		},
		"EnsureSearchAttributes": func(s *starter.Starter) error {
			_, err := s.EnsureSearchAttributes(t.Context(), false)
			return err
		},
		"Sync": func(s *starter.Starter) error {
			_, err := s.Sync(t.Context(), "users", nil)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := connect(t, starter.Options{Address: address})
			began := time.Now()
			wantError(t, call(s), chferry.CodeUnavailable, "Temporal at "+address+" does not answer",
				"temporal.address")
			if took := time.Since(began); took > 6*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}

func TestUnknownNamespace(t *testing.T) {
	t.Parallel()
	address := testenv.Temporal(t)
	s := connect(t, starter.Options{Address: address, Namespace: "nowhere"})
	_, describeErr := s.Describe(t.Context(), "users")
	_, applyErr := s.Apply(t.Context(), []chferry.Import{users()}, starter.ApplyOptions{})
	_, attributesErr := s.EnsureSearchAttributes(t.Context(), false)
	for name, err := range map[string]error{
		"Check": s.Check(t.Context()), "Describe": describeErr, "Apply": applyErr,
		"EnsureSearchAttributes": attributesErr, "Trigger": s.Trigger(t.Context(), "users"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantError(t, err, chferry.CodeConfiguration, address, `no namespace "nowhere"`, "temporal.namespace")
		})
	}
}

// TestEnvironmentWins over what the configuration file says.
func TestEnvironmentWins(t *testing.T) {
	t.Parallel()
	good, closed := testenv.Temporal(t), closedPort(t)
	tests := map[string]struct {
		opts starter.Options
		env  environment
		code chferry.Code // "" if Check succeeds
		word string
	}{
		"address": {starter.Options{Address: closed}, environment{"TEMPORAL_ADDRESS": good}, "", ""},
		"wrong address": {
			starter.Options{Address: good}, environment{"TEMPORAL_ADDRESS": closed}, chferry.CodeUnavailable, closed,
		},
		"namespace": {
			starter.Options{Address: good, Namespace: "nowhere"}, environment{"TEMPORAL_NAMESPACE": "default"}, "", "",
		},
		"wrong namespace": {
			starter.Options{Address: good},
			environment{"TEMPORAL_NAMESPACE": "elsewhere"},
			chferry.CodeConfiguration,
			"elsewhere",
		},
		"TLS": {
			starter.Options{Address: good},
			environment{"TEMPORAL_TLS": "true"},
			chferry.CodeConfiguration,
			"TEMPORAL_TLS",
		},
		"no TLS":            {starter.Options{Address: good}, environment{"TEMPORAL_TLS": "false"}, "", ""},
		"empty environment": {starter.Options{Address: good}, environment{}, "", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// Nobody's own profiles.
			test.env["TEMPORAL_CONFIG_FILE"] = t.TempDir() + "/none.toml"
			test.opts.Environment = test.env
			err := connect(t, test.opts).Check(t.Context())
			if test.code != "" {
				wantError(t, err, test.code, test.word)
			} else if err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
}

func TestUnreadableEnvironment(t *testing.T) {
	t.Parallel()
	_, err := starter.New(starter.Options{Environment: environment{
		"TEMPORAL_TLS": "true", "TEMPORAL_TLS_CLIENT_CERT_PATH": "/nowhere/cert.pem",
		"TEMPORAL_TLS_CLIENT_KEY_PATH": "/nowhere/key.pem", "TEMPORAL_CONFIG_FILE": t.TempDir() + "/none.toml",
	}})
	wantError(t, err, chferry.CodeConfiguration, "TEMPORAL_*", "/nowhere/cert.pem")
}
