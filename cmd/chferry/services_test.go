package main_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestServicesStop: told to stop, by either signal, the services end with 0, soon.
func TestServicesStop(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.edit("\napi:", fmt.Sprintf("\nmetrics: {listen: %s}\napi:", freeAddress(t)))
	s.must("apply")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		api, worker := s.start("api"), s.start("worker")
		s.ready()
		s.eventually("the worker has started", 20*time.Second, func() error {
			if log := worker.log.String(); !strings.Contains(log, "serving metrics") ||
				!strings.Contains(log, "worker started") {
				return fmt.Errorf("its log is %s", log)
			}
			return nil
		})
		for name, p := range map[string]*process{"api": api, "worker": worker} {
			began := time.Now()
			p.stop(signal)
			if code, took := p.ProcessState.ExitCode(), time.Since(began); code != 0 || took > 5*time.Second {
				t.Errorf("%s: the %s ended with %d after %s", signal, name, code, took)
			}
			if log := p.log.String(); !strings.Contains(log, name+" stopped") || strings.Contains(log, "chferry: ") {
				t.Errorf("%s: the log of the %s is %s", signal, name, log)
			}
		}
	}
	if status, text := s.request(http.MethodGet, "/healthz", ""); status != 0 {
		t.Errorf("the API still answers: %d %s", status, text)
	}
}

// TestAddressInUse: a service whose address is taken says which. The API warns of a token that can be guessed.
func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	s.start("api")
	s.ready()
	s.edit(`["${CHFERRY_TOKEN}"]`, `["${CHFERRY_TOKEN}", abcdef]`)
	s.fails(2, []string{
		"can't listen on " + s.api, "choose another address",
		"token number 2 of api.tokens has fewer than 16 characters",
	}, "api")
	s.edit("\napi:", fmt.Sprintf("\nmetrics: {listen: %s}\napi:", s.api))
	s.fails(2, []string{"can't listen on " + s.api}, "worker")
}

// TestConfigFromEnvironment: CHFERRY_CONFIG names the file that a verb uses.
func TestConfigFromEnvironment(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	cmd := s.command("register", s.key, "update", "1")
	cmd.Dir = t.TempDir()
	cmd.Env = append(cmd.Env, "CHFERRY_CONFIG="+filepath.Join(s.dir, "chferry.yaml"))
	out, err := cmd.CombinedOutput()
	if err != nil || string(out) != "registered 1\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

// TestTemporalEnvironment: TEMPORAL_* wins over the file.
func TestTemporalEnvironment(t *testing.T) {
	t.Parallel()
	s := setup(t, oneImport)
	cmd := s.command("check")
	closed := freeAddress(t)
	cmd.Env = append(cmd.Env, "TEMPORAL_ADDRESS="+closed)
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "Temporal at "+closed+" does not answer") {
		t.Errorf("got %v, %s", err, out)
	}
}
