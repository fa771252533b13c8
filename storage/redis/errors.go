package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

// reply is what can be done about an error reply of Redis.
type reply struct {
	code chferry.Code
	mend string
}

// replies are known by their first word.
var replies = map[string]reply{
	"OOM": {chferry.CodeUnavailable, "it is out of memory: raise maxmemory; syncs drain what is queued, and " +
		"failed operations go when they are retried or discarded"},
	"READONLY":    {chferry.CodeUnavailable, "it is a read-only replica: connect to the primary"},
	"LOADING":     {chferry.CodeUnavailable, "it is loading its data: wait"},
	"BUSY":        {chferry.CodeUnavailable, "it is busy with somebody's script: wait, or SCRIPT KILL"},
	"MASTERDOWN":  {chferry.CodeUnavailable, "it is a replica that lost its primary"},
	"CLUSTERDOWN": {chferry.CodeUnavailable, "the cluster does not serve all slots"},
	"ASK":         {chferry.CodeUnavailable, "the cluster is moving the slot: wait"},
	"TRYAGAIN":    {chferry.CodeUnavailable, "the cluster is moving the slot: wait"},
	"MOVED": {
		chferry.CodeUnavailable,
		"another node of the cluster has the slot: name several nodes, separated by commas, in redis.url, or wait",
	},
	"NOREPLICAS": {chferry.CodeUnavailable, "it lacks the replicas that min-replicas-to-write asks for"},
	"MISCONF":    {chferry.CodeUnavailable, "it can't save its data to disk and refuses writes: see its log"},
	"NOAUTH":     {chferry.CodeAccessDenied, "it asks for a password: set it in redis.url"},
	"WRONGPASS":  {chferry.CodeAccessDenied, "it refuses the user or password of redis.url"},
	"NOPERM": {
		chferry.CodeAccessDenied,
		"the user of redis.url lacks a right: it needs all commands on the keys it is to use",
	},
	"WRONGTYPE": {
		chferry.CodeConfiguration,
		"a key of chferry's holds something else: is the Redis shared with another application?",
	},
	"DENIED": {chferry.CodeAccessDenied, "it is in protected mode: set a password there and in redis.url"},
	"CROSSSLOT": {
		chferry.CodeConfiguration,
		"what stands before its cluster splits the keys of an import: connect to the cluster itself",
	},
}

// plainReplies begin with the word ERR and are known by the words that follow.
var plainReplies = map[string]reply{
	"max number of clients reached": {chferry.CodeUnavailable, "it has too many clients: raise its maxclients"},
	"invalid password":              {chferry.CodeAccessDenied, "it refuses the password of redis.url"},
	"AUTH": {
		chferry.CodeAccessDenied,
		"it has no password, and redis.url gives one: take it out there",
	},
	"DB index is out of range": {
		chferry.CodeConfiguration,
		"it has no database of that number: mend the end of redis.url",
	},
	"SELECT is not allowed in cluster": {
		chferry.CodeConfiguration,
		"a cluster has the database 0 alone: mend the end of redis.url",
	},
	"unknown command": {
		chferry.CodeConfiguration,
		"it lacks a command that chferry needs: it must be Redis 6.2 or newer, and no Sentinel",
	},
	"This instance has cluster support ": {
		chferry.CodeConfiguration,
		"it is no cluster, and redis.url names several hosts: name one",
	},
}

func known(message string) (reply, bool) {
	word, rest, _ := strings.Cut(message, " ")
	if r, ok := replies[word]; ok || word != "ERR" {
		return r, ok
	}
	for words, r := range plainReplies {
		if strings.HasPrefix(rest, words) {
			return r, true
		}
	}
	return reply{}, false
}

// translate makes err safe to show. Replies of Redis hold no operations, but the words after the first may hold a key.
func (s *Storage) translate(err error, doing string) error {
	var ours *chferry.Error
	if errors.As(err, &ours) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return chferry.WrapError(chferry.CodeUnavailable, err, "%s: cancelled", doing)
	}
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return chferry.WrapError(chferry.CodeConfiguration, err,
			"%s: the certificate of Redis at %s is not trusted: it must be signed by an authority that this machine "+
				"knows, for the host that redis.url names", doing, s.addr)
	}
	var refused redis.Error
	if !errors.As(err, &refused) {
		return chferry.WrapError(chferry.CodeUnavailable, err,
			"%s: Redis at %s does not answer (%s): start it or mend redis.url", doing, s.addr, reason(err))
	}
	if r, ok := known(refused.Error()); ok {
		return chferry.WrapError(r.code, err, "%s: Redis at %s: %s", doing, s.addr, r.mend)
	}
	word, _, _ := strings.Cut(refused.Error(), " ")
	return chferry.WrapError(chferry.CodeUnknown, err, "%s: Redis at %s answers with the error %s", doing, s.addr, word)
}

// reason says in a few words why a server does not answer.
func reason(err error) string {
	text := err.Error()
	for _, known := range []string{
		"connection refused", "no such host", "connection reset", "broken pipe",
		"certificate", "EOF",
	} {
		if strings.Contains(text, known) {
			return known
		}
	}
	if errors.Is(err, context.DeadlineExceeded) || strings.Contains(text, "timeout") {
		return "time-out"
	}
	return "network error"
}

func superseded(key chferry.ImportKey) error {
	return chferry.Errorf(chferry.CodeSuperseded, "import key %s was taken over by another sync, or flushed", key)
}

func malformed(key chferry.ImportKey, what string) error {
	return chferry.Errorf(chferry.CodeUnknown, "import key %s: %s in Redis was not written by chferry", key, what)
}
