package worker_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/workflows"
)

// onServers runs a test on the ClickHouse that is installed and on one of today.
func onServers(t *testing.T, test func(t *testing.T, clickHouse string)) {
	t.Parallel()
	for name, modern := range map[string]bool{"installed": false, "modern": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, serverOf(modern)(t))
		})
	}
}

func serverOf(modern bool) func(testing.TB) string {
	if modern {
		return testenv.ModernClickHouse
	}
	return testenv.ClickHouse
}

// texts returns what a query of ClickHouse gives, one text a row.
func (b *bundle) texts(sql string) []string {
	b.t.Helper()
	rows, err := b.target.Query(b.ctx(), sql)
	b.ok(err)
	defer rows.Close()
	var got []string
	for rows.Next() {
		var text string
		b.ok(rows.Scan(&text))
		got = append(got, text)
	}
	b.ok(rows.Err())
	return got
}

func (b *bundle) wantTexts(sql string, want ...string) {
	b.t.Helper()
	if got := b.texts(sql); !slices.Equal(got, want) {
		b.t.Fatalf("%s gives\n%q, want\n%q", sql, got, want)
	}
}

// createMissing does for the destination what apply does.
func (b *bundle) createMissing() {
	b.t.Helper()
	plan, err := transfer.MakePlan(b.ctx(), b.imp, b.sources)
	b.ok(err)
	missing, err := b.sink.Missing(b.ctx(), plan.Destination)
	b.ok(err)
	b.ok(b.sink.Create(b.ctx(), missing))
}

func (b *bundle) wantSynced(rows int64) {
	b.t.Helper()
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: rows, Rows: rows})
}

// TestColumnsComeAndGo: a new column waits for apply and stops nothing, a dropped one gets its
// default, and both are told.
func TestColumnsComeAndGo(t *testing.T) {
	onServers(t, func(t *testing.T, clickHouse string) {
		b := setupOn(t, clickHouse, "", func(i *chferry.Import) { i.Exclude = []string{"born"} })
		b.insert("1", "2")
		b.wantSynced(2)

		b.exec(`ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 7, ADD COLUMN "Nick ""name\" text DEFAULT 'n'`)
		b.register(chferry.Update, "1")
		b.wantSynced(1)
		b.wantStatus(chferry.Status{Schema: []string{
			`column "age" is not in ClickHouse's table users: chferry apply adds it`,
			`column "Nick \"name\\" is not in ClickHouse's table users: chferry apply adds it`,
		}})
		b.wantRows("1", "2")

		b.createMissing()
		b.register(chferry.Update, "1")
		b.wantSynced(1)
		b.wantStatus(chferry.Status{})
		const all = "SELECT concat(name, ' ', toString(age), ' ', ifNull(`Nick \"name\\\\`, 'NULL')) FROM " +
			"users_current ORDER BY id"
		b.wantTexts(all, "name of "+sentinel+"1 7 n", "name of "+sentinel+"2 0 NULL")

		b.exec(`ALTER TABLE users DROP COLUMN name, DROP COLUMN born`) // one of them is named in the configuration
		b.register(chferry.Update, "2")
		b.wantSynced(1)
		b.wantTexts(all, "name of "+sentinel+"1 7 n", " 7 n")
	})
}

// TestColumnsOfSomeDatabases: the table is changed in one database before the other.
func TestColumnsOfSomeDatabases(t *testing.T) {
	t.Parallel()
	b := setup(t, func(i *chferry.Import) { i.Databases, i.DatabaseColumn = []string{"eu", "us"}, "region" })
	b.exec(`ALTER TABLE users DROP COLUMN born, ADD COLUMN age int NOT NULL DEFAULT 7,
		ADD COLUMN born date DEFAULT '2000-01-01'`)
	b.createMissing()
	b.exec(`INSERT INTO users VALUES ('$1', 'of $')`)
	_, err := b.pools["us"].Exec(b.ctx(), `INSERT INTO users VALUES ('`+sentinel+`1', 'of us', '2001-02-03')`)
	b.ok(err)
	for _, database := range b.imp.Databases {
		_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key,
			chferry.Operation{Kind: chferry.Insert, Database: database, PrimaryKey: pk("1")})
		b.ok(err)
	}
	b.wantSynced(2)
	b.wantTexts("SELECT concat(region, ' ', name, ' ', toString(born), ' ', toString(age)) FROM users_current ORDER "+
		"BY region",
		"eu of "+sentinel+" 2000-01-01 7", "us of us 2001-02-03 0")
	b.wantStatus(chferry.Status{Schema: []string{
		`column "age" of public.users is not in database us: its rows get a default`,
	}})

	_, err = b.pools["us"].Exec(b.ctx(), `ALTER TABLE users ADD COLUMN age bigint`)
	b.ok(err)
	b.register(chferry.Insert, "1")
	_ = b.wantFailure(chferry.CodeSchemaMismatch)
}

// hookedSource calls a function before each Fetch.
type hookedSource struct {
	source.Source
	before func()
}

func (h *hookedSource) Fetch(ctx context.Context, table rowset.Table, keys []rowset.Vector) (rowset.Rows, error) {
	h.before()
	return h.Source.Fetch(ctx, table, keys)
}

// TestColumnDroppedMeanwhile drops a column after the table was described for a batch, and before its rows are read.
func TestColumnDroppedMeanwhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.insert("1")
	b.stop()
	drop := sync.OnceFunc(func() { b.exec(`ALTER TABLE users DROP COLUMN born`) })
	b.sources["default"] = &hookedSource{b.sources["default"], drop}
	b.runWorker()
	b.wantSynced(1)
	b.wantTexts("SELECT concat(name, ' ', ifNull(toString(born), 'NULL')) FROM users_current",
		"name of "+sentinel+"1 NULL")
}
