package transfer

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/source"
)

// lookUpInSink looks up the rows of the source, those of several pages at once: keys in no order of the
// sink are in all of its table, which each look-up reads.
func (c *comparison) lookUpInSink(ctx context.Context, emit func(finding) error) error {
	return c.hashPages(ctx, func(ctx context.Context, pages <-chan *hashedPage) error {
		for page := range pages {
			for _, more := range waiting(pages) {
				page.append(more)
			}
			out := c.pageOf(page, emit)
			found, err := c.reader.Find(ctx, c.rows, page.Keys)
			if err != nil {
				return fmt.Errorf("look up rows in %s: %w", c.Plan.Destination.Table, err)
			}
			set := newKeySet(page)
			set.meet(found, out.suspects)
			set.missing(out.suspects)
			if err := out.end(); err != nil {
				return err
			}
		}
		return nil
	})
}

// lookUpInSource looks up the keys of each page of the sink, in the order of the sink.
func (c *comparison) lookUpInSource(ctx context.Context, emit func(finding) error) error {
	rest, err := c.sinkRange()
	if err != nil {
		return err
	}
	keysOnly := c.table.OnlyKey()
	rows := fetcher{source: c.Plan.sources[c.Database], table: keysOnly, pace: newPace(keysOnly.Columns)}
	place := c.pages.began
	for done := false; !done; {
		if err := c.pages.wait(ctx); err != nil {
			return err
		}
		page, err := c.reader.Page(ctx, c.keys, rest, c.pages.ask.Rows)
		if err != nil {
			return fmt.Errorf("read keys of %s: %w", c.Plan.Destination.Table, err)
		}
		rest, done = page.Rest(rest), page.Done
		if page.Keys.Rows() > 0 {
			if place, err = placeOf(rest.After); err != nil {
				return err
			}
		}
		out := c.pageOf(&hashedPage{place: place}, emit)
		if err := rows.absent(ctx, page.Keys.Vectors, out.suspects); err != nil {
			return fmt.Errorf("look up keys of %s: %w", c.table.Name, err)
		}
		if err := out.end(); err != nil {
			return err
		}
	}
	return nil
}

// absent appends those of keys that no row has. A row that has an equal key of another text, as of
// citext, has another one in the destination.
func (f *fetcher) absent(ctx context.Context, keys, absent keyList) error {
	for keys.len() > 0 {
		rows, n, err := f.fetch(ctx, keys)
		if err != nil {
			return err
		}
		has := make([]bool, n)
		for row, key := range rows.Key {
			has[key] = f.keyAt(&rows.Block, row).compare(0, keys, key) == 0
		}
		for _, u := range rows.Unfit {
			has[u.Key] = true
		}
		for key := range has {
			if !has[key] {
				absent.appendFrom(keys, key)
			}
		}
		keys = keys.slice(n, keys.len())
	}
	return nil
}

// keyAt returns the key of a row of the fetcher's table.
func (f *fetcher) keyAt(rows *rowset.Block, row int) keyList {
	key := make(keyList, len(f.table.PrimaryKey))
	for i, c := range f.table.PrimaryKey {
		key[i] = rows.Vectors[c].Slice(row, row+1)
	}
	return key
}

// placeOf writes a key of the destination as a place: a JSON list of its values, data in hexadecimal
// digits. The destination may hold texts that no source has.
func placeOf(key rowset.Block) (string, error) {
	values := make([]string, len(key.Vectors))
	for i := range key.Vectors {
		if v := &key.Vectors[i]; v.Ends != nil {
			values[i] = hex.EncodeToString(v.At(0))
		} else {
			values[i] = strconv.FormatInt(v.Ints[0], 10)
		}
	}
	place, err := json.Marshal(values)
	return string(place), err
}

// sinkRange is the range in the order of the sink.
func (c *comparison) sinkRange() (out sink.Range, err error) {
	if out.After, err = c.sinkKey(c.pages.ask.After); err == nil {
		out.UpTo, err = c.sinkKey(c.pages.ask.UpTo)
	}
	return out, err
}

func (c *comparison) sinkKey(place string) (rowset.Block, error) {
	if place == "" {
		return rowset.Block{}, nil
	}
	key := source.NewKeyBlock(c.table, len(c.table.PrimaryKey))
	if !readPlace(place, key.Vectors) {
		return rowset.Block{}, chferry.Errorf(chferry.CodeInvalid,
			"the place to go on from is none of table %s, whose primary key may have changed", c.table.Name)
	}
	return key, nil
}

// readPlace appends the values of a place.
func readPlace(place string, to keyList) bool {
	var values []string
	if json.Unmarshal([]byte(place), &values) != nil || len(values) != len(to) {
		return false
	}
	for i, value := range values {
		switch to[i].Type.Kind {
		case rowset.String, rowset.Enum, rowset.Bytes, rowset.UUID, rowset.Decimal:
			data, err := hex.DecodeString(value)
			if err != nil {
				return false
			}
			to[i].AppendData(data)
		default:
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return false
			}
			to[i].AppendInt(n)
		}
	}
	return true
}
