package clickhouse

import (
	"context"
	"fmt"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// How many rows and bytes a stream takes. Over the native protocol the server holds them until it
// writes them as one part. Over HTTP the stream does: the driver sends a single block.
const (
	streamRows, streamBytes         = 250_000, 64 << 20
	streamRowsHTTP, streamBytesHTTP = 100_000, 16 << 20
)

var _ sink.Streamer = (*Client)(nil)

// stream is an insert that sends block after block.
type stream struct {
	*Client
	caller   context.Context //nolint:containedctx // lives as long as the stream
	conn     driver.Conn     // its own over the native protocol
	release  func()
	table    table
	to       sink.Destination
	features *features
	batch    driver.Batch
	columns  []column
	waiting  rowset.Block // over HTTP: what Finish sends
	rows     int
	bytes    int
}

// Stream begins an insert of many blocks. See [sink.Streamer].
func (c *Client) Stream(ctx context.Context, d sink.Destination, columns []rowset.Column) (sink.Stream, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	d.Columns = columns
	s := &stream{Client: c, caller: ctx, table: t, to: d, features: f}
	bounded, endSend := c.sendContext(ctx)
	if err := s.connect(bounded, endSend); err != nil {
		endSend()
		return nil, err
	}
	s.batch, s.columns, err = c.begin(withStreamSettings(bounded, f), s.conn, t, d, f)
	if err != nil {
		err = s.failure(err)
		s.release()
		return nil, err
	}
	return s, nil
}

// connect gives the stream a connection of its own over the native protocol, whose socket is closed when ctx ends. It
// works around the driver: a Flush waits for the server without looking at a context.
func (s *stream) connect(ctx context.Context, endSend func()) error {
	if s.overHTTP {
		s.conn, s.release = s.Client.conn, endSend
		return nil
	}
	opened := &sockets{}
	options := *s.driver
	options.MaxOpenConns, options.MaxIdleConns = 1, 1
	options.DialStrategy = func(ctx context.Context, id int, opt *ch.Options, dial ch.Dial) (ch.DialResult, error) {
		return ch.DefaultDialStrategy(context.WithValue(ctx, socketsKey{}, opened), id, opt, dial)
	}
	conn, err := ch.Open(&options)
	if err != nil {
		return malformed(err)
	}
	stop := context.AfterFunc(ctx, opened.close)
	s.conn, s.release = conn, func() {
		stop()
		_ = conn.Close()
		opened.close() // the driver leaves the socket of a broken batch to itself
		endSend()
	}
	return nil
}

// withStreamSettings asks for the blocks to be joined, as far as a stream takes them, and to be
// written before the answer.
func withStreamSettings(ctx context.Context, f *features) context.Context {
	const most = 2 // times what is full: the last block comes on top
	return withKnownSettings(ctx, f, ch.Settings{
		"async_insert":               0,
		"min_insert_block_size_rows": most * streamRows, "min_insert_block_size_bytes": most * streamBytes,
		"max_insert_block_size": most * streamRows, partitionsSetting: 0,
	})
}

// failure translates an error of the insert.
func (s *stream) failure(err error) error {
	return s.Client.failure(s.caller, "insert into "+s.table.String(), err)
}

// Append sends a block.
func (s *stream) Append(block rowset.Block) (rejected []sink.Rejected, full bool, err error) {
	held := canonicalOf(s.table, s.to, block, s.columns, s.features)
	if held.Rows() == 0 {
		return held.rejected, false, nil
	}
	s.rows, s.bytes = s.rows+held.Rows(), s.bytes+held.Bytes()
	if s.overHTTP {
		if s.waiting.Columns == nil {
			s.waiting = held.Block
		} else {
			s.waiting.Append(&held.Block)
		}
		return held.rejected, s.rows >= streamRowsHTTP || s.bytes >= streamBytesHTTP, nil
	}
	if err := fill(s.batch.Columns(), s.columns, &held.Block); err != nil {
		return nil, false, err
	}
	if err := s.batch.Flush(); err != nil {
		return nil, false, s.failure(fmt.Errorf("send a block: %w", err))
	}
	return held.rejected, s.rows >= streamRows || s.bytes >= streamBytes, nil
}

// Finish ends the insert.
func (s *stream) Finish() error {
	defer s.release()
	if s.rows == 0 {
		return s.batch.Abort()
	}
	if s.overHTTP {
		if err := fill(s.batch.Columns(), s.columns, &s.waiting); err != nil {
			return err
		}
	}
	if err := s.batch.Send(); err != nil {
		return s.failure(err)
	}
	return nil
}

// Abort breaks the insert off.
func (s *stream) Abort() {
	_ = s.batch.Abort() // nothing after a Send
	s.release()
}
