package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/api"
	"github.com/chferry/chferry/config"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// registration is one call of the verb register.
type registration struct {
	app      *app
	cfg      *config.Config
	imp      chferry.Import
	kind     chferry.Kind
	database string
	resume   string // the bookmark's file
	storage  storage.Registrar
	room     *room
	pending  []chferry.Operation
	total    int
	skipped  int // rows whose primary key can't be registered
	bookmark *bookmark
	patient  bool // a full queue is waited for from the first operation on
}

func (a *app) registerCommand() *cobra.Command {
	var database, resume string
	var everyRow bool
	cmd := &cobra.Command{
		Use:   "register KEY insert|update|delete PK...",
		Short: "Register operations",
		Long: `Register that rows were inserted, updated or deleted. A primary key is a text, or a JSON
list of texts and integers such as '["7", 42]': a composite key, or, as '["[draft]"]', a
text that begins with "[". Behind "--" a key may begin with "-".

"-" as the only PK reads one a line from standard input. An empty line is an error: the
empty text is written as [""]. Use psql -qAt there: without -q, psql adds a line such as
"DELETE 2", which would be registered like a key.

With --all instead of primary keys every row of the source table is registered, and passes
through the queue as any change does. Use it if rows are to count as operations, for example
to see in the totals that each was synced. To load a table, or to load it again, use chferry
backfill: it copies the rows without operations, which costs Redis nothing and is faster.
While the queue is full, --all waits. With --resume the same command goes on where it was
cut off.`,
		Example: `  chferry register users update 1 2 3
  chferry register order_lines delete '["7", "42"]'
  chferry register balances update -- -5
  psql -qAt -c 'DELETE FROM users WHERE gone RETURNING id' shop |
    chferry register users delete -
  chferry register users update --all --resume users.load`,
		Args: args(keyAndKind),
		RunE: func(cmd *cobra.Command, values []string) error {
			if everyRow == (len(values) > 2) {
				return usageError{fmt.Errorf("give primary keys, or --all instead of them: usage: %s", cmd.UseLine())}
			}
			if resume != "" && !everyRow {
				return usageError{fmt.Errorf("--resume is for --all: usage: %s", cmd.UseLine())}
			}
			r := &registration{app: a, kind: chferry.Kind(values[1]), database: database, resume: resume}
			return r.run(cmd.Context(), values[0], values[2:])
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w: a primary key that begins with - comes behind --, as in %s delete -- -5: "+
			"see %s --help", err,
			strings.Join(strings.Fields(cmd.UseLine())[:3], " "), cmd.CommandPath())}
	})
	cmd.Flags().StringVar(&database, "database", "",
		"`alias` of the database (default: the import's only one, or default)")
	cmd.Flags().BoolVar(&everyRow, "all", false,
		"every row of the source table; to load a table, chferry backfill is faster")
	cmd.Flags().StringVar(&resume, "resume", "",
		"`file` that keeps how far --all got, to go on from there; removed at the end")
	return cmd
}

func (r *registration) run(ctx context.Context, key string, pks []string) (err error) {
	if r.cfg, r.imp, err = r.app.loadKey(key); err != nil {
		return err
	}
	if err := r.checkKind(); err != nil {
		return err
	}
	if _, err := r.imp.Database(r.database); err != nil && (r.database != "" || len(pks) > 0) {
		return err
	}
	store, err := openStorage(config.NewLive(r.cfg))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	registrar, endNudges := r.app.nudgingOnce(ctx, store, r.cfg, r.imp)
	defer endNudges()
	r.storage, r.room = registrar, &room{app: r.app, cfg: r.cfg, imp: r.imp, storage: store}
	if err := r.register(ctx, pks); err != nil {
		if r.total > 0 {
			return fmt.Errorf("%w (%d operations were registered before%s)", err, r.total, r.goOn())
		}
		return err
	}
	if _, err := fmt.Fprintf(r.app.out, "registered %d\n", r.total); err != nil || r.skipped == 0 {
		return err
	}
	fmt.Fprintf(r.app.errOut, "chferry: rows that were skipped, because their primary key is too long to be "+
		"registered: %d\n", r.skipped)
	return errPartial
}

// goOn says how to go on after an error.
func (r *registration) goOn() string {
	switch {
	case !r.patient:
		return ""
	case r.resume == "":
		return "; with --resume FILE a load can go on where it was cut off"
	default:
		return ": the same command goes on behind them"
	}
}

// checkKind refuses a wrong kind before anything is connected, as registering would with the first operation.
func (r *registration) checkKind() error {
	return chferry.Operation{Kind: r.kind, PrimaryKey: chferry.PrimaryKey{"any"}}.Validate()
}

func (r *registration) register(ctx context.Context, pks []string) error {
	switch {
	case len(pks) == 0:
		return r.everyRow(ctx)
	case len(pks) == 1 && pks[0] == "-":
		return r.lines(ctx)
	default:
		return r.list(ctx, pks)
	}
}

// list registers primary keys given as arguments: all of them are checked before the first is sent.
func (r *registration) list(ctx context.Context, pks []string) error {
	for _, text := range pks {
		if err := r.add(text); err != nil {
			return err
		}
	}
	return r.flush(ctx, 1)
}

func (r *registration) lines(ctx context.Context) error {
	lines := bufio.NewScanner(r.app.in)
	lines.Buffer(nil, 2*chferry.MaxPrimaryKeyBytes)
	for n := 1; lines.Scan(); n++ {
		if lines.Text() == "" { // more likely the end of a file, or a query without a result, than a key
			return chferry.Errorf(chferry.CodeInvalid,
				`line %d: an empty line is no key: leave it out, or write [""] if the empty text is one`, n)
		}
		if err := r.add(lines.Text()); err != nil {
			return chferry.WrapError(chferry.CodeOf(err), err, "line %d: %s", n, err)
		}
		if err := r.flush(ctx, chferry.MaxOperations); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read primary keys: %w", err)
	}
	return r.flush(ctx, 1)
}

// everyRow registers every row of the table, of one database or of all that the import has.
func (r *registration) everyRow(ctx context.Context) error {
	r.patient = true
	opened, closeSources, err := openSources(r.cfg, []chferry.Import{r.imp})
	if err != nil {
		return err
	}
	defer closeSources()
	plan, err := transfer.MakePlan(ctx, r.imp, opened)
	if err != nil {
		return err
	}
	if r.bookmark, err = openBookmark(r.resume, r.imp.Key, r.kind); err != nil {
		return err
	}
	for _, alias := range r.imp.Databases {
		if r.database != "" && r.database != alias || r.bookmark.Done[alias] {
			continue
		}
		if err := r.table(ctx, alias, opened[alias], plan.Tables[alias]); err != nil {
			return err
		}
		if err := r.bookmark.finished(alias); err != nil {
			return err
		}
	}
	return r.bookmark.remove()
}

func (r *registration) table(ctx context.Context, alias string, src source.Source, table rowset.Table) error {
	database := "" // an import's only database needs no name
	if len(r.imp.Databases) > 1 {
		database = table.Database
	}
	each := func(page []chferry.PrimaryKey, place string) error {
		for _, pk := range page {
			if pk.Validate() != nil {
				r.skipped++
				continue
			}
			r.pending = append(r.pending, chferry.Operation{Kind: r.kind, Database: database, PrimaryKey: pk})
		}
		if err := r.flush(ctx, 1); err != nil {
			return err
		}
		return r.bookmark.reached(alias, place)
	}
	if resumer, ok := src.(source.Resumer); ok {
		return resumer.PrimaryKeysBehind(ctx, table, r.bookmark.Places[alias], chferry.MaxOperations, each)
	}
	return src.PrimaryKeys(ctx, table, chferry.MaxOperations,
		func(page []chferry.PrimaryKey) error { return each(page, "") })
}

// add adds one primary key as it was typed.
func (r *registration) add(text string) error {
	pk, err := typedKey(text)
	if err != nil {
		return err
	}
	op := chferry.Operation{Kind: r.kind, Database: r.database, PrimaryKey: pk}
	if err := op.Validate(); err != nil {
		return err
	}
	if want := len(r.imp.PrimaryKey); want > 0 && len(pk) != want {
		return chferry.Errorf(chferry.CodeInvalid, "the primary key of import key %s has %s, this one has %d",
			r.imp.Key, chferry.Amount(int64(want), "value", "values"), len(pk))
	}
	r.pending = append(r.pending, op)
	return nil
}

// typedKey reads a text as the only value of a key, unless the text begins as a JSON list does:
// that is read as over HTTP.
func typedKey(text string) (chferry.PrimaryKey, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "[") {
		return chferry.PrimaryKey{text}, nil
	}
	pk, err := api.ReadPrimaryKey(text)
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeInvalid, err,
			`a primary key that begins with "[" must be a JSON list of texts and integers, such as `+
				`["7", 42], and a text that begins with "[" the only value of one, such as ["[draft]"]: %s`, err)
	}
	return pk, nil
}

// flush registers what is pending, if that is at least so many operations. A full queue makes it
// wait, once some operations are in.
func (r *registration) flush(ctx context.Context, least int) error {
	for len(r.pending) >= max(least, 1) {
		n := min(len(r.pending), chferry.MaxOperations)
		if r.patient && r.imp.MaxPending > 0 {
			n = min(n, int(r.imp.MaxPending))
		}
		registered, err := r.storage.RegisterOperations(ctx, r.imp.Key, r.pending[:n]...)
		if chferry.CodeOf(err) == chferry.CodeQueueFull && (r.patient || r.total > 0) {
			if err := r.room.wait(ctx, err); err != nil {
				return err
			}
			continue
		}
		if err != nil {
			return err
		}
		r.total += registered
		r.room.found()
		r.pending = append(r.pending[:0], r.pending[n:]...)
	}
	return nil
}
