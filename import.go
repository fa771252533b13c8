package chferry

import (
	"strings"
	"time"
)

// Import is one import key's configuration: where its rows come from, where they go, and when.
type Import struct {
	Key        ImportKey
	Databases  []string // aliases; one, or several with a DatabaseColumn
	Table      string
	PrimaryKey []string          // empty: asked of the source
	Include    []string          // source columns that are synced; empty: all but those in Exclude
	Exclude    []string          // source columns that are not synced
	Rename     map[string]string // source column to destination column
	Cast       map[string]string // source column to the type that its column in the destination is to have

	DestinationTable string
	Engine           string
	OrderBy          []string // empty: the primary key
	DatabaseColumn   string   // destination column that holds the alias; empty with one database
	Options          TableOptions

	FirstLoad FirstLoad // of a table that apply creates

	BatchSize  int           // operations a batch
	MaxPending int64         // operations kept beyond which registering is refused; 0: no limit
	Settle     time.Duration // operations younger than this are left for a later sync
	Limits     Limits        // of one sync
	Every      time.Duration // the schedule's interval; 0: none
	Cron       string        // the schedule's cron expression; empty: none
	TimeZone   string        // IANA name of the cron expression's time zone; empty: UTC, or what the expression says
	Jitter     time.Duration // the schedule's runs begin later by up to that, at random; 0: none

	SyncOnRegister bool          // a registration nudges the schedule, so that a sync need not wait for its tick
	NudgeInterval  time.Duration // least time between two nudges of one process
}

// FirstLoad says what becomes of the rows that the source has when the destination is created.
type FirstLoad struct {
	OnCreate bool // chferry apply starts a backfill when it has created the table
	Parallel int  // readers of that backfill; 0: [DefaultParallel]
}

// Imports are the imports that are configured now. They may be others at the next call, so nobody
// keeps what a call returned.
type Imports interface {
	// Import returns the import with a key.
	Import(key ImportKey) (Import, bool)
	// Imports returns all, in the order of the configuration. The caller must not change them.
	Imports() []Import
}

// ImportList is [Imports] that stay as they are.
type ImportList []Import

// Import returns the import with a key.
func (l ImportList) Import(key ImportKey) (Import, bool) {
	for _, i := range l {
		if i.Key == key {
			return i, true
		}
	}
	return Import{}, false
}

// Imports returns all.
func (l ImportList) Imports() []Import { return l }

// Database returns the alias that an operation's alias stands for: the import's only database, or [DefaultDatabase],
// when it names none. It returns [CodeInvalid] for a database that the import does not have.
func (i Import) Database(alias string) (string, error) {
	if alias == "" {
		if len(i.Databases) == 1 {
			return i.Databases[0], nil
		}
		alias = DefaultDatabase
	}
	for _, known := range i.Databases {
		if known == alias {
			return alias, nil
		}
	}
	return "", Errorf(CodeInvalid, "database %q is not one of import key %s, which has %s", alias, i.Key,
		strings.Join(i.Databases, ", "))
}

// TableOptions are what a table is created with beside columns, key and engine. Nothing of it is
// compared with a table that exists. Its expressions become part of statements as they are: see
// [CheckExpression].
type TableOptions struct {
	PartitionBy string            // of columns of the key alone
	TTL         string            // such as day + INTERVAL 1 YEAR; what deletes is of columns of the key alone
	Settings    map[string]string // by name; numbers, or texts without quotes
	Codecs      map[string]string // by the column's name in the destination, such as ZSTD(3)
	Cluster     string            // on whose servers statements are run; empty: on the one that is connected
	Replicated  *Replication      // nil: the table is not
}

// Replication is where a replicated table's servers meet. Both may be empty: the server's own defaults.
type Replication struct {
	Path    string // in the keeper, such as /clickhouse/tables/{shard}/users
	Replica string // such as {replica}
}
