package starter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/starter"
)

// TestSecretsInTheWrongPlace: what of the environment or a profile can't be read is named without its value.
func TestSecretsInTheWrongPlace(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	pem := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(secret, 50) + "\n-----END PRIVATE KEY-----\n"
	profile := func(text string) environment { return environment{"TEMPORAL_CONFIG_FILE": write(t, text)} }
	tests := map[string]struct {
		env  environment
		want string
	}{
		"not quoted": {
			profile("[profile.default]\napi_key = " + secret + "\n"),
			"line 2 of the file of profiles",
		},
		"not closed": {
			profile("[profile.default]\napi_key = \"" + secret + "\n"),
			"line 2 of the file of profiles",
		},
		"bad escape": {
			profile("[profile.default]\napi_key = \"\\q" + secret + "\"\n"),
			"line 2 of the file of profiles",
		},
		"no key":           {profile(secret + "\n"), "of the file of profiles"},
		"key and no value": {profile("[profile.default]\n" + secret + " =\n"), "of the file of profiles"},
		"twice": {
			profile("[profile.default]\n" + secret + " = 1\n" + secret + " = 2\n"),
			"line 3 of the file of profiles",
		},
		"number": {
			profile("[profile.default]\napi_key = 12" + secret + "\n"),
			"line 2 of the file of profiles",
		},
		"wrong type": {profile("[profile.default]\naddress = [\"" + secret + "\"]\n"), "the file of profiles"},
		"profile": {
			environment{"TEMPORAL_CONFIG_FILE": write(t, ""), "TEMPORAL_PROFILE": secret},
			"TEMPORAL_PROFILE",
		},
		"file": {environment{"TEMPORAL_CONFIG_FILE": pem}, "TEMPORAL_CONFIG_FILE"},
		"key as a path": {overTLS(environment{
			"TEMPORAL_TLS_CLIENT_CERT_PATH": write(t, pem),
			"TEMPORAL_TLS_CLIENT_KEY_PATH":  pem,
		}), "TEMPORAL_TLS_"},
		"short path": {overTLS(environment{"TEMPORAL_TLS_SERVER_CA_CERT_PATH": secret}), "no such file"},
		"certificate": {overTLS(environment{
			"TEMPORAL_TLS_CLIENT_CERT_DATA": secret,
			"TEMPORAL_TLS_CLIENT_KEY_DATA":  pem,
		}), "TEMPORAL_*"},
		"authority": {overTLS(environment{"TEMPORAL_TLS_SERVER_CA_CERT_DATA": pem}), "CA"},
		"address": {
			environment{"TEMPORAL_ADDRESS": "app:" + secret + "@127.0.0.1:7233"},
			"TEMPORAL_ADDRESS must look like host:port",
		},
		"URL": {
			environment{"TEMPORAL_ADDRESS": "https://app:" + secret + "@127.0.0.1:7233"},
			"TEMPORAL_ADDRESS must look like host:port",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.env["TEMPORAL_CONFIG_FILE"] == "" {
				test.env["TEMPORAL_CONFIG_FILE"] = filepath.Join(t.TempDir(), "none.toml")
			}
			s, err := starter.New(starter.Options{Environment: test.env})
			if err == nil {
				s.Close()
			}
			wantError(t, err, chferry.CodeConfiguration, test.want)
			_, named := starter.Namespace(starter.Options{Environment: test.env})
			wantError(t, named, chferry.CodeConfiguration, test.want)
			for _, err := range []error{err, named} {
				if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "BEGIN")) {
					t.Errorf("the error %q shows a secret", err)
				}
			}
		})
	}
}

func overTLS(env environment) environment {
	env["TEMPORAL_TLS"] = "true"
	return env
}

// write returns the path of a file with a text.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
