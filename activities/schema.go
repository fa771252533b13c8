package activities

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/transfer"
)

// noteSchema keeps what the plan says of the columns, or why there is no plan, for whoever asks for
// the import key's status. It returns the problem, if there was one.
func (a *Activities) noteSchema(ctx context.Context, key chferry.ImportKey, token string, plan transfer.Plan,
	problem error,
) error {
	if problem == nil {
		a.warnOfSchema(key, plan.Schema)
		return a.Storage.NoteSchema(ctx, key, token, plan.Schema)
	}
	if chferry.CodeOf(problem) == chferry.CodeSchemaMismatch {
		_, text := chferry.Safe(problem)
		return errors.Join(problem, a.Storage.NoteSchema(ctx, key, token, []string{text}))
	}
	return problem
}

// warned are the differences between source and destination that were logged last, by import key.
type warned struct {
	mu        sync.Mutex
	sentences map[chferry.ImportKey][]string
}

// changed keeps the sentences and reports whether they differ from those before.
func (w *warned) changed(key chferry.ImportKey, sentences []string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Equal(w.sentences[key], sentences) {
		return false
	}
	if w.sentences == nil {
		w.sentences = map[chferry.ImportKey][]string{}
	}
	w.sentences[key] = slices.Clone(sentences)
	return true
}

// warnOfSchema logs the differences between source and destination, once for each change of them.
func (a *Activities) warnOfSchema(key chferry.ImportKey, sentences []string) {
	if !a.warned.changed(key, sentences) {
		return
	}
	for _, sentence := range sentences {
		a.Log.Warn("source and destination differ", "import_key", key, "difference", sentence)
	}
}
