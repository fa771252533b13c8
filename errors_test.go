package chferry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/chferry/chferry"
)

// TestPasses: what may pass is retried within a run, the rest fails it at once.
func TestPasses(t *testing.T) {
	t.Parallel()
	for code, want := range map[chferry.Code]bool{
		chferry.CodeUnknown: true, chferry.CodeUnavailable: true, chferry.CodeClaimed: true,
		chferry.CodeInvalid: false, chferry.CodeUnknownKey: false, chferry.CodeConfiguration: false,
		chferry.CodeSchemaMismatch: false,
		chferry.CodeSourceChanged:  false, chferry.CodeRefused: false, chferry.CodeAccessDenied: false,
		chferry.CodeSuperseded: false,
		chferry.CodeQueueFull:  false, chferry.CodeTooLarge: false,
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

// TestProblems takes joins apart wherever they stand in a chain, but not behind an Error, whose
// cause must not be shown.
func TestProblems(t *testing.T) {
	t.Parallel()
	a, b, c := errors.New("a"), chferry.Errorf(chferry.CodeInvalid, "b"), errors.New("c")
	hidden := chferry.WrapError(chferry.CodeInvalid, errors.Join(a, c), "hidden")
	wrapped, alone := fmt.Errorf("wrapped: %w", a), fmt.Errorf("alone: %w", errors.Join(errors.Join(a, b), nil, c))
	for name, test := range map[string]struct {
		err  error
		want []error
	}{
		"none":           {nil, nil},
		"one":            {a, []error{a}},
		"wrapped":        {wrapped, []error{wrapped}},
		"joined":         {errors.Join(a, b), []error{a, b}},
		"joins":          {errors.Join(errors.Join(a, nil, b), c), []error{a, b, c}},
		"wrapped joins":  {alone, []error{a, b, c}},
		"deeper":         {errors.Join(fmt.Errorf("x: %w", alone), hidden), []error{a, b, c, hidden}},
		"behind Error":   {hidden, []error{hidden}},
		"wrapped Error":  {fmt.Errorf("x: %w", hidden), []error{fmt.Errorf("x: %w", hidden)}},
		"joined wrapped": {errors.Join(b, wrapped), []error{b, wrapped}},
	} {
		same := func(x, y error) bool { return x.Error() == y.Error() }
		if got := chferry.Problems(test.err); !slices.EqualFunc(got, test.want, same) {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
