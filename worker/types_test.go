package worker_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/workflows"
)

const everyTypeSetup = `
	CREATE EXTENSION citext; CREATE EXTENSION hstore;
	CREATE TYPE mood AS ENUM ('happy', 'it''s', %s); CREATE TYPE pair AS (a int, b text);
	CREATE DOMAIN positive AS int CHECK (VALUE > 0);
	CREATE SCHEMA "Odd.schema ""q"" \ ;";`

const (
	everySchema = `Odd.schema "q" \ ;`
	everyTable  = `Every "type"`
	everyKey    = `The "Key".`
	everyTarget = "every `type`.\"all\" \\"
)

func pgName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

func pgText(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func chName(name string) string {
	return "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(name) + "`"
}

// TestEveryType: each type of PostgreSQL arrives at each of its edges, or is set aside with a
// reason. Each value has a row of its own in one table, where all other columns are NULL.
func TestEveryType(t *testing.T) {
	t.Parallel()
	for name, modern := range map[string]bool{"installed": false, "modern": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everyType(t, modern)
		})
	}
}

func everyType(t *testing.T, modern bool) {
	t.Helper()
	columns, table := everyColumns(), pgName(everySchema)+"."+pgName(everyTable)
	statements := fmt.Sprintf(everyTypeSetup, pgText(everyLabel)) + "CREATE TABLE " + table + " (" + pgName(everyKey) +
		" int PRIMARY KEY"
	casts := map[string]string{}
	for i, c := range columns {
		if c.name == "" {
			columns[i].name = c.sql
		}
		statements += ", " + pgName(columns[i].name) + " " + c.sql
		if c.cast != "" {
			casts[columns[i].name] = c.cast
		}
	}
	statements += ", twice int GENERATED ALWAYS AS (" + pgName(everyKey) + " * 2) STORED)"
	b := setupOn(t, serverOf(modern)(t), statements, func(i *chferry.Import) {
		i.Table, i.DestinationTable, i.Cast = table, "`"+strings.ReplaceAll(everyTarget, "`", "``")+"`", casts
	})
	ids := b.fillEvery(table, columns)
	want := workflows.SyncResult{Outcome: activities.OutcomePartial, Batches: 1}
	reasons := map[string]string{}
	id := 0
	for _, c := range columns {
		for _, v := range c.values {
			id++
			if why := v.fails(modern); why != "" {
				want.Failed++
				reasons[strconv.Itoa(id)] = why
			} else {
				want.Rows++
			}
		}
	}
	want.Operations = int64(len(ids))
	b.wantSync(want)
	b.wantReasons(reasons)
	b.wantEvery(columns, modern)
}

func (v everyValue) fails(modern bool) string {
	if modern {
		return v.modernFails
	}
	return v.installedFails
}

func (v everyValue) shown(modern bool) string {
	if modern {
		return v.modern
	}
	return v.installed
}

// fillEvery inserts a row for each value and registers it.
func (b *bundle) fillEvery(table string, columns []everyColumn) (ids []string) {
	b.t.Helper()
	for _, c := range columns {
		for _, v := range c.values {
			ids = append(ids, strconv.Itoa(len(ids)+1))
			value := pgText(v.in)
			switch v.in {
			case "long":
				value = pgText(v.modern)
			case "[]":
				value = "NULL" // an empty array, if it is one
			}
			_, err := b.source.Exec(b.ctx(),
				"INSERT INTO "+table+" ("+pgName(everyKey)+", "+pgName(c.name)+") VALUES ("+ids[len(ids)-1]+", "+value+
					")")
			b.ok(err)
		}
	}
	var ops []chferry.Operation
	for _, id := range ids {
		ops = append(ops, chferry.Operation{Kind: chferry.Insert, PrimaryKey: chferry.PrimaryKey{id}})
	}
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
	b.ok(err)
	return ids
}

// wantReasons compares the operations that were set aside, which name table and column, and no value.
func (b *bundle) wantReasons(want map[string]string) {
	b.t.Helper()
	got := map[string]string{}
	for page, err := range b.storage.FailedOperations(b.ctx(), b.imp.Key) {
		b.ok(err)
		for _, f := range page {
			got[f.PrimaryKey[0]] = f.Reason
			if why := want[f.PrimaryKey[0]]; why == "" || !strings.Contains(f.Reason, why) ||
				!strings.Contains(f.Reason, "table ") || !strings.Contains(f.Reason, "column ") {
				b.t.Errorf("row %s was set aside because %q, want %q", f.PrimaryKey[0], f.Reason, why)
			}
		}
	}
	if len(got) != len(want) {
		b.t.Errorf("%d operations were set aside, want %d", len(got), len(want))
	}
}

func (b *bundle) wantEvery(columns []everyColumn, modern bool) {
	b.t.Helper()
	id := 0
	for _, c := range columns {
		show := "toString(%s)"
		if c.show != "" {
			show = c.show
		}
		var want []string
		first := id + 1
		for _, v := range c.values {
			if id++; v.fails(modern) == "" {
				want = append(want, strconv.Itoa(id)+" "+strconv.Itoa(2*id)+" "+v.shown(modern))
			}
		}
		sql := fmt.Sprintf("SELECT concat(toString("+chName(everyKey)+
			"), ' ', toString(assumeNotNull(twice)), ' ', ifNull("+show+", 'NULL')) FROM "+
			chName(everyTarget+"_current")+" WHERE "+chName(everyKey)+" BETWEEN %d AND %d ORDER BY "+chName(everyKey),
			chName(c.name), first, id)
		got := b.texts(sql)
		if !slices.Equal(got, want) {
			b.t.Errorf("%s: ClickHouse has\n%.600q, want\n%.600q", c.name, got, want)
		}
	}
}
