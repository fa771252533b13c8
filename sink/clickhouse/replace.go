package clickhouse

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/ClickHouse/ch-go/proto"
	ch "github.com/ClickHouse/clickhouse-go/v2"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/sink"
)

// Prepare makes a table like the destination's. See [sink.Replacer].
func (c *Client) Prepare(ctx context.Context, d sink.Destination, token string) (sink.Destination, error) {
	b, err := c.tablesBeside(ctx, d, token)
	if err != nil {
		return d, err
	}
	if b, err = c.putBack(ctx, d, b, token); err != nil {
		return d, err
	}
	if b.current == nil {
		return d, misfit(b.of, "it does not exist: create it with apply")
	}
	if len(c.driver.Addr) > 1 && d.Options.Cluster == "" && !strings.HasPrefix(b.current.engine, "Shared") {
		return d, chferry.Errorf(chferry.CodeConfiguration,
			"table %s: clickhouse.url names several servers, and a new table would be on one of them alone: "+
				"configure destination.cluster, or name one server", b.of)
	}
	for _, other := range b.beside {
		// The job's own stay until Drop: another attempt may be about to fill one of them.
		if other.job != b.job {
			if err := c.drop(ctx, d, other); err != nil {
				return d, err
			}
		}
	}
	own, old := b.own(newTable), b.own(oldTable)
	switch {
	case old != nil: // Exchange was done
		d.Table = old.configured()
	case own == nil || own.mark == "":
		d.Table, err = c.createLike(ctx, d, b)
	default:
		d.Table = own.configured()
	}
	return d, err
}

// putBack gives a table its name back if the server died, or a job gave up, between the two
// renamings of an exchange.
func (c *Client) putBack(ctx context.Context, d sink.Destination, b *besideTables,
	token string,
) (*besideTables, error) {
	renamed := b.renamed()
	if renamed == nil {
		return b, nil
	}
	if err := c.rename(ctx, d, newName{renamed.table, b.of}); err != nil {
		return nil, err
	}
	return c.tablesBeside(ctx, d, token)
}

// createLike creates a table of the job, and gives the table the name which says what its UUID is.
func (c *Client) createLike(ctx context.Context, d sink.Destination, b *besideTables) (configured string, err error) {
	unmarked := b.named(newTable, "")
	if b.current.uuid == "" {
		unmarked = b.named(newTable, randomMark())
	}
	err = c.exec(ctx, "create table "+unmarked.String(), "CREATE TABLE IF NOT EXISTS "+unmarked.sql()+onCluster(d)+
		" AS "+b.of.sql()+b.current.likeEngine(b.job))
	if err != nil || b.current.uuid == "" {
		return unmarked.configured(), err
	}
	var uuid string
	err = c.query(ctx, "look for table "+unmarked.String(), func(scan func(...any) error) error { return scan(&uuid) },
		"SELECT toString(uuid) FROM system.tables WHERE database = ? AND name = ?", unmarked.database, unmarked.name)
	if err != nil {
		return "", err
	}
	if uuidMark(uuid) == "" {
		return "", chferry.Errorf(chferry.CodeUnavailable, "table %s is gone since it was created: try again", unmarked)
	}
	marked := b.named(newTable, uuidMark(uuid))
	err = c.rename(ctx, d, newName{unmarked, marked})
	if isUnsupported(err) {
		err = chferry.WrapError(chferry.CodeConfiguration, err,
			"table %s can't be replaced, as ClickHouse refuses to rename a table like it: it does if the path of a "+
				"replicated table in the keeper holds the table's name", b.of)
		err = errors.Join(err, c.drop(ctx, d, besideTable{table: unmarked, engine: b.current.engine}))
	}
	return marked.configured(), err
}

// Drop drops the job's tables. See [sink.Replacer].
func (c *Client) Drop(ctx context.Context, d sink.Destination, token string) error {
	b, err := c.tablesBeside(ctx, d, token)
	if err != nil {
		return err
	}
	if old := b.own(oldTable); old != nil {
		if b.current != nil && b.marked(newTable, old.mark) != nil {
			return b.createdMeanwhile(old)
		}
		if b, err = c.putBack(ctx, d, b, token); err != nil {
			return err
		}
	}
	for _, one := range b.beside {
		if one.job == b.job {
			if err := c.drop(ctx, d, one); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop drops a table, however large it is. A replicated one can be created anew afterwards.
func (c *Client) drop(ctx context.Context, d sink.Destination, b besideTable) error {
	f, err := c.features(ctx)
	if err != nil {
		return err
	}
	settings := ch.Settings{}
	for _, name := range dropSettings {
		if f.settings[name] {
			settings[name] = 0
		}
	}
	sql := "DROP TABLE IF EXISTS " + b.sql() + onCluster(d)
	if strings.HasPrefix(b.engine, "Replicated") && f.hasExchange() {
		sql += " SYNC"
	}
	return c.exec(ch.Context(ctx, ch.WithSettings(settings)), "drop table "+b.String(), sql)
}

// dropSettings are sent, with 0, to servers that know them.
var dropSettings = []string{"max_table_size_to_drop", "max_partition_size_to_drop"}

// newName is a table and its name to be.
type newName struct{ from, to table }

func (c *Client) rename(ctx context.Context, d sink.Destination, renamings ...newName) error {
	parts := make([]string, len(renamings))
	for i, r := range renamings {
		parts[i] = r.from.sql() + " TO " + r.to.sql()
	}
	return c.exec(ctx, "rename table "+renamings[0].from.String(),
		"RENAME TABLE "+strings.Join(parts, ", ")+onCluster(d))
}

// isUnsupported reports whether the server can't do a statement, whatever the tables hold.
func isUnsupported(err error) bool {
	var exception *ch.Exception
	return errors.As(err, &exception) && slices.Contains([]proto.Error{
		proto.ErrNotImplemented, proto.ErrUnsupportedMethod, proto.ErrSyntaxError, proto.ErrSupportIsDisabled,
	}, proto.Error(exception.Code))
}
