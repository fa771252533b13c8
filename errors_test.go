package chferry_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/chferry/chferry"
)

// TestPasses: what may pass is retried within a run, the rest fails it at once.
func TestPasses(t *testing.T) {
	t.Parallel()
	for code, want := range map[chferry.Code]bool{
		chferry.CodeUnknown: true, chferry.CodeUnavailable: true, chferry.CodeClaimed: true,
		chferry.CodeInvalid: false, chferry.CodeUnknownKey: false, chferry.CodeConfiguration: false, chferry.CodeSchemaMismatch: false,
		chferry.CodeSourceChanged: false, chferry.CodeRefused: false, chferry.CodeAccessDenied: false, chferry.CodeSuperseded: false,
		chferry.CodeQueueFull: false, chferry.CodeTooLarge: false,
	} {
		if got := code.Passes(); got != want {
			t.Errorf("%s passes: got %t, want %t", code, got, want)
		}
	}
	outer := fmt.Errorf("sync: %w", chferry.WrapError(chferry.CodeUnavailable, errors.New("secret"), "away"))
	if got := chferry.CodeOf(outer); got != chferry.CodeUnavailable {
		t.Errorf("got %s, want %s", got, chferry.CodeUnavailable)
	}
	if got := chferry.CodeOf(errors.New("any")); got != chferry.CodeUnknown {
		t.Errorf("got %s, want %s", got, chferry.CodeUnknown)
	}
}
