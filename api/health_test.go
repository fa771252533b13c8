package api_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/chferry/chferry/api"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { withBroken(errDown)(o); o.Tokens = []string{"secret"} })
	b.schedules.err = errDown
	if got := b.want(t, get("/healthz"), 200).Body.String(); got != "{\"status\":\"ok\"}\n" {
		t.Errorf("got %s", got)
	}
}

// away is what is told of a server that does not answer.
func away(server string) string {
	return `{"ok":false,"code":"Unavailable","detail":"` + server +
		` does not answer, or takes no requests just now: the API's log says more"}`
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		storage, temporal error
		status            int
		want              string
	}{
		"all well": {nil, nil, 200, `{"ready":true,"redis":{"ok":true},"temporal":{"ok":true}}`},
		"no Temporal": {
			nil, errDown, 200,
			`{"ready":true,"redis":{"ok":true},"temporal":` + away("Temporal") + `}`,
		},
		"no Redis": {
			errDown, nil, 503,
			`{"ready":false,"redis":` + away("Redis") + `,"temporal":{"ok":true}}`,
		},
		"unclear failure": {
			errors.New("hunter2"), errors.New("hunter2"), 503,
			`{"ready":false,` +
				`"redis":{"ok":false,"code":"Unknown","detail":"Redis can't be used: the API's log says more"},` +
				`"temporal":{"ok":false,"code":"Unknown","detail":"Temporal can't be used: the API's log says more"}}`,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *api.Options) {
				o.Tokens = []string{"secret"}
				if test.storage != nil {
					withBroken(test.storage)(o)
				}
			})
			b.schedules.err = test.temporal
			if got := strings.TrimSpace(b.want(t, get("/readyz"), test.status).Body.String()); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestReadinessInTime(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *api.Options) { o.Imports = nil })
	b.schedules.hangs = true
	start := time.Now()
	if got := b.want(t, get("/readyz"), 200).Body.String(); !strings.Contains(got,
		`"temporal":`+away("Temporal")) {
		t.Errorf("got %s", got)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
}
