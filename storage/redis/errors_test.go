package redis_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage/redis"
)

// reply is an error reply of Redis's, known to the client by this method.
type reply string

func (r reply) Error() string { return string(r) }
func (reply) RedisError()     {}

// TestReplies: what passes by itself is retried, what somebody has to mend is not, and all of them say what to do.
func TestReplies(t *testing.T) {
	t.Parallel()
	s, err := redis.Open("redis://127.0.0.1:1", redis.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	for _, test := range []struct {
		err  error
		want chferry.Code
		text string
	}{
		{reply("LOADING Redis is loading the dataset in memory"), chferry.CodeUnavailable, "loading"},
		{reply("OOM command not allowed"), chferry.CodeUnavailable, "maxmemory"},
		{
			reply("READONLY You can't write against a read only replica."), chferry.CodeUnavailable,
			"connect to the primary",
		},
		{reply("BUSY Redis is busy running a script"), chferry.CodeUnavailable, "SCRIPT KILL"},
		{reply("MASTERDOWN Link with MASTER is down"), chferry.CodeUnavailable, "lost its primary"},
		{reply("CLUSTERDOWN The cluster is down"), chferry.CodeUnavailable, "slots"},
		{reply("TRYAGAIN Multiple keys request during rehashing of slot"), chferry.CodeUnavailable, "wait"},
		{reply("NOREPLICAS Not enough good replicas to write."), chferry.CodeUnavailable, "min-replicas-to-write"},
		{reply("MISCONF Redis is configured to save RDB snapshots"), chferry.CodeUnavailable, "see its log"},
		{reply("ERR max number of clients reached"), chferry.CodeUnavailable, "maxclients"},
		{reply("NOAUTH Authentication required."), chferry.CodeAccessDenied, "set it in redis.url"},
		{reply("WRONGPASS invalid username-password pair"), chferry.CodeAccessDenied, "redis.url"},
		{reply("NOPERM this user has no permissions"), chferry.CodeAccessDenied, "lacks a right"},
		{reply("DENIED Redis is running in protected mode"), chferry.CodeAccessDenied, "protected mode"},
		{reply("ERR invalid password"), chferry.CodeAccessDenied, "redis.url"},
		{reply("ERR AUTH <password> called without any password configured"), chferry.CodeAccessDenied, "take it out"},
		{reply("WRONGTYPE Operation against a key"), chferry.CodeConfiguration, "shared with another application"},
		{reply("CROSSSLOT Keys in request don't hash to the same slot"), chferry.CodeConfiguration, "cluster"},
		{reply("ERR DB index is out of range"), chferry.CodeConfiguration, "mend the end of redis.url"},
		{reply("ERR SELECT is not allowed in cluster mode"), chferry.CodeConfiguration, "database 0"},
		{
			reply("ERR unknown command 'XAUTOCLAIM', with args beginning with: 'secret'"), chferry.CodeConfiguration,
			"6.2 or newer",
		},
		{reply("ERR This instance has cluster support disabled"), chferry.CodeConfiguration, "name one"},
		{reply("ERR secret"), chferry.CodeUnknown, "the error ERR"},
		{reply("NEWCODE secret"), chferry.CodeUnknown, "the error NEWCODE"},
		{io.EOF, chferry.CodeUnavailable, "does not answer (EOF)"},
		{context.DeadlineExceeded, chferry.CodeUnavailable, "time-out"},
		{errors.New("dial tcp: connection refused"), chferry.CodeUnavailable, "connection refused"},
	} {
		got := s.Translate(test.err)
		if chferry.CodeOf(got) != test.want || !strings.Contains(got.Error(), test.text) {
			t.Errorf("%q: got %s %v, want %s with %q", test.err, chferry.CodeOf(got), got, test.want, test.text)
		}
		if strings.Contains(got.Error(), "secret") {
			t.Errorf("the error holds Redis's words: %v", got)
		}
	}
}
