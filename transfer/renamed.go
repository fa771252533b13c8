package transfer

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

// askUnfilledEvery is how long an answer about unfilled columns is taken for true while the
// source's columns stay the same. To ask the sink costs a round trip, also where it remembers the
// table: it looks whether the table is still the same.
const askUnfilledEvery = time.Minute

// absentColumns says, a sentence each, which columns of the source the destination's table does not
// have. One of them may be the new name of an unfilled column, of which [UnfilledColumns] says the
// same.
func absentColumns(absent, unfilled []string, table string) []string {
	sentences := make([]string, len(absent))
	for i, column := range absent {
		advice := ""
		if len(unfilled) > 0 {
			advice = fmt.Sprintf("if it is the new name of %s there, configure columns.rename, else ",
				strings.Join(unfilled, " or "))
		}
		sentences[i] = fmt.Sprintf("column %q is not in ClickHouse's table %s: %schferry apply adds it",
			column, table, advice)
	}
	return sentences
}

// UnfilledColumns says, a sentence each, which columns of the destination's table get nothing from
// the source. One of them may have been renamed to one of the absent columns, which the table does
// not have.
func UnfilledColumns(unfilled, absent []string, table string) []string {
	sentences := make([]string, len(unfilled))
	for i, column := range unfilled {
		sentences[i] = fmt.Sprintf(
			"column %q of ClickHouse's table %s is not in the source: rows that are synced get its default",
			column, table)
		if len(absent) > 0 {
			sentences[i] += fmt.Sprintf(
				"; if it was renamed to %s, configure columns.rename: {%s: %s} and register every row again",
				strings.Join(absent, " or "), absent[0], column)
		}
	}
	return sentences
}

// unfilledColumns are the latest answers about unfilled columns.
type unfilledColumns struct {
	mu      sync.Mutex
	answers map[chferry.ImportKey]unfilledAnswer
}

type unfilledAnswer struct {
	of      sink.Destination
	at      time.Time
	columns []string
}

func (u *unfilledColumns) get(key chferry.ImportKey, d sink.Destination) (columns []string, ok bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	answer := u.answers[key]
	return answer.columns, time.Since(answer.at) < askUnfilledEvery && reflect.DeepEqual(answer.of, d)
}

func (u *unfilledColumns) put(key chferry.ImportKey, d sink.Destination, columns []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.answers == nil {
		u.answers = map[chferry.ImportKey]unfilledAnswer{}
	}
	d.Columns = slices.Clone(d.Columns)
	u.answers[key] = unfilledAnswer{d, time.Now(), columns}
}

// unfilledOf returns the columns that rows of an import leave at their defaults, as they were at most a minute ago.
func (p *Pipeline) unfilledOf(ctx context.Context, key chferry.ImportKey, d sink.Destination) ([]string, error) {
	if columns, ok := p.unfilled.get(key, d); ok {
		return columns, nil
	}
	columns, err := p.Sink.Unfilled(ctx, d)
	if err != nil {
		return nil, err
	}
	p.unfilled.put(key, d, columns)
	return columns, nil
}
