// Package sqlite reads rows from SQLite files that applications write to, for those that need no database server.
//
// Every read opens the file anew, read-only, and is one transaction: it sees one state of the file
// that the path leads to now. A connection that stayed open would go on reading a file that was
// replaced or deleted meanwhile, and opening one costs a quarter of a millisecond.
//
// SQLite lets most columns hold values of any type. A value is carried only if it has a form that the column's declared
// type is known to be written in; a row with any other value is given as unfit, so that it becomes a failed operation.
package sqlite

import (
	"context"
	"database/sql"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver, under the name sqlite

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/source"
)

const (
	defaultConnections = 4
	// A lock that a writer holds is waited for so long. In WAL mode writers hold none that a reader has to wait for.
	busyTimeout = 5 * time.Second
	// A read is given up after this time; one of all primary keys when a page takes so long.
	readTimeout = time.Minute
)

// Source reads one SQLite file. Its methods may be called at the same time.
type Source struct {
	db    *sql.DB
	alias string
	path  string // absolute

	maxBytes int           // of the rows of one Fetch
	timeout  time.Duration // of a read
}

var _ source.Open = Open

// Open opens the file that a URL names: sqlite:/path/to/file.db, or sqlite:file.db relative to the
// working directory. What stands behind the colon is the path as it is, without escapes and
// parameters. It neither connects nor creates the file. It returns [chferry.CodeConfiguration] for
// a URL of another form.
func Open(address string, opts source.Options) (source.Source, error) {
	path, ok := strings.CutPrefix(address, "sqlite:")
	if !ok || path == "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?\x00") {
		return nil, chferry.Errorf(chferry.CodeConfiguration, "the url of database %q can't be read: "+
			"it must look like sqlite:/path/to/file.db or sqlite:relative.db, without parameters", opts.Alias)
	}
	if opts.Primary != "" {
		return nil, chferry.Errorf(chferry.CodeConfiguration,
			"database %q is an SQLite file, which has no standby: take standby_of out", opts.Alias)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err,
			"the url of database %q is relative to a folder that is gone", opts.Alias)
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeConfiguration, err, "the file of database %q can't be opened",
			opts.Alias)
	}
	db.SetMaxIdleConns(-1)
	db.SetMaxOpenConns(defaultConnections)
	if opts.MaxConnections > 0 {
		db.SetMaxOpenConns(opts.MaxConnections)
	}
	return &Source{db: db, alias: opts.Alias, path: path, maxBytes: opts.FetchBytes(), timeout: readTimeout}, nil
}

// dsn returns how the driver opens a file for reading alone. Functions of the application's own
// schema that are not known to be harmless are not run, and a name in double quotes is never taken
// for a text.
func dsn(path string) string {
	parameters := url.Values{
		"mode":          {"ro"},
		"_query_only":   {"1"},
		"_busy_timeout": {strconv.FormatInt(busyTimeout.Milliseconds(), 10)},
		"_dqs":          {"0"},
		"_pragma":       {"trusted_schema(0)"},
	}
	return (&url.URL{
		Scheme: "file", Path: filepath.ToSlash(path), OmitHost: true, RawQuery: parameters.Encode(),
	}).String()
}

// Check implements [source.Source].
func (s *Source) Check(ctx context.Context) error {
	return s.within(ctx, "", func(context.Context, *snapshot) error { return nil })
}

// Close implements [source.Source]. Reads that are under way close their connections themselves.
func (s *Source) Close() {
	// Nothing was written that closing could lose.
	_ = s.db.Close()
}
