package activities_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/storage"
)

func TestMain(m *testing.M) { testenv.Main(m) }

// broken is a storage whose every call gives an error. What it does not have is not called.
type broken struct {
	activities.Storage
	err error
}

func (b broken) PreSync(context.Context, chferry.ImportKey, storage.PreSyncOptions) (storage.Start, error) {
	return storage.Start{}, b.err
}

// NoteFailure is worth no failure of its own.
func (b broken) NoteFailure(context.Context, chferry.ImportKey, string, string, chferry.Code, string) error {
	return b.err
}

func (b broken) PostSync(context.Context, chferry.ImportKey, storage.PostSyncOptions) (storage.End, error) {
	return storage.End{}, b.err
}

// deaf is an observer that counts nothing.
type deaf struct{}

func (deaf) Step(chferry.ImportKey, string, float64)            {}
func (deaf) StepFailed(chferry.ImportKey, string, chferry.Code) {}
func (deaf) BatchEnded(chferry.ImportKey, chferry.Counts)       {}
func (deaf) SyncEnded(chferry.ImportKey, string)                {}
func (deaf) RowsCopied(chferry.ImportKey, int64)                {}
func (deaf) RowsVerified(chferry.ImportKey, int64)              {}
func (deaf) TakenOver(chferry.ImportKey)                        {}

func passing() error { return chferry.Errorf(chferry.CodeUnavailable, "redis is away") }

func unknownKey() error { return chferry.Errorf(chferry.CodeUnknownKey, "restart the workers") }

// failing are activities whose storage gives err.
func failing(err error, l chferry.Limits) *activities.Activities {
	return &activities.Activities{
		Storage: broken{err: err}, Imports: chferry.ImportList{{Key: "k", Limits: l}},
		Observer: deaf{}, Log: slog.New(slog.DiscardHandler),
	}
}

// TestFailures: what Temporal is told of a failed attempt, by the error and by what the attempts
// before it left in their heartbeats.
func TestFailures(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		err    error
		limits chferry.Limits
		failed time.Duration // how long ago the first failure was; 0: this is the first
		stops  bool          // the worker is stopping
		want   chferry.Code
		final  bool
		text   string
	}{
		"first failure": {passing(), chferry.Limits{}, 0, false, chferry.CodeUnavailable, false, "redis is away"},
		"goes on": {
			passing(), chferry.Limits{}, 9 * time.Minute, false, chferry.CodeUnavailable, false, "redis is away",
		},
		"goes on too long": {
			passing(),
			chferry.Limits{},
			11 * time.Minute, false, chferry.CodeUnavailable, true,
			"redis is away (it went on failing for 11m",
		},
		"retry_for is less": {
			passing(),
			chferry.Limits{RetryFor: time.Minute},
			2 * time.Minute, false, chferry.CodeUnavailable, true,
			"failing for 2m",
		},
		"retry_for is more": {
			passing(),
			chferry.Limits{RetryFor: time.Hour},
			11 * time.Minute, false, chferry.CodeUnavailable, false,
			"away",
		},
		"unclassified": {
			errors.New("secret"),
			chferry.Limits{},
			0, false, chferry.CodeUnknown, false,
			"unexpected error of type *errors.errorString",
		},
		"worker stops": {
			passing(), chferry.Limits{}, 11 * time.Minute, true, chferry.CodeUnavailable, false, "redis is away",
		},
		"joined": {
			fmt.Errorf("plan: %w",
				errors.Join(passing(), errors.New("secret"), chferry.Errorf(chferry.CodeSchemaMismatch, "column a"))),
			chferry.Limits{},
			0, false, chferry.CodeSchemaMismatch, true, "redis is away; column a",
		},
		"unknown key": {
			unknownKey(), chferry.Limits{}, 4 * time.Minute, false, chferry.CodeUnknownKey, false, "restart",
		},
		"unknown key for long": {
			unknownKey(),
			chferry.Limits{},
			6 * time.Minute, false, chferry.CodeUnknownKey, true,
			"for 6m, longer than restarting the workers may take)",
		},
		"permanent": {
			chferry.Errorf(chferry.CodeAccessDenied, "no password"),
			chferry.Limits{},
			0, false,
			chferry.CodeAccessDenied, true, "no password",
		},
		"permanent at stop": {
			chferry.Errorf(chferry.CodeAccessDenied, "no password"),
			chferry.Limits{},
			0, true,
			chferry.CodeAccessDenied, true, "no password",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, beats := environment(t, test.stops)
			if test.failed > 0 {
				env.SetHeartbeatDetails(activities.Heartbeat{FailingSince: time.Now().Add(-test.failed)})
			}
			a := failing(test.err, test.limits)
			env.RegisterActivityWithOptions(a.PostSync, activity.RegisterOptions{Name: "PostSync"})
			_, err := env.ExecuteActivity("PostSync", activities.PostSyncInput{ImportKey: "k"})
			wantFailure(t, err, test.want, test.final, test.text)
			var app *temporal.ApplicationError
			if errors.As(err, &app) &&
				(app.NextRetryDelay() > 0 && app.NextRetryDelay() < time.Second) != (test.stops && !test.final) {
				t.Errorf("the next attempt begins after %s", app.NextRetryDelay())
			}
			if counted := !test.final && !test.stops || test.failed > 0 && !test.stops; (len(*beats) > 0) != counted {
				t.Errorf("%d heartbeats tell the next attempt when the failures began", len(*beats))
			} else if counted && time.Since((*beats)[0]).Round(time.Minute) != test.failed {
				t.Errorf("the next attempt is told that the failures began %s ago, want %s",
					time.Since((*beats)[0]), test.failed)
			}
		})
	}
}

// environment notes the times that heartbeats pass on.
func environment(t *testing.T, stops bool) (*testsuite.TestActivityEnvironment, *[]time.Time) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetTestTimeout(10 * time.Second)
	stop := make(chan struct{})
	if stops {
		close(stop)
	}
	env.SetWorkerStopChannel(stop)
	env.SetWorkerOptions(worker.Options{})
	var beats []time.Time
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) {
		var h activities.Heartbeat
		if err := details.Get(&h); err != nil {
			t.Errorf("a heartbeat can't be read: %v", err)
		}
		beats = append(beats, h.FailingSince)
	})
	return env, &beats
}

func wantFailure(t *testing.T, err error, want chferry.Code, final bool, text string) {
	t.Helper()
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		t.Fatalf("got %v, want an application error", err)
	}
	if app.Type() != string(want) || app.NonRetryable() != final || !strings.Contains(app.Message(), text) {
		t.Errorf("got %s %q, final %t; want %s %q, final %t",
			app.Type(), app.Message(), app.NonRetryable(), want, text, final)
	}
	if strings.Contains(app.Error(), "secret") {
		t.Errorf("the error holds the words of an unknown one: %v", app)
	}
}

// TestPreSyncFailures counts from the beginning of the run: a local activity's attempts have no heartbeats.
func TestPreSyncFailures(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		began time.Duration
		final bool
	}{
		"at once":  {0, false},
		"for long": {time.Minute, false},
		"too long": {3 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env, _ := environment(t, false)
			a := failing(passing(), chferry.Limits{RetryFor: 2 * time.Minute})
			_, err := env.ExecuteLocalActivity(a.PreSync,
				activities.PreSyncInput{ImportKey: "k", Began: time.Now().Add(-test.began)})
			wantFailure(t, err, chferry.CodeUnavailable, test.final, "redis is away")
		})
	}
}
