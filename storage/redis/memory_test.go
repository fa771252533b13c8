package redis_test

import (
	"slices"
	"testing"
)

// TestOldSchemaNote reads a note as builds without lists wrote it, a sentence a line.
func TestOldSchemaNote(t *testing.T) {
	t.Parallel()
	s := private(t)
	want := []string{`column "a" is new`, `column "b" is gone`}
	s.ok(s.admin.HSet(t.Context(), "chferry:{users}:state", "schema", want[0]+"\n"+want[1]).Err())
	statuses, err := s.Status(t.Context(), key)
	s.ok(err)
	if got := statuses[0].Schema; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
