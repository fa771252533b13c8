package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// In a bubble of package synctest a test sees when every stage waits for another one, and a goroutine that does not end
// fails it. Nothing in there may leave the process, so that storage, source and sink are made up.

// bubble is a batch of operations on the rows of a table with ids from 1.
type bubble struct {
	sizes    []int // of the words of the rows, by their ids less 1; negative: there is none
	maxFetch int   // as in source.Options
	chunk    int
	bad      []chferry.Operation // registered before the others

	// hold is called by what has a name before it does anything, at the same time by several.
	hold func(ctx context.Context, what string) error

	mu       sync.Mutex
	fetches  int
	held     int // bytes of the rows that were read and are not inserted
	most     int // of these, at any time when an insert began and all else waited
	blocks   []taken
	setAside []string
}

// taken is a block that the sink took.
type taken struct {
	token string
	ids   []int64
	bytes int
}

func (b *bubble) at(ctx context.Context, what string) error {
	if b.hold == nil {
		return nil
	}
	return b.hold(ctx, what)
}

// run syncs the batch.
func (b *bubble) run(ctx context.Context, t *testing.T) (chferry.Counts, error) {
	t.Helper()
	imp := chferry.Import{Key: "bubble", Databases: []string{"default"}, Table: "items", DestinationTable: "items"}
	sources := map[string]source.Source{"default": bubbleSource{b: b}}
	plan, err := transfer.MakePlan(ctx, imp, sources)
	if err != nil {
		t.Fatal(err)
	}
	p := &transfer.Pipeline{Storage: bubbleStorage{b: b}, Sources: source.Fixed(sources), Sink: &bubbleSink{b: b}}
	batch := chferry.Batch{Count: len(b.bad) + len(b.sizes), Version: 7, ChunkSize: b.chunk}
	done, err := p.Begin(imp.Key, batch, transfer.Options{MaxFailed: chferry.DefaultMaxFailed}).Run(ctx, plan)
	return done.Counts, err
}

type bubbleStorage struct {
	transfer.Storage
	b *bubble
}

func (s bubbleStorage) BatchOperations(ctx context.Context, _ chferry.ImportKey, _ string,
	_ chferry.Batch,
) iter.Seq2[[]chferry.Operation, error] {
	return func(yield func([]chferry.Operation, error) bool) {
		for page := range slices.Chunk(slices.Concat(s.b.bad, opsOf("", 1, len(s.b.sizes))), 3) {
			if err := s.b.at(ctx, "cut"); err != nil {
				yield(nil, err)
				return
			}
			if !yield(page, nil) {
				return
			}
		}
	}
}

func (s bubbleStorage) SetAside(ctx context.Context, _ chferry.ImportKey, _ storage.Attempt,
	failed []chferry.FailedOperation,
) error {
	for _, f := range failed {
		if err := s.b.at(ctx, "set aside "+f.Reason); err != nil {
			return err
		}
		s.b.mu.Lock()
		s.b.setAside = append(s.b.setAside, f.PrimaryKey[0])
		s.b.mu.Unlock()
	}
	return nil
}

func (bubbleStorage) ForgetImported(context.Context, chferry.ImportKey, storage.Attempt,
	func([]chferry.Operation) ([]bool, error),
) error {
	return nil
}

// zeros are words.
var zeros = make([]byte, 40*mb)

type bubbleSource struct {
	source.Source
	b *bubble
}

func (bubbleSource) Describe(context.Context, string, []string) (rowset.Table, error) {
	column := func(name string, k rowset.TypeKind) rowset.Column {
		return rowset.Column{Name: name, Destination: name, Type: rowset.Type{Kind: k}}
	}
	return rowset.Table{
		Name: "items", Columns: []rowset.Column{column("id", rowset.Int64), column("word", rowset.String)},
		PrimaryKey: []int{0},
	}, nil
}

func (s bubbleSource) Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error) {
	b := s.b
	if err := b.at(ctx, "fetch"); err != nil {
		return rowset.Rows{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fetches++
	rows := rowset.Rows{Block: rowset.NewBlock(table.Columns)}
	for key, id := range keys[0].Ints {
		size := b.sizes[id-1]
		if size < 0 {
			continue
		}
		rows.Key = append(rows.Key, key)
		rows.Vectors[0].AppendInt(id)
		rows.Vectors[1].AppendData(zeros[:size])
		if err := source.TooMuch(&rows, b.maxFetch); err != nil {
			return rowset.Rows{}, err
		}
	}
	b.held += rows.Bytes()
	return rows, nil
}

// rowBytes is what a row takes in memory beside its word: the id, and where the word ends.
const rowBytes = 16

type bubbleSink struct {
	keepingSink
	b *bubble
}

func (s *bubbleSink) Insert(ctx context.Context, _ sink.Destination, block rowset.Block,
	token string,
) ([]sink.Rejected, error) {
	b := s.b
	if err := b.at(ctx, "insert"); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.most = max(b.most, b.held)
	out := taken{token: token, bytes: block.Bytes()}
	for _, r := range rowsOf(block) {
		out.ids = append(out.ids, r.id)
		if !r.deleted {
			b.held -= r.size + rowBytes
		}
	}
	b.blocks = append(b.blocks, out)
	return nil, nil
}

// TestMemoryIsBounded syncs rows of a megabyte. While a block is inserted, the readers go on until
// they wait: what is in memory then is what the batch may take.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	for name, size := range map[string]func(id int) int{
		"all large":      func(int) int { return mb },
		"some are gone":  func(id int) int { return []int{mb, mb, -1, 2 * mb, -1}[id%5] },
		"large at last":  func(id int) int { return []int{100, mb}[id/60] },
		"large at first": func(id int) int { return []int{mb, 100}[id/60] },
		"huge in places": func(id int) int { return []int{40 * mb, 1000}[min(1, id%50)] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := &bubble{chunk: 40, maxFetch: source.DefaultFetchBytes}
				b.hold = func(_ context.Context, what string) error {
					if what == "insert" {
						time.Sleep(time.Second) // until all else waits
					}
					return nil
				}
				largest, rows := 0, int64(0)
				for id := range 120 {
					b.sizes = append(b.sizes, size(id))
					if largest = max(largest, size(id)); size(id) >= 0 {
						rows++
					}
				}
				outcome, err := b.run(t.Context(), t)
				if err != nil || outcome != (chferry.Counts{Operations: 120, Rows: rows, Deletes: 120 - rows}) {
					t.Fatalf("got %+v, %v", outcome, err)
				}
				b.wantBlocks(t, max(largest, source.DefaultFetchBytes))
			})
		})
	}
}

// wantBlocks wants each block to be of bounded size and to have exactly the rows that its token
// names, and every row to be in one.
func (b *bubble) wantBlocks(t *testing.T, maxFetch int) {
	t.Helper()
	const engine = 16 // bytes of a row that the engine adds
	bound := transfer.FullBlock + maxFetch + len(b.sizes)*(rowBytes+engine)
	arrived := map[int64]bool{}
	for _, block := range b.blocks {
		if block.bytes > bound {
			t.Errorf("block %s takes %d MB, more than %d", block.token, block.bytes/mb, bound/mb)
		}
		var version, first, last, begun, ended int
		if _, err := fmt.Sscanf(strings.ReplaceAll(block.token, "-", " "), "bubble/%d/%d %d/%d %d",
			&version, &first, &last, &begun, &ended); err != nil {
			begun, ended = 0, last-first
		}
		slices.Sort(block.ids)
		if want := idsFrom(int64(first+begun+1), int64(first+ended)); version != 7 || !slices.Equal(block.ids, want) {
			t.Errorf("block %s has the rows %v, want %v", block.token, block.ids, want)
		}
		for _, id := range block.ids {
			if arrived[id] {
				t.Errorf("row %d arrived twice", id)
			}
			arrived[id] = true
		}
	}
	if len(arrived) != len(b.sizes) {
		t.Errorf("%d rows arrived, want %d", len(arrived), len(b.sizes))
	}
	// Each reader has a block and waits with it, and so many blocks are inserted.
	if most := (transfer.Readers + transfer.Inserters) * bound; b.most > most {
		t.Errorf("%d MB were in memory at a time, more than %d", b.most/mb, most/mb)
	}
}

// TestAtTheSameTime holds all reads, or all inserts, until nothing else can go on.
func TestAtTheSameTime(t *testing.T) {
	t.Parallel()
	for held, want := range map[string]int{"fetch": transfer.Readers, "insert": transfer.Inserters} {
		synctest.Test(t, func(t *testing.T) {
			free, n := make(chan struct{}), 0
			b := &bubble{chunk: 3, maxFetch: mb, sizes: make([]int, 30)}
			b.hold = func(_ context.Context, what string) error {
				if what == held {
					b.mu.Lock()
					n++
					b.mu.Unlock()
					<-free
				}
				return nil
			}
			go func() {
				synctest.Wait()
				if n != want {
					t.Errorf("%s: %d at a time, want %d", held, n, want)
				}
				close(free)
			}()
			if outcome, err := b.run(t.Context(), t); err != nil || outcome.Rows != 30 {
				t.Errorf("got %+v, %v", outcome, err)
			}
		})
	}
}

// TestOneRowThatIsTooMuch: a source that breaks its promise gives an error, not an endless loop.
func TestOneRowThatIsTooMuch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{chunk: 8, sizes: make([]int, 8), hold: func(_ context.Context, what string) error {
			if what == "fetch" {
				return &source.TooMuchError{Rows: 1}
			}
			return nil
		}}
		_, err := b.run(t.Context(), t)
		var tooMuch *source.TooMuchError
		if !errors.As(err, &tooMuch) {
			t.Errorf("got %v, want the source's error", err)
		}
	})
}

// TestFewFetches: after a large row the readers are up to speed soon, also where nothing is found.
func TestFewFetches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{chunk: 5000, maxFetch: 1000, sizes: slices.Repeat([]int{-1}, 5000)}
		b.sizes[0], b.sizes[1] = 990, 990
		if outcome, err := b.run(t.Context(), t); err != nil || outcome.Rows != 2 || outcome.Deletes != 4998 {
			t.Errorf("got %+v, %v", outcome, err)
		}
		if b.fetches > 20 {
			t.Errorf("there were %d fetches", b.fetches)
		}
	})
}

// TestEveryStageEnds cancels a batch, or lets another stage fail, while one of its stages waits for
// a server. All others end, and the reason comes out.
func TestEveryStageEnds(t *testing.T) {
	t.Parallel()
	away := chferry.Errorf(chferry.CodeUnavailable, "the server is away")
	const unfit = "set aside items: value 1 of the primary key can't be read as int64"
	for name, test := range map[string]struct {
		holds string // what waits until its context ends
		fails string // what fails as soon as nothing else goes on; empty: the batch is cancelled
	}{
		"cutting":                {holds: "cut"},
		"reading":                {holds: "fetch"},
		"inserting":              {holds: "insert"},
		"setting aside":          {holds: unfit},
		"reading fails":          {holds: "insert", fails: "fetch"},
		"cutting fails":          {holds: "insert", fails: "cut"},
		"inserting fails":        {holds: "fetch", fails: "insert"},
		"setting aside fails":    {holds: "fetch", fails: unfit},
		"a refused row waits":    {holds: "set aside " + errRefused.Error()},
		"a refused row can't be": {holds: "fetch", fails: "set aside " + errRefused.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				b := &bubble{
					chunk: 2, maxFetch: mb, sizes: make([]int, 40),
					bad: []chferry.Operation{op("", 1), op("", 1), op("", 2), op("", 2), op("", "x")},
				}
				free, calls := make(chan struct{}), map[string]int{}
				b.hold = func(ctx context.Context, what string) error {
					b.mu.Lock()
					calls[what]++
					n := calls[what]
					b.mu.Unlock()
					switch {
					case what == test.fails && n > 1 || what == test.fails && strings.HasPrefix(what, "set aside"):
						<-free
						return away
					case what == test.holds && (n > 2 || test.fails == ""):
						<-ctx.Done()
						return ctx.Err()
					case what == "insert" && strings.HasSuffix(test.holds+test.fails, errRefused.Error()):
						return errRefused
					}
					return nil
				}
				go func() {
					synctest.Wait()
					if test.fails == "" {
						cancel(away)
					}
					close(free)
				}()
				if _, err := b.run(ctx, t); err == nil || test.fails != "" && !errors.Is(err, away) {
					t.Errorf("got %v, want %v", err, away)
				}
				if calls[test.holds] == 0 || test.fails != "" && calls[test.fails] == 0 {
					t.Errorf("the calls were %v: nothing waited, or nothing failed", calls)
				}
			})
		})
	}
}
