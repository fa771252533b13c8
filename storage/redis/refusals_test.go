package redis_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// TestRefusals: an answer of Redis that is a refusal becomes an error that says what to do, and nothing is half registered.
func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		set  func(s *server) error
		code chferry.Code
		word string
	}{
		{"out of memory", func(s *server) error { return s.admin.ConfigSet(t.Context(), "maxmemory", "1").Err() }, chferry.CodeUnavailable, "maxmemory"},
		{"replica", func(s *server) error { return s.admin.ReplicaOf(t.Context(), "127.0.0.1", "1").Err() }, chferry.CodeUnavailable, "primary"},
		{"no replicas", func(s *server) error { return s.admin.ConfigSet(t.Context(), "min-replicas-to-write", "1").Err() }, chferry.CodeUnavailable, "min-replicas-to-write"},
		{"other type", func(s *server) error { return s.admin.Set(t.Context(), "chferry:{users}:queue", "x", 0).Err() }, chferry.CodeConfiguration, "shared"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := private(t)
			s.ok(c.set(s))
			for _, ops := range [][]chferry.Operation{update("1"), update("1", "2")} {
				_, err := s.RegisterOperations(t.Context(), key, ops...)
				wantCode(t, err, c.code, c.word, s.Addr)
			}
			if n := s.admin.HExists(t.Context(), "chferry:{users}:state", "surplus").Val(); n {
				t.Error("a refused registration left something behind")
			}
		})
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.admin.ConfigSet(t.Context(), "requirepass", "right").Err())
	_, err := s.RegisterOperations(t.Context(), key, update("1")...)
	wantCode(t, err, chferry.CodeAccessDenied, "password")
	wrong, err := redis.Open(strings.Replace(s.URL, "redis://", "redis://:wrong-secret@", 1), redis.Options{})
	s.ok(err)
	defer func() { _ = wrong.Close() }()
	err = wrong.Ping(t.Context())
	wantCode(t, err, chferry.CodeAccessDenied)
	if strings.Contains(err.Error(), "wrong-secret") {
		t.Errorf("the error holds the password: %v", err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s := private(t)
	s.ok(s.Check(t.Context()))
	s.ok(s.admin.ConfigSet(t.Context(), "maxmemory-policy", "allkeys-lru").Err())
	wantCode(t, s.Check(t.Context()), chferry.CodeConfiguration, "allkeys-lru", "noeviction")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	_, err := redis.Open("http://user:very-secret@127.0.0.1", redis.Options{})
	wantCode(t, err, chferry.CodeConfiguration, "redis://")
	if strings.Contains(err.Error(), "very-secret") {
		t.Errorf("the error holds the password: %v", err)
	}
}

func TestMaxPending(t *testing.T) {
	t.Parallel()
	s := open(t, redis.Options{MaxPending: func(k chferry.ImportKey) int64 {
		if k == key {
			return 5
		}
		return 0
	}})
	for _, n := range []int{1, 3} {
		if _, err := s.RegisterOperations(t.Context(), key, update(make([]string, n)...)...); chferry.CodeOf(err) != chferry.CodeInvalid {
			t.Fatalf("empty keys: %v", err)
		}
		if _, err := s.RegisterOperations(t.Context(), key, update([]string{"1", "2", "3"}[:n]...)...); err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.RegisterOperations(t.Context(), key, update("5", "6")...)
	wantCode(t, err, chferry.CodeQueueFull, "max_pending", "4 operations pending")
	if _, err := s.RegisterOperations(t.Context(), key, update("5")...); err != nil {
		t.Fatal(err)
	}
	_, err = s.RegisterOperations(t.Context(), key, update("6")...)
	wantCode(t, err, chferry.CodeQueueFull)
	if _, err := s.RegisterOperations(t.Context(), "other", update("1", "2", "3", "4", "5", "6")...); err != nil {
		t.Fatal(err)
	}
	if count, err := s.OperationsCount(t.Context(), key); err != nil || count != 5 {
		t.Errorf("%d operations are kept, %v; want 5", count, err)
	}
}
