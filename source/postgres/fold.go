package postgres

import (
	"context"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

var _ source.Folder = (*Source)(nil)

// Fold implements [source.Folder]. A citext compares what lower makes of its texts, with the
// database's own collation whatever the column's is (citextcmp in citext.c).
func (s *Source) Fold(ctx context.Context, column rowset.Column, texts []string) ([]string, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, s.fail(ctx, err, "")
	}
	defer conn.Release()
	r := &keyReader{Source: s, conn: conn.Conn().PgConn()}
	// The statements read no table: no standby has to be awaited.
	if err := s.begin(ctx, r.conn, "", savepoint); err != nil {
		return nil, err
	}
	r.ask(`pg_catalog.lower(k.t COLLATE "default")`)
	if err := r.all(ctx, texts); err != nil {
		return nil, err
	}
	if err := s.run(ctx, r.conn, "", []statement{commit}); err != nil {
		return nil, err
	}
	folded := make([]string, len(texts))
	for i, text := range texts {
		var ok bool
		if folded[i], ok = r.read[text]; !ok {
			return nil, chferry.Errorf(chferry.CodeSchemaMismatch,
				"database %q can't lower a text of column %q, a part of the primary key (%s)",
				s.alias, column.Name, column.SourceType)
		}
	}
	return folded, nil
}
