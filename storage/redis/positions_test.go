package redis_test

import (
	"testing"

	"github.com/chferry/chferry/storage"
)

// TestPositionInsideEntry: a batch ended inside an entry, and was not tidied away yet. The rest of
// the entry is still in the queue.
func TestPositionInsideEntry(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.register("1", "2", "3")
	entry := s.admin.XRange(t.Context(), "chferry:{users}:queue", "-", "+").Val()[0].ID
	s.ok(s.post("a", s.claim("a", 0)))
	s.ok(s.admin.HSet(t.Context(), "chferry:{users}:state", "ended_last", entry).Err())
	if passed, err := s.Passed(t.Context(), key, storage.Position(entry)); err != nil || passed[0] {
		t.Errorf("passed: %v, %v; want false", passed, err)
	}
}
