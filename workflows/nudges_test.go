package workflows_test

import (
	"testing"

	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

// TestNudges: a claim covers the nudges before it. A later one makes the run continue as a new one,
// unless the run fails.
func TestNudges(t *testing.T) {
	t.Parallel()
	type place func(s *steps, nudge func())
	tests := map[string]struct {
		nudged place
		want   bool // to continue
	}{
		"never":       {func(*steps, func()) {}, false},
		"at insert":   {func(s *steps, nudge func()) { s.insert = func() error { nudge(); return nil } }, true},
		"at the end":  {func(s *steps, nudge func()) { s.postSync = func() error { nudge(); return nil } }, true},
		"before more": {func(s *steps, nudge func()) { s.pending = 15; s.insert = onceAt(nudge, nil) }, false},
		"at a failure": {func(s *steps, nudge func()) {
			s.insert = onceAt(nudge, permanent(chferry.CodeSchemaMismatch))
		}, false},
		"when superseded": {func(s *steps,
			nudge func(),
		) {
			s.insert = onceAt(nudge, permanent(chferry.CodeSuperseded))
		}, true},
		"while another holds the key": {func(s *steps,
			nudge func(),
		) {
			s.preSync = onceAt(nudge, permanent(chferry.CodeSuperseded))
		}, true},
		"when nothing is there": {
			func(s *steps, nudge func()) { s.pending = 0; s.preSync = onceAt(nudge, nil) },
			true,
		},
	}
	for name, test := range tests {
		for _, short := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := &steps{pending: 10, limits: activities.PreSyncResult{Short: short}}
				in := workflows.SyncInput{ImportKey: "k", Nudged: true}
				env := run(t, s, in, func(env *testsuite.TestWorkflowEnvironment) {
					test.nudged(s, func() { env.SignalWorkflow(workflows.NudgeSignal, nil) })
				})
				if got := workflow.IsContinueAsNewError(env.GetWorkflowError()); got != test.want {
					t.Errorf("the run continued: %t, want %t (%v)", got, test.want, env.GetWorkflowError())
				}
			})
		}
	}
}

// onceAt returns a step that nudges when it is made first, and ends with err.
func onceAt(nudge func(), err error) func() error {
	done := false
	return func() error {
		if !done {
			done = true
			nudge()
		}
		return err
	}
}
