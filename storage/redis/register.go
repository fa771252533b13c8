package redis

import (
	"context"
	_ "embed"
	"errors"
	"slices"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

//go:embed register.lua
var registerLua string

var registerScript = redis.NewScript(registerLua)

// RegisterOperations implements storage.Registrar. However many operations there are, they are one entry of the stream, and calls that
// wait for Redis at the same time share one. An entry counts as one operation by XLEN; the state's field "surplus" holds
// what must be added to that.
func (s *Storage) RegisterOperations(ctx context.Context, key chferry.ImportKey, ops ...chferry.Operation) (int, error) {
	if err := key.Validate(); err != nil {
		return 0, err
	}
	if err := chferry.ValidateOperations(ops); err != nil {
		return 0, err
	}
	if len(ops) == 0 {
		return 0, nil
	}
	if err := s.group(key).register(ctx, &registration{key: key, ops: ops}); err != nil {
		return 0, s.translate(err, "register operations")
	}
	return len(ops), nil
}

// group returns the group that registers for key. One server takes the registrations of all import keys together; in a
// cluster each key may be on another server, which must not hold up the rest.
func (s *Storage) group(key chferry.ImportKey) *group {
	if _, cluster := s.client.(*redis.ClusterClient); !cluster {
		return s.registrations
	}
	g, ok := s.groups.Load(key)
	if !ok {
		g, _ = s.groups.LoadOrStore(key, &group{send: s.send})
	}
	return g.(*group)
}

// entryOf is registrations for one import key that become one entry.
type entryOf struct {
	key           chferry.ImportKey
	registrations []*registration
	ops           []chferry.Operation
	reply         redis.Cmder
}

// send registers calls together, one entry for each of their import keys, and answers all of them.
func (s *Storage) send(ctx context.Context, together []*registration) {
	node, err := s.node(ctx, together[0].key)
	if err != nil {
		answer(together, err)
		return
	}
	unknown := s.sendTo(ctx, node, together)
	if len(unknown) == 0 {
		return
	}
	if err := registerScript.Load(ctx, node).Err(); err != nil {
		answer(unknown, err)
		return
	}
	answer(s.sendTo(ctx, node, unknown), errors.New("NOSCRIPT though it was loaded"))
}

// node is what registrations of key are sent to. In a cluster a command that waits for an earlier one must go to the same
// server; anything else is the cluster's to send where the key is.
func (s *Storage) node(ctx context.Context, key chferry.ImportKey) (redis.UniversalClient, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok || !s.opts.Durability.waits() {
		return s.client, nil
	}
	return cluster.MasterForKey(ctx, s.keys(key).queue)
}

// sendTo returns the registrations that were not tried because node does not know the script yet; all others are answered.
func (s *Storage) sendTo(ctx context.Context, node redis.UniversalClient, together []*registration) (unknown []*registration) {
	entries := merge(together)
	kept, failed := s.exchange(ctx, node, entries)
	for _, e := range entries {
		err := s.appended(e, failed)
		switch {
		case redis.HasErrorPrefix(err, "MOVED"):
			s.reload(ctx)
			answer(e.registrations, err)
		case redis.HasErrorPrefix(err, "NOSCRIPT"):
			unknown = append(unknown, e.registrations...)
		case chferry.CodeOf(err) == chferry.CodeQueueFull && len(e.registrations) > 1:
			// Some may fit alone.
			for i := range e.registrations {
				unknown = append(unknown, s.sendTo(ctx, node, e.registrations[i:i+1])...)
			}
		default:
			if err == nil {
				err = s.opts.Durability.kept(kept)
			}
			answer(e.registrations, err)
		}
	}
	return unknown
}

// exchange sends entries in one round trip and sets their replies. Its error is of those that got none: the client does not
// always say it in them.
func (s *Storage) exchange(ctx context.Context, node redis.UniversalClient, entries []*entryOf) (kept *redis.Cmd, failed error) {
	if len(entries) == 1 && !s.opts.Durability.waits() {
		entries[0].reply = s.append(ctx, node, entries[0])
		return nil, entries[0].reply.Err()
	}
	_, failed = node.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for _, e := range entries {
			e.reply = s.append(ctx, pipe, e)
		}
		kept = s.opts.Durability.wait(ctx, pipe)
		return nil
	})
	return kept, failed
}

// reload lets the client ask the cluster again where the keys are.
func (s *Storage) reload(ctx context.Context) {
	if cluster, ok := s.client.(*redis.ClusterClient); ok {
		cluster.ReloadState(ctx)
	}
}

func answer(together []*registration, err error) {
	for _, r := range together {
		r.done <- err
	}
}

// merge makes an entry for each import key, in order.
func merge(together []*registration) []*entryOf {
	var entries []*entryOf
	for _, r := range together {
		i := slices.IndexFunc(entries, func(e *entryOf) bool { return e.key == r.key })
		if i < 0 {
			entries = append(entries, &entryOf{key: r.key, registrations: []*registration{r}, ops: r.ops})
			continue
		}
		e := entries[i]
		if len(e.registrations) == 1 {
			e.ops = slices.Clone(e.ops) // the first caller's
		}
		e.registrations = append(e.registrations, r)
		e.ops = append(e.ops, r.ops...)
	}
	return entries
}

// append sends one entry. One operation is counted by the stream itself; more need a script, because a transaction would
// count them even where Redis refuses to append.
func (s *Storage) append(ctx context.Context, to redis.Cmdable, e *entryOf) redis.Cmder {
	k, limit := s.keys(e.key), s.maxPending(e.key)
	if len(e.ops) == 1 && limit == 0 {
		return to.XAdd(ctx, &redis.XAddArgs{Stream: k.queue, Values: []any{entryField, encode(nil, e.ops)}})
	}
	return registerScript.EvalSha(ctx, to, []string{k.state, k.queue}, encode(nil, e.ops), len(e.ops), limit)
}

// appended returns why the entry was not appended. Only a reply says that it was; failed is why there is none.
func (s *Storage) appended(e *entryOf, failed error) error {
	if err := e.reply.Err(); err != nil {
		return err
	}
	switch reply := e.reply.(type) {
	case *redis.StringCmd:
		if reply.Val() != "" {
			return nil
		}
	case *redis.Cmd:
		words, err := reply.Slice()
		switch {
		case err != nil:
		case words[0] == "registered":
			return nil
		case words[0] == "full":
			return chferry.Errorf(chferry.CodeQueueFull, "import key %s has %v operations pending and may have %d: "+
				"wait for syncs to drain it, or raise max_pending", e.key, words[1], s.maxPending(e.key))
		}
	}
	if failed == nil {
		failed = errors.New("there was no reply")
	}
	return failed
}

func (s *Storage) maxPending(key chferry.ImportKey) int64 {
	if s.opts.MaxPending == nil {
		return 0
	}
	return s.opts.MaxPending(key)
}
