package worker_test

import (
	"sync/atomic"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/workflows"
)

// TestEqualKeys: a row whose key was stored under one text is deleted, replaced and updated under
// another that PostgreSQL holds equal.
func TestEqualKeys(t *testing.T) {
	t.Parallel()
	for typ, texts := range map[string][3]string{
		"numeric":  {"1.50", "1.5", "1.500"},
		"numrange": {"[1.50,2)", "[1.5,2.0)", "[1.500,2.00)"},
		"interval": {"24:00:00", "1 day", "1 mon -29 days"},
		"bpchar":   {"ab", "ab ", "ab  "},
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			b := keyed(t, "CREATE TABLE keyed (id "+typ+" PRIMARY KEY, n int NOT NULL); INSERT INTO keyed VALUES ('"+
				texts[0]+"', 1)", nil)
			b.registerEveryKey()
			b.wantSynced(1)
			b.exec("UPDATE keyed SET id = '" + texts[1] + "', n = 2")
			b.registerKeys(chferry.Update, chferry.PrimaryKey{texts[2]})
			b.wantSynced(1)
			b.wantTexts("SELECT toString(n) FROM users_current", "2")
			b.exec("DELETE FROM keyed; INSERT INTO keyed VALUES ('" + texts[2] + "', 3)")
			b.registerKeys(chferry.Insert, chferry.PrimaryKey{texts[2]})
			b.wantSynced(1)
			b.wantTexts("SELECT toString(n) FROM users_current", "3")
			b.exec("DELETE FROM keyed")
			b.registerKeys(chferry.Delete, chferry.PrimaryKey{texts[0]})
			if _, err := b.sync(); err != nil {
				t.Fatal(err)
			}
			b.wantTexts("SELECT toString(n) FROM users_current")
		})
	}
}

// engines are those that the look-up of other texts runs on.
var engines = map[string]func(testing.TB) string{"installed": testenv.ClickHouse, "modern": testenv.ModernClickHouse}

// TestCitextKeys: ClickHouse shows a row under the text that the source stores, and under no other,
// whichever text is registered.
func TestCitextKeys(t *testing.T) {
	t.Parallel()
	for name, clickHouse := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, clickHouse(t),
				`CREATE EXTENSION citext; CREATE DOMAIN handle AS citext;
				CREATE TABLE keyed (id handle PRIMARY KEY, n int NOT NULL);
				INSERT INTO keyed VALUES ('Ann', 1), ('Bob', 2), ('Zoë', 3), ('Кот.a', 4), ('', 5), ('it''s \a', 6),
				('annA', 7), ('Ükik', 8)`,
				func(i *chferry.Import) { i.Table = "public.keyed" })
			b.registerEveryKey()
			b.wantSynced(8)
			const shown = "SELECT concat(id, toString(n)) FROM users_current ORDER BY n"

			// Deleted under another text; deleted and inserted again under another text; the stored
			// text changed by an update.
			b.exec(`DELETE FROM keyed WHERE id = 'ann' OR id = ''; DELETE FROM keyed WHERE id = 'bob';
				INSERT INTO keyed VALUES ('BOB', 9);
				UPDATE keyed SET id = 'ZOë' WHERE n = 3; UPDATE keyed SET id = 'Кот.A' WHERE n = 4;
				UPDATE keyed SET id = 'IT''S \A' WHERE n = 6`)
			b.registerKeys(chferry.Delete, chferry.PrimaryKey{"ANN"}, chferry.PrimaryKey{""})
			b.registerKeys(chferry.Update, chferry.PrimaryKey{"BOB"}, chferry.PrimaryKey{"zoë"},
				chferry.PrimaryKey{"Кот.A"}, chferry.PrimaryKey{`it's \a`})
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomeSynced, Batches: 1, Operations: 6, Rows: 4,
				Deletes: 2,
			})
			b.wantTexts(shown, "ZOë3", "Кот.A4", `IT'S \A6`, "annA7", "Ükik8", "BOB9")

			// Back to a text that a tombstone has.
			b.exec("UPDATE keyed SET id = 'Bob' WHERE n = 9; INSERT INTO keyed VALUES ('Ann', 10)")
			b.registerKeys(chferry.Update, chferry.PrimaryKey{"bOb"}, chferry.PrimaryKey{"aNN"})
			b.wantSynced(2)
			b.wantTexts(shown, "ZOë3", "Кот.A4", `IT'S \A6`, "annA7", "Ükik8", "Bob9", "Ann10")
			b.exec("DELETE FROM keyed")
			b.registerKeys(chferry.Delete, chferry.PrimaryKey{"BOB"}, chferry.PrimaryKey{"ANN"},
				chferry.PrimaryKey{"zoë"}, chferry.PrimaryKey{"Кот.a"},
				chferry.PrimaryKey{"ANNA"}, chferry.PrimaryKey{"ÜKIK"}, chferry.PrimaryKey{`It's \a`})
			b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 7, Deletes: 7})
			b.wantTexts(shown)
		})
	}
}

// TestCitextKeysSetAside: a row that is set aside leaves what ClickHouse shows as it is, under
// whichever text it was registered and stored.
func TestCitextKeysSetAside(t *testing.T) {
	t.Parallel()
	b := setupOn(t, testenv.ModernClickHouse(t),
		`CREATE EXTENSION citext; CREATE TABLE keyed (id citext PRIMARY KEY, n numeric(6, 2) NOT NULL);
		INSERT INTO keyed VALUES ('Ann', 1), ('Bob', 2), ('Cid', 3)`,
		func(i *chferry.Import) { i.Table = "public.keyed" })
	b.registerEveryKey()
	b.wantSynced(3)
	b.exec(`UPDATE keyed SET id = 'ANN', n = 'NaN' WHERE id = 'ann'; UPDATE keyed SET n = 'NaN' WHERE id = 'bob';
		UPDATE keyed SET id = 'CID', n = 4 WHERE id = 'cid'`)
	b.registerKeys(chferry.Update, chferry.PrimaryKey{"Ann"}, chferry.PrimaryKey{"BOB"}, chferry.PrimaryKey{"cid"})
	result, err := b.sync()
	b.ok(err)
	if result.Rows != 1 || result.Failed != 2 || result.Operations != 3 {
		t.Errorf("got %+v, want 1 row and 2 failed operations", result)
	}
	b.wantTexts("SELECT concat(id, toString(n)) FROM users_current ORDER BY id", "Ann1", "Bob2", "CID4")
	b.exec("UPDATE keyed SET n = 5 WHERE n = 'NaN'")
	b.registerKeys(chferry.Update, chferry.PrimaryKey{"ann"}, chferry.PrimaryKey{"bob"})
	b.wantSynced(2)
	b.wantTexts("SELECT concat(id, toString(n)) FROM users_current ORDER BY id", "ANN5", "Bob5", "CID4")
}

// TestCitextInCompositeKeys: rows with other values beside the text, or of another database, are
// other rows. The columns beside it are of kinds whose texts differ between servers.
func TestCitextInCompositeKeys(t *testing.T) {
	t.Parallel()
	for name, clickHouse := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setupOn(t, clickHouse(t),
				`CREATE EXTENSION citext; CREATE TABLE keyed (at timestamptz, n int NOT NULL, name citext, shop int,
				price numeric(10, 2), day date, uid uuid, live boolean, raw bytea, alias citext,
				PRIMARY KEY (shop, name, at, price, day, uid, live, raw, alias))`,
				func(i *chferry.Import) {
					i.Table, i.Databases, i.DatabaseColumn = "public.keyed", []string{"default", "other"}, "origin"
					i.OrderBy = []string{"shop", "origin", "name", "at", "price", "day", "uid", "live", "raw", "alias"}
				})
			row := func(database, shop, name, alias, n string) {
				_, err := b.pools[database].Exec(b.ctx(),
					`INSERT INTO keyed (shop, name, alias, n, at, price, day, uid, live, raw) VALUES (`+
						shop+`, '`+name+`', '`+alias+`', `+n+`, '2024-02-29 12:00Z', 1.5, '1970-01-01', `+
						`'0f2e4d6c-8ba9-1c3e-5f70-8192a3b4c5d6', true, '\x0027')`)
				b.ok(err)
			}
			key := func(shop, name, alias string) chferry.PrimaryKey {
				return chferry.PrimaryKey{
					shop, name, "2024-02-29T13:00+01", "1.50", "1970-01-01", "0F2E4D6C-8BA9-1C3E-5F70-8192A3B4C5D6",
					"t", `\x0027`, alias,
				}
			}
			register := func(database string, pks ...chferry.PrimaryKey) {
				for _, pk := range pks {
					_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key,
						chferry.Operation{Kind: chferry.Update, Database: database, PrimaryKey: pk})
					b.ok(err)
				}
			}
			for _, database := range b.imp.Databases {
				row(database, "1", "Ann", "Äx", "1")
				row(database, "1", "Ann", "b", "2")
				row(database, "2", "Ann", "Äx", "3")
				register(database, key("1", "ann", "ÄX"), key("1", "Ann", "b"), key("2", "ANN", "Äx"))
			}
			b.wantSynced(6)
			const shown = "SELECT concat(origin, ' ', toString(n), name, alias) FROM users_current ORDER BY origin, n"
			b.wantTexts(shown, "default 1AnnÄx", "default 2Annb", "default 3AnnÄx", "other 1AnnÄx", "other 2Annb",
				"other 3AnnÄx")
			b.exec("DELETE FROM keyed WHERE n = 1; UPDATE keyed SET name = 'ANN', alias = 'ÄX' WHERE n = 3")
			register("default", key("1", "aNN", "Äx"), key("2", "ann", "Äx"))
			register("other", key("1", "ANN", "B"))
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomeSynced, Batches: 1, Operations: 3, Rows: 2,
				Deletes: 1,
			})
			b.wantTexts(shown, "default 2Annb", "default 3ANNÄX", "other 1AnnÄx", "other 2Annb", "other 3AnnÄx")
		})
	}
}

// TestCitextKeysAgain: a batch whose block is in, although its first attempt failed, does the same again.
func TestCitextKeysAgain(t *testing.T) {
	t.Parallel()
	b := keyed(t, "CREATE EXTENSION citext; CREATE TABLE keyed (id citext PRIMARY KEY, n int NOT NULL); INSERT INTO "+
		"keyed SELECT 'Row' || i, i FROM generate_series(1, 9) i", nil)
	b.registerEveryKey()
	b.wantSynced(9)
	b.exec("UPDATE keyed SET id = upper(id) WHERE n < 4; DELETE FROM keyed WHERE n > 7")
	var lost atomic.Bool
	answer := func() error {
		if lost.Swap(true) {
			return nil
		}
		return chferry.Errorf(chferry.CodeUnavailable, "the answer was lost")
	}
	b.sink.after.Store(&answer)
	b.registerKeys(chferry.Update, chferry.PrimaryKey{"row1"}, chferry.PrimaryKey{"ROW2"}, chferry.PrimaryKey{"rOw3"},
		chferry.PrimaryKey{"rOw8"}, chferry.PrimaryKey{"row9"})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 5, Rows: 3, Deletes: 2})
	if !lost.Load() {
		t.Error("no attempt failed")
	}
	b.wantTexts("SELECT id FROM users_current ORDER BY n", "ROW1", "ROW2", "ROW3", "Row4", "Row5", "Row6", "Row7")
}
