package storagetest

import (
	"fmt"
	"maps"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// model is what the contract says of one import key, in lists and maps. Its methods do what the
// storage's do, and return the answer that the storage must give: a value, or the code of an error.
type model struct {
	key        chferry.ImportKey
	registered []registered // in order, without what a flush dropped
	drained    []string     // what syncs have read and removed: the head of registered
	retries    int
	positions  []storage.Position // that were asked for since the last flush
	behind     []int              // of each, the operations registered up to it

	claimant string // "": nobody
	expired  bool   // the claimant's lease
	batch    chferry.Batch
	seen     []chferry.Batch // every batch there was, the newest last
	version  uint64
	ended    ending
	synced   bool

	attempt  int64                              // the newest at the batch; 0: none has noted anything
	aside    map[string]chferry.FailedOperation // by row
	failed   map[string]chferry.FailedOperation
	attempts map[string]int // of rows that are failed, or were and are registered again
	totals   chferry.Counts
	outcome  string

	replacement storage.Replacement
	replaced    map[string]bool // the IDs of all replacements there were
}

// registered is one operation. Those of one retry come in any order; other operations have retry 0.
type registered struct {
	op    chferry.Operation
	retry int
}

// ending is the last PostSync that removed a batch.
type ending struct {
	token, batch string
	remaining    int64
}

func newModel(key chferry.ImportKey, version uint64) *model {
	m := &model{key: key, version: version, replaced: map[string]bool{}}
	m.flush()
	return m
}

// GoString is what rapid prints of a model that was drawn.
func (m *model) GoString() string { return string(m.key) }

// text is all that makes an operation, to compare it by.
func text(op chferry.Operation) string { return string(op.Kind) + " " + row(op) }

func row(op chferry.Operation) string { return fmt.Sprintf("%s%q", op.Database, op.PrimaryKey) }

// kept are the operations that are pending or claimed.
func (m *model) kept() []registered { return m.registered[len(m.drained):] }

func (m *model) register(ops ...chferry.Operation) {
	for _, op := range ops {
		m.registered = append(m.registered, registered{op: op})
	}
}

func (m *model) preSync(opts storage.PreSyncOptions, young, closed bool) (storage.Start, chferry.Code) {
	other := m.claimant != "" && m.claimant != opts.Token
	if other && !m.expired && !closed {
		return storage.Start{}, chferry.CodeClaimed
	}
	m.synced = true
	start := storage.Start{Pending: int64(len(m.kept()))}
	if m.batch.Count == 0 && (young || start.Pending == 0) {
		m.claimant = ""
		return start, ""
	}
	if other {
		m.attempt = 0
	}
	m.claimant = opts.Token
	start.Claimed, start.TakenOver = true, other
	return start, ""
}

// getOperations returns a new batch without its ID and version, which only the storage knows.
func (m *model) getOperations(opts storage.GetOptions, young bool) (chferry.Batch, chferry.Code) {
	switch {
	case m.claimant != opts.Token:
		return chferry.Batch{}, chferry.CodeSuperseded
	case m.batch.Count > 0:
		return m.batch, ""
	case young || len(m.kept()) == 0:
		m.claimant = ""
		return chferry.Batch{}, ""
	}
	batch := chferry.Batch{Count: min(opts.Count, len(m.kept())), ChunkSize: opts.ChunkSize}
	if batch.ChunkSize == 0 {
		batch.ChunkSize = opts.Count
	}
	return batch, ""
}

func (m *model) claimed(batch chferry.Batch) {
	m.batch, m.version, m.attempt = batch, batch.Version, 0
	m.seen = append(m.seen, batch)
}

func (m *model) owns(token, batch string) bool {
	return m.claimant == token && m.batch.Count > 0 && m.batch.ID == batch
}

// read returns what the claimed batch holds. Operations of a retry are put into the order in which they came out.
func (m *model) read(got []string) []string {
	kept, want := m.kept(), make([]string, m.batch.Count)
	for i := range want {
		for j := i; i < len(got) && j < len(kept) && kept[i].retry != 0 && kept[j].retry == kept[i].retry; j++ {
			if text(kept[j].op) == got[i] {
				kept[i], kept[j] = kept[j], kept[i]
				break
			}
		}
		want[i] = text(kept[i].op)
	}
	return want
}

func (m *model) setAside(by storage.Attempt, failed []chferry.FailedOperation) chferry.Code {
	if !m.owns(by.Token, by.BatchID) || by.Number < m.attempt {
		return chferry.CodeSuperseded
	}
	if by.Number > m.attempt {
		m.attempt = by.Number
		clear(m.aside)
	}
	for _, f := range failed {
		if _, noted := m.aside[row(f.Operation)]; !noted {
			m.aside[row(f.Operation)] = f
		}
	}
	return ""
}

func (m *model) forgetImported(by storage.Attempt, imported string) chferry.Code {
	if len(m.failed) == 0 {
		return ""
	}
	if m.failed[imported].Attempts == 0 {
		return "" // nothing to ask for
	}
	if !m.owns(by.Token, by.BatchID) || by.Number < m.attempt {
		return chferry.CodeSuperseded
	}
	delete(m.failed, imported)
	delete(m.attempts, imported)
	return ""
}

// postSync removes read, the claimed batch's operations, if that is what opts ask for.
func (m *model) postSync(opts storage.PostSyncOptions, read []string) (storage.End, chferry.Code) {
	if m.ended.token == opts.Token && m.ended.batch == opts.BatchID {
		return storage.End{Remaining: m.ended.remaining, Repeated: true}, ""
	}
	if !m.owns(opts.Token, opts.BatchID) {
		return storage.End{}, chferry.CodeSuperseded
	}
	if opts.Replacement != m.replacement.ID {
		return storage.End{}, chferry.CodeReplaced
	}
	m.drained = append(m.drained, read...)
	m.totals.Add(opts.Counts)
	m.batch = chferry.Batch{}
	for row, f := range m.aside {
		m.attempts[row]++
		f.Attempts = m.attempts[row]
		m.failed[row] = f
	}
	clear(m.aside)
	end := storage.End{Remaining: int64(len(m.kept()))}
	m.ended = ending{opts.Token, opts.BatchID, end.Remaining}
	if end.Remaining == 0 {
		maps.DeleteFunc(m.attempts, func(row string, _ int) bool { return m.failed[row].Attempts == 0 })
	}
	if end.Remaining == 0 || opts.Last {
		m.claimant, m.outcome = "", "synced"
		if opts.Partial || opts.Counts.Failed > 0 {
			m.outcome = "partial"
		}
	}
	return end, ""
}

func (m *model) postSyncFailed(token string) chferry.Code {
	if m.claimant != "" && m.claimant != token {
		return chferry.CodeSuperseded
	}
	if m.claimant != "" {
		m.claimant, m.outcome = "", "failed"
	}
	return ""
}

func (m *model) retryFailed() int {
	m.retries++
	for _, f := range m.failed {
		m.registered = append(m.registered, registered{op: f.Operation, retry: m.retries})
	}
	defer clear(m.failed)
	return len(m.failed)
}

func (m *model) discardFailed() int {
	for row := range m.failed {
		delete(m.attempts, row)
	}
	defer clear(m.failed)
	return len(m.failed)
}

// flush forgets everything but the version, and the batches that an old claimant may still ask for.
func (m *model) flush() {
	*m = model{
		key: m.key, registered: m.registered[:len(m.drained)], drained: m.drained, retries: m.retries, seen: m.seen,
		version: m.version, aside: map[string]chferry.FailedOperation{}, failed: map[string]chferry.FailedOperation{},
		attempts: map[string]int{}, replaced: m.replaced,
	}
}

// status is what the storage must say, without the times.
func (m *model) status() chferry.Status {
	return chferry.Status{
		Pending: int64(len(m.kept()) - m.batch.Count), InFlight: int64(m.batch.Count), Failed: int64(len(m.failed)),
		Totals: m.totals, Version: m.version, LastOutcome: m.outcome,
	}
}
