package clickhouse

import (
	"context"
	"errors"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

// CreateTable returns the statement that a server of a version would get.
func CreateTable(version string, d sink.Destination) (string, error) {
	t, err := parseTable(d.Table, "default")
	if err != nil {
		return "", err
	}
	f, err := featuresOf(version)
	if err != nil {
		return "", err
	}
	return f.createTable(t, d, f.engine(d)), nil
}

// CheckDestination returns what is wrong with a destination's casts and options on a server of a version.
func CheckDestination(version string, d sink.Destination) error {
	t, err := parseTable(d.Table, "default")
	if err != nil {
		return err
	}
	f, err := featuresOf(version)
	if err != nil {
		return err
	}
	return errors.Join(validate(t, d), f.checkCasts(t, d), f.checkOptions(t, d))
}

// CreateView returns the statement for the view of a destination.
func CreateView(d sink.Destination) (string, error) {
	t, err := parseTable(d.Table, "default")
	return viewOf(t, d, sourceColumns(d)), err
}

// CurrentView returns the SQL name of the view of a configured table.
func CurrentView(configured, database string) (string, error) {
	t, err := parseTable(configured, database)
	return t.current().sql(), err
}

// TableSQL returns the SQL name of a configured table.
func TableSQL(configured, database string) (string, error) {
	t, err := parseTable(configured, database)
	return t.sql(), err
}

// Misfit says why a column of a type can't take the values of t on a server of a version.
func Misfit(version, columnType, defaultKind string, t rowset.Type, key bool) (string, error) {
	f, err := featuresOf(version)
	problem, _ := newColumn("c", columnType, defaultKind).misfit(t, key, f)
	return problem, err
}

// Encode returns what is sent for the values of a vector, and the rows that can't be.
func Encode(version, columnType string, v rowset.Vector, key bool) (wire []byte, unfit []int, err error) {
	f, err := featuresOf(version)
	c := newColumn("c", columnType, "")
	converted := c.canonical(&v, key, f)
	for _, u := range converted.unfit {
		unfit = append(unfit, u.row)
	}
	return c.appendNative(nil, &converted.values), unfit, err
}

// Canonical returns what the table of d would hold of a block's rows, how many of their values were
// clamped or cut, and which rows are left out.
func (c *Client) Canonical(ctx context.Context, d sink.Destination,
	block rowset.Block,
) (rowset.Block, int, []sink.Rejected, error) {
	held, err := c.canonical(ctx, d, block)
	return held.Block, held.changed, held.rejected, err
}

// RowBinary returns the rows of a block that the table of d would hold, in the form RowBinary.
func (c *Client) RowBinary(ctx context.Context, d sink.Destination, block rowset.Block) ([][]byte, error) {
	held, err := c.canonical(ctx, d, block)
	rows := make([][]byte, held.Rows())
	for i := range rows {
		rows[i] = held.appendRow(nil, i)
	}
	return rows, err
}

// DifferentShards returns the error for a table whose replicas have these paths on these hosts.
func DifferentShards(hosts, paths []string) error {
	return differentShards(table{"shop", "users"}, hosts, paths)
}

// Fits checks a destination against a table as a server would describe it: its engine, keys and columns.
func Fits(version, engine, full, sortingKey, partitionKey string, columns map[string]string, d sink.Destination) error {
	f, err := featuresOf(version)
	if err != nil {
		return err
	}
	t, err := parseTable(d.Table, "default")
	if err != nil {
		return err
	}
	e := existing{
		table: t, engine: engine, arguments: engineArguments(full), sortingKey: sortingKey,
		partitionKey: partitionKey,
	}
	for name, text := range columns {
		e.columns = append(e.columns, newColumn(name, text, ""))
	}
	return e.fits(d, f)
}

// Failure returns the error that a caller sees for one of the driver's.
func (c *Client) Failure(doing string, err error) error {
	return c.failure(context.Background(), doing, err)
}

// Version returns the version that the client found, asking again if it forgot.
func (c *Client) Version(ctx context.Context) (major, minor int, err error) {
	f, err := c.features(ctx)
	if err != nil {
		return 0, 0, err
	}
	return f.version.major, f.version.minor, nil
}

func featuresOf(text string) (*features, error) {
	v, err := parseVersion(text)
	return &features{version: v}, err
}

// CheckHosts checks a replicated table on all servers of the URL.
func (c *Client) CheckHosts(ctx context.Context, configured string) error {
	t, err := parseTable(configured, c.database)
	if err != nil {
		return err
	}
	return c.checkHosts(ctx, t, sink.Destination{Table: configured},
		&existing{table: t, engine: "ReplicatedReplacingMergeTree"})
}

// Here is a client that reads values and hashes them itself, as it does on a server that can't.
type Here struct{ *Client }

func (h Here) start(ctx context.Context, s sink.Selection) (*reading, error) {
	r, err := h.startReading(ctx, s)
	if err == nil {
		r.here = true
	}
	return r, err
}

// Sums is that of a [sink.Reader].
func (h Here) Sums(ctx context.Context, s sink.Selection, ranges []sink.Range) ([]sink.Sum, error) {
	r, err := h.start(ctx, s)
	if err != nil {
		return nil, err
	}
	return r.sums(ctx, ranges)
}

// Page is that of a [sink.Reader].
func (h Here) Page(ctx context.Context, s sink.Selection, of sink.Range, most int) (sink.Page, error) {
	r, err := h.start(ctx, s)
	if err != nil {
		return sink.Page{}, err
	}
	return r.page(ctx, of, most)
}

// Find is that of a [sink.Reader].
func (h Here) Find(ctx context.Context, s sink.Selection, keys rowset.Block) (sink.Hashed, error) {
	r, err := h.start(ctx, s)
	if err != nil {
		return sink.Hashed{}, err
	}
	return r.find(ctx, keys)
}

// LikeEngine returns what a statement that creates a table like one of these engines says of its own.
func LikeEngine(engine, full, token string) string {
	b := besideTable{engine: engine, full: full}
	return b.likeEngine(jobMark(token))
}
