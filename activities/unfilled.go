package activities

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// askUnfilledEvery is how long an answer about unfilled columns is taken for true while the source's columns stay the same: a batch
// a second need not ask each time.
const askUnfilledEvery = time.Minute

// UnfilledColumns says, a sentence each, which columns of the destination's table get nothing from the source. One of them may have been
// renamed to one of the absent ones, which the table does not have.
func UnfilledColumns(unfilled, absent []string, table string) []string {
	sentences := make([]string, len(unfilled))
	for i, column := range unfilled {
		sentences[i] = fmt.Sprintf("column %q of ClickHouse's table %s is not in the source: rows that are synced get its default", column, table)
		if len(absent) > 0 {
			sentences[i] += fmt.Sprintf("; if it was renamed to %s, configure columns.rename: {%s: %s} and register every row again",
				strings.Join(absent, " or "), absent[0], column)
		}
	}
	return sentences
}

// schemas is what a worker knows of the columns of import keys.
type schemas struct {
	mu   sync.Mutex
	keys map[chferry.ImportKey]*knownSchema
}

type knownSchema struct {
	destination sink.Destination
	asked       time.Time
	unfilled    []string
	warned      []string // the sentences that were logged last
}

func (s *schemas) of(key chferry.ImportKey) *knownSchema {
	if s.keys == nil {
		s.keys = map[chferry.ImportKey]*knownSchema{}
	}
	if s.keys[key] == nil {
		s.keys[key] = &knownSchema{}
	}
	return s.keys[key]
}

// unfilled returns the columns that rows of an import leave at their defaults, as they were at most a minute ago.
func (a *Activities) unfilled(ctx context.Context, key chferry.ImportKey, d sink.Destination) ([]string, error) {
	a.schemas.mu.Lock()
	known := *a.schemas.of(key)
	a.schemas.mu.Unlock()
	if time.Since(known.asked) < askUnfilledEvery && reflect.DeepEqual(known.destination, d) {
		return known.unfilled, nil
	}
	columns, err := a.Sink.Unfilled(ctx, d)
	if err != nil {
		return nil, err
	}
	a.schemas.mu.Lock()
	defer a.schemas.mu.Unlock()
	k := a.schemas.of(key)
	d.Columns = slices.Clone(d.Columns)
	k.destination, k.asked, k.unfilled = d, time.Now(), columns
	return columns, nil
}

// warnOfSchema logs what differs between source and destination once for each change of it.
func (a *Activities) warnOfSchema(key chferry.ImportKey, sentences []string) {
	a.schemas.mu.Lock()
	known := a.schemas.of(key)
	changed := !slices.Equal(known.warned, sentences)
	known.warned = slices.Clone(sentences)
	a.schemas.mu.Unlock()
	if !changed {
		return
	}
	for _, sentence := range sentences {
		a.Log.Warn("source and destination differ", "import_key", key, "difference", sentence)
	}
}
