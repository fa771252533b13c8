package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"github.com/chferry/chferry/sink"
)

// Names of expressions, which no column has.
const (
	hashName  = "`(chferry) hash`"
	rangeName = "`(chferry) range %d`"
)

// Sums hashes the rows of ranges. See [sink.Reader].
func (c *Client) Sums(ctx context.Context, s sink.Selection, ranges []sink.Range) ([]sink.Sum, error) {
	if len(ranges) == 0 {
		return nil, nil
	}
	r, err := c.startReading(ctx, s)
	if err != nil {
		return nil, err
	}
	return r.sums(ctx, ranges)
}

func (r *reading) sums(ctx context.Context, ranges []sink.Range) ([]sink.Sum, error) {
	conditions, flags := make([]string, len(ranges)), make([]string, len(ranges))
	for i, of := range ranges {
		var err error
		if conditions[i], err = r.within(of); err != nil {
			return nil, err
		}
		flags[i] = conditions[i] + " AS " + fmt.Sprintf(rangeName, i)
	}
	from := strings.Join(flags, ", ") + r.from("("+strings.Join(conditions, " OR ")+")")
	out := make([]sink.Sum, len(ranges))
	if r.here && len(r.hashed) > 0 {
		return out, r.sumHere(ctx, out, from)
	}
	return out, r.sumThere(ctx, out, from)
}

// sumThere has the server hash the rows.
func (r *reading) sumThere(ctx context.Context, out []sink.Sum, from string) error {
	sums, targets := make([]string, len(out)), make([]any, 0, 2*len(out))
	for i := range out {
		sums[i] = fmt.Sprintf("countIf(%s), sumIf(%s, %[1]s)", fmt.Sprintf(rangeName, i), hashName)
		targets = append(targets, &out[i].Rows, &out[i].Hashes)
	}
	each := func(scan func(...any) error) error { return scan(targets...) }
	return r.read(ctx, "hash the rows of "+r.table.String(), each,
		"SELECT "+strings.Join(sums, ", ")+" FROM (SELECT "+r.hashSQL()+" AS "+hashName+", "+from+")")
}

// sumHere reads the rows, of which it holds no more than some blocks of the server's at a time.
func (r *reading) sumHere(ctx context.Context, out []sink.Sum, from string) error {
	hashed, within := newScannedRow(r.hashed), make([]uint8, len(out))
	targets := hashed.targets()
	for i := range within {
		targets = append(targets, &within[i])
	}
	return r.read(ctx, "read the rows of "+r.table.String(), func(scan func(...any) error) error {
		if err := scan(targets...); err != nil {
			return err
		}
		hash, err := hashed.hash()
		for i := range out {
			if within[i] != 0 {
				out[i].Rows++
				out[i].Hashes += hash
			}
		}
		return err
	}, "SELECT "+hashed.sql()+", "+from)
}
