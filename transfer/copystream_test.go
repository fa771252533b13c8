package transfer_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/transfer"
)

// streamingSink also takes streams. It notes how many rows each of them brought.
type streamingSink struct {
	fussySink
	full    int   // rows
	streams []int // that were finished
	open    int
}

type fussyStream struct {
	to   *streamingSink
	ctx  context.Context //nolint:containedctx // lives as long as the stream
	rows []row
}

func (f *streamingSink) Stream(ctx context.Context, _ sink.Destination, _ []rowset.Column) (sink.Stream, error) {
	f.open++
	return &fussyStream{to: f, ctx: ctx}, nil
}

func (s *fussyStream) Append(b rowset.Block) (rejected []sink.Rejected, full bool, err error) {
	for i, r := range rowsOf(b) {
		if s.to.reject != nil && s.to.reject(r) != "" {
			rejected = append(rejected, sink.Rejected{Row: i, Reason: s.to.reject(r)})
			continue
		}
		s.rows = append(s.rows, r)
	}
	return rejected, len(s.rows) >= s.to.full, nil
}

func (s *fussyStream) Finish() error {
	s.to.open--
	if s.to.refuse != nil && s.to.refuse(s.ctx, s.rows) != nil {
		return errors.New("the connection is closed")
	}
	s.to.rows, s.to.streams = append(s.to.rows, s.rows...), append(s.to.streams, len(s.rows))
	return nil
}

func (s *fussyStream) Abort() { s.to.open-- }

// streamed copies 300 rows of a tenth of a megabyte.
func streamed(t *testing.T, to *streamingSink) (w *work, err error) {
	t.Helper()
	to.full = 100
	r := newRig(t, to, 1<<20)
	r.fill("default", 1, 300, 100_000)
	c, w := r.copying(), &work{}
	err = c.Run(t.Context(), r.whole(c), w)
	if to.open != 0 {
		t.Errorf("%d streams were left open", to.open)
	}
	return w, err
}

// TestCopyStreams: many blocks are one insert, and the place is saved when it has ended.
func TestCopyStreams(t *testing.T) {
	t.Parallel()
	to := &streamingSink{}
	w, err := streamed(t, to)
	ok(t, err)
	to.wantRows(t, rowsFrom(1, 300, 100_000)...)
	if len(to.sizes) > 0 || slices.Min(to.streams[:2]) < 100 || len(w.places) != len(to.streams) {
		t.Errorf("%d blocks and streams of %v rows were inserted, and %d places saved", len(to.sizes), to.streams,
			len(w.places))
	}
	if w.copied != (transfer.Copied{Rows: 300}) {
		t.Errorf("%+v was copied", w.copied)
	}
}

// TestCopyOfBrokenStream: what a stream loses is read again, and the row at fault is found. What
// was saved before is not read again.
func TestCopyOfBrokenStream(t *testing.T) {
	t.Parallel()
	to := &streamingSink{fussySink: fussySink{refuse: refusing(250), reject: func(r row) string {
		if r.id == 30 || r.id == 260 {
			return "too large"
		}
		return ""
	}}}
	w, err := streamed(t, to)
	ok(t, err)
	want := slices.DeleteFunc(rowsFrom(1, 300, 100_000), func(r row) bool {
		return r.id == 30 || r.id == 250 || r.id == 260
	})
	to.wantRows(t, want...)
	if w.copied != (transfer.Copied{Rows: 297, Failed: 3}) || len(to.streams) == 0 {
		t.Errorf("%+v was copied, in streams of %v rows and blocks of %v", w.copied, to.streams, to.sizes)
	}
}

// TestCopyOfUnfitStream: a copy fails when more rows are left out than may, before its stream is full.
func TestCopyOfUnfitStream(t *testing.T) {
	t.Parallel()
	to := &streamingSink{fussySink: fussySink{reject: func(r row) string {
		if r.id <= 4 {
			return "too large"
		}
		return ""
	}}}
	w, err := streamed(t, to)
	if chferry.CodeOf(err) != chferry.CodeTooManyFailed || len(w.places) > 0 || len(to.rows) >= to.full {
		t.Errorf("the copy ended with %v, %d places were saved, and %d rows inserted", err, len(w.places), len(to.rows))
	}
}
