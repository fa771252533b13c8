package sink

import "context"

// Replacer is a [Sink] that can fill a table anew beside the one that is read, and put the new
// table in the place of the other.
//
// The steps are Prepare; inserts into both tables, as rows change while the new one is filled;
// Exchange; Drop. A block is inserted into the job's table first, and then into d's: so the new
// table has the block under whichever name, also if the two are exchanged in between.
//
// The token names the job that takes the steps: any text, the same for all steps of the job and for
// no other job. Each step may be asked for again after it was done, or half done, and an attempt at one
// may be carried out late. So a job may have several tables: the caller decides which is filled.
// Of a [Destination], Engine is used, and the Options that say on which cluster the tables are.
//
// Errors are those of [Sink], and CodeConfiguration for a server that can't or may not do it.
type Replacer interface {
	// Prepare returns d with the name of the job's own table. It makes the table like d's, whatever
	// the configuration says of that: with the same columns, engine, order, partitions, TTL, codecs
	// and settings, and empty. If the job has a table already, Prepare leaves it as it is. It drops
	// what other jobs left behind. It returns CodeSchemaMismatch if d's table does not exist.
	Prepare(ctx context.Context, d Destination, token string) (Destination, error)

	// Exchange puts the table that Prepare returned, and that was filled, in the place of d's: a query
	// or an insert finds the one or the other under d's name. What is bound to d's name, such as the
	// view of current rows and the materialized views that read from it, goes on with the new table.
	// Other tables of the job never get d's name.
	//
	// Once Exchange has returned nil, no table has the filled one's former name, so that a late
	// attempt exchanges nothing back, and inserts into it return CodeSchemaMismatch. A server that
	// can't exchange two names renames one table and then the other. A query or an insert in the
	// moment between finds no table.
	//
	// Exchange returns CodeSchemaMismatch, and changes nothing, if the two tables do not have the
	// same columns, as after somebody added one to d's: drop the job's table and begin anew. It
	// returns CodeSchemaMismatch, too, if the filled table is gone.
	Exchange(ctx context.Context, d Destination, token, filled string) error

	// Drop drops the job's tables, one of which holds the old rows of d's if the tables were
	// exchanged. It never drops d's table.
	Drop(ctx context.Context, d Destination, token string) error
}
