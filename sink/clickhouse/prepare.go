package clickhouse

import (
	"context"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// prepare begins an insert into the named columns, in their order. It works around the driver,
// which takes INSERT statements apart with regular expressions that know no escapes. There is no
// space before the bracket: the driver then leaves the columns in our order without reading their
// names, which it does wrong for names with quotes. Names hold nothing that an expression could
// trip over: see [quote].
func prepare(ctx context.Context, conn driver.Conn, t table, names []string) (driver.Batch, error) {
	return conn.PrepareBatch(ctx, "INSERT INTO "+t.sql()+"("+quoteAll(names)+")")
}
