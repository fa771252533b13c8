package main_test

import (
	"bytes"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chferry/chferry/internal/testenv"
)

const loadedFirst = `
  - {key: NAME-users, table: public.users, destination: {table: users}, backfill: {on_create: true, parallel: 3}}
`

// copiedOnce waits until the first load has ended, and checks that apply starts no other one.
func (s *stack) copiedOnce(rows int64) {
	s.t.Helper()
	s.eventually("the first load ends", 40*time.Second, func() error {
		if got := s.backfillStatus(); got.State != "copied" || got.Rows != rows {
			return fmt.Errorf("the backfill is %+v", got)
		}
		return nil
	})
	s.wantSame(usersInSource, usersInTarget)
	if out := s.must("apply"); out != "nothing to change\n" {
		s.t.Errorf("apply after the first load says %q", out)
	}
}

// TestFirstLoad: apply starts a backfill for a table that it creates, once.
func TestFirstLoad(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t), loadedFirst)
	s.fill(500)
	id := strings.Replace(s.id(s.key), ":sync:", ":backfill:", 1)
	wantLines(t, s.must("check"), "      apply would start backfill "+id+"\n")
	wantLines(t, s.must("apply", "--dry-run"), "would start backfill "+id+": all rows of public.users; ")
	if got := s.backfillStatus(); got.State != "none" {
		t.Errorf("--dry-run started a backfill: %+v", got)
	}
	wantLines(t, s.must("apply"), "start backfill "+id+": all rows of public.users; chferry backfill "+s.key+
		" --status shows how far it is\n")
	if out := s.must("apply"); out != "nothing to change\n" { // it waits for a worker
		t.Errorf("the second apply says %q", out)
	}
	if out := s.must("check"); strings.Contains(out, "would start") {
		t.Errorf("check says %s", out)
	}
	s.start("worker")
	s.copiedOnce(500)
}

// TestFirstLoadKilled: an apply that dies once the table is created has lost no first load, whatever is synced before
// the next apply.
func TestFirstLoadKilled(t *testing.T) {
	t.Parallel()
	url := testenv.ModernClickHouse(t)
	p := testenv.NewProxy(t, url)
	s := setupOn(t, url, loadedFirst)
	s.fill(500)
	s.edit(url, p.URL)
	create := p.HoldAnswer(func(piece []byte) bool {
		return bytes.Contains(piece, []byte("CREATE TABLE IF NOT EXISTS"))
	})
	first := s.start("apply")
	create.Wait()
	s.eventually("the table is there", 20*time.Second, func() error {
		return s.target.Exec(t.Context(), "SELECT 1 FROM users LIMIT 1")
	})
	first.stop(syscall.SIGKILL)
	create.Release()
	s.edit(p.URL, url)
	s.edit("on_create: true, parallel: 3", "on_create: false") // an apply that loads nothing, and a row is synced
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "insert", "7")
	s.must("sync", s.key, "--wait")
	s.edit("on_create: false", "on_create: true")
	wantLines(t, s.must("check"), "      apply would start backfill ")
	wantLines(t, s.must("apply"), "start backfill ")
	s.copiedOnce(500)
}
