package redis

import (
	"context"
	_ "embed"
	"errors"

	"github.com/redis/go-redis/v9"

	"github.com/chferry/chferry"
)

//go:embed register.lua
var registerLua string

var registerScript = redis.NewScript(registerLua)

// RegisterOperations implements storage.Registrar. However many operations there are, they are one
// entry of the stream, and calls that wait for Redis at the same time share one. An entry counts as
// one operation by XLEN; the state's field "surplus" holds what must be added to that.
func (s *Storage) RegisterOperations(ctx context.Context, key chferry.ImportKey,
	ops ...chferry.Operation,
) (int, error) {
	if err := key.Validate(); err != nil {
		return 0, err
	}
	if err := chferry.ValidateOperations(ops); err != nil {
		return 0, err
	}
	if len(ops) == 0 {
		return 0, nil
	}
	if err := s.claimOwnership(ctx, key); err != nil {
		return 0, err
	}
	// Encoded here: a caller that gives up may reuse ops while the registration is still on its way.
	r := &registration{key: key, value: encode(nil, ops), operations: len(ops)}
	if err := s.group(key).register(ctx, r); err != nil {
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

// entryOf is registrations for one import key that become one entry of its stream.
type entryOf struct {
	key           chferry.ImportKey
	registrations []*registration
	value         []byte
	operations    int
	reply         redis.Cmder
}

// send registers calls together, one entry for each import key, and answers every call.
func (s *Storage) send(ctx context.Context, registrations []*registration) {
	node, err := s.node(ctx, registrations[0].key)
	if err != nil {
		answer(registrations, err)
		return
	}
	refused := s.sendEntries(ctx, node, merge(registrations))
	// Where the calls for a key do not fit together, some may fit alone. They are asked for in one more round trip.
	if len(refused) > 0 {
		s.sendEntries(ctx, node, alone(refused))
	}
}

// node is the client that registrations of key are sent through. In a cluster a command that waits
// for an earlier one must go to the same server; for anything else the cluster's client finds the
// server of the key.
func (s *Storage) node(ctx context.Context, key chferry.ImportKey) (redis.UniversalClient, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok || !s.opts.Durability.waits() {
		return s.client, nil
	}
	return cluster.MasterForKey(ctx, s.keys(key).queue)
}

// sendEntries sends entries and answers their registrations, but for those of several calls that
// the queue is too full for, which it returns.
func (s *Storage) sendEntries(ctx context.Context, node redis.UniversalClient,
	entries []*entryOf,
) (refused []*registration) {
	kept, failed := s.exchange(ctx, node, entries)
	if unknown := scriptUnknown(entries); len(unknown) > 0 {
		// The other entries have their replies; those of a script that Redis does not know yet were not tried.
		if err := registerScript.Load(ctx, node).Err(); err != nil {
			failed = err
		} else {
			kept, failed = s.exchange(ctx, node, unknown)
		}
	}
	for _, e := range entries {
		err := s.appended(e, failed)
		if redis.HasErrorPrefix(err, "MOVED") {
			s.reload(ctx)
		}
		if chferry.CodeOf(err) == chferry.CodeQueueFull && len(e.registrations) > 1 {
			refused = append(refused, e.registrations...)
			continue
		}
		if err == nil {
			err = s.opts.Durability.kept(kept)
		}
		answer(e.registrations, err)
	}
	return refused
}

func scriptUnknown(entries []*entryOf) []*entryOf {
	var unknown []*entryOf
	for _, e := range entries {
		if redis.HasErrorPrefix(e.reply.Err(), "NOSCRIPT") {
			unknown = append(unknown, e)
		}
	}
	return unknown
}

// exchange sends entries in one round trip and sets their replies. failed is the error of entries
// that got no reply: the client does not always set the error of such a command.
func (s *Storage) exchange(ctx context.Context, node redis.UniversalClient,
	entries []*entryOf,
) (kept *redis.Cmd, failed error) {
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

func answer(registrations []*registration, err error) {
	for _, r := range registrations {
		r.done <- err
	}
}

// merge makes one entry for each import key, in the order of the calls. Values of entries can be joined: see [encode].
func merge(registrations []*registration) []*entryOf {
	var entries []*entryOf
	byKey := make(map[chferry.ImportKey]*entryOf, 1)
	for _, r := range registrations {
		e, ok := byKey[r.key]
		if !ok {
			e = &entryOf{key: r.key}
			byKey[r.key] = e
			entries = append(entries, e)
		}
		e.registrations = append(e.registrations, r)
		e.value = append(e.value, r.value...)
		e.operations += r.operations
	}
	return entries
}

// alone makes an entry of each registration.
func alone(registrations []*registration) []*entryOf {
	entries := make([]*entryOf, len(registrations))
	for i, r := range registrations {
		entries[i] = &entryOf{key: r.key, registrations: []*registration{r}, value: r.value, operations: r.operations}
	}
	return entries
}

// append sends one entry. One operation is counted by the stream itself; more need a script,
// because a transaction would count them even where Redis refuses to append.
func (s *Storage) append(ctx context.Context, to redis.Cmdable, e *entryOf) redis.Cmder {
	k, limit := s.keys(e.key), s.maxPending(e.key)
	if e.operations == 1 && limit == 0 {
		return to.XAdd(ctx, &redis.XAddArgs{Stream: k.queue, Values: []any{entryField, e.value}})
	}
	return registerScript.EvalSha(ctx, to, []string{k.state, k.queue}, e.value, e.operations, limit)
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
