package worker_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/transfer"
	"github.com/chferry/chferry/workflows"
)

// keyed is an import of the table keyed on the modern engine.
func keyed(t *testing.T, table string, cast map[string]string) *bundle {
	t.Helper()
	return setupOn(t, testenv.ModernClickHouse(t), table,
		func(i *chferry.Import) { i.Table, i.Cast = "public.keyed", cast })
}

func (b *bundle) registerKeys(kind chferry.Kind, pks ...chferry.PrimaryKey) {
	b.t.Helper()
	ops := make([]chferry.Operation, len(pks))
	for i, key := range pks {
		ops[i] = chferry.Operation{Kind: kind, PrimaryKey: key}
	}
	_, err := b.storage.RegisterOperations(b.ctx(), b.imp.Key, ops...)
	b.ok(err)
}

// registerEveryKey registers the keys of all rows, as a first load does.
func (b *bundle) registerEveryKey() {
	b.t.Helper()
	plan, err := transfer.MakePlan(b.ctx(), b.imp, b.sources)
	b.ok(err)
	b.ok(b.sources["default"].PrimaryKeys(b.ctx(), plan.Tables["default"], 2, func(page []chferry.PrimaryKey) error {
		b.registerKeys(chferry.Update, page...)
		return nil
	}))
}

// TestEmptyKeys: an empty text is a value like any other.
func TestEmptyKeys(t *testing.T) {
	t.Parallel()
	b := keyed(t, `CREATE TABLE keyed (page int, locale text, body text NOT NULL, PRIMARY KEY (page, locale));
		INSERT INTO keyed VALUES (1, '', 'default'), (1, 'fr', 'bonjour'), (2, '', 'other')`, nil)
	b.registerEveryKey()
	b.registerKeys(chferry.Update, chferry.PrimaryKey{"", ""})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomePartial, Batches: 1, Operations: 4, Rows: 3, Failed: 1})
	b.exec("DELETE FROM keyed WHERE page = 1 AND locale = ''")
	b.registerKeys(chferry.Delete, chferry.PrimaryKey{"01", ""})
	b.wantSync(workflows.SyncResult{Outcome: activities.OutcomeSynced, Batches: 1, Operations: 1, Deletes: 1})
	b.wantTexts("SELECT concat(toString(page), '/', locale, '/', body) FROM users_current ORDER BY page",
		"1/fr/bonjour", "2//other")
}

// TestKeysOfAllYears: with a cast to String every moment is a key as PostgreSQL writes it. Without
// one, those that ClickHouse's type does not hold are set aside, which names the cast.
func TestKeysOfAllYears(t *testing.T) {
	t.Parallel()
	for typ, want := range map[string][]string{
		"timestamptz": {
			"-infinity", "0044-03-15 00:00:00 BC", "12000-01-01 00:00:00", "2024-01-01 00:00:00",
			"9999-12-31 23:59:59.999999", "infinity",
		},
		"date": {"-infinity", "0044-03-15 BC", "12000-01-01", "2024-01-01", "9999-12-31", "infinity"},
	} {
		table := "CREATE TABLE keyed (sku int, valid_to " + typ + ", price int NOT NULL, PRIMARY KEY (sku, valid_to))"
		const rows = `INSERT INTO keyed VALUES (1, '2024-01-01', 10), (1, 'infinity', 12),
			(2, '9999-12-31 23:59:59.999999+00', 9), (3, '12000-01-01', 1),
			(4, '0044-03-15 BC', 2), (5, '-infinity', 3)`
		t.Run(typ+" cast", func(t *testing.T) {
			t.Parallel()
			b := keyed(t, table, map[string]string{"valid_to": "String"})
			b.exec(rows)
			b.registerEveryKey()
			b.wantSynced(6)
			b.wantTexts("SELECT valid_to FROM users_current ORDER BY valid_to", want...)
			b.exec("DELETE FROM keyed WHERE sku <> 1 OR valid_to < 'infinity'")
			b.registerKeys(chferry.Delete, chferry.PrimaryKey{"1", "2024-01-01"}, chferry.PrimaryKey{"1", "Infinity"},
				chferry.PrimaryKey{"2", want[4]}, chferry.PrimaryKey{"3", "12000-01-01"},
				chferry.PrimaryKey{"4", "0044-03-15 BC"},
				chferry.PrimaryKey{"5", "-infinity"})
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomeSynced, Batches: 1, Operations: 6, Rows: 1,
				Deletes: 5,
			})
			b.wantTexts("SELECT valid_to FROM users_current", "infinity")
		})
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			b := keyed(t, table, nil)
			b.exec(rows)
			b.registerEveryKey()
			b.wantSync(workflows.SyncResult{
				Outcome: activities.OutcomePartial, Batches: 1, Operations: 6, Rows: 1,
				Failed: 5,
			})
			for key, reason := range b.failed() {
				if !strings.Contains(reason, "cast") || !strings.Contains(reason, "String") {
					t.Errorf("key %s was set aside for %q, which does not name the cast", key, reason)
				}
			}
		})
	}
}

// TestLastYears: PostgreSQL's last years arrive clamped like all that a column has no room for, and are no infinity.
func TestLastYears(t *testing.T) {
	t.Parallel()
	for cast, want := range map[string][]string{
		"":       {"1 2299-12-31 23:59:59.999999", "2 2299-12-31 23:59:59.999999", "3 2299-12-31 23:59:59.999999"},
		"String": {"2 infinity", "3 294246-12-31 23:59:59"},
	} {
		t.Run(cast, func(t *testing.T) {
			t.Parallel()
			columns := map[string]string{}
			if cast != "" {
				columns["at"] = cast
			}
			b := keyed(t, `CREATE TABLE keyed (id int PRIMARY KEY, at timestamptz NOT NULL); INSERT INTO keyed
				VALUES (1, '294276-12-31 12:00Z'), (2, 'infinity'), (3, '294246-12-31 23:59:59Z')`, columns)
			b.registerEveryKey()
			_, err := b.sync()
			b.ok(err)
			b.wantTexts("SELECT concat(toString(id), ' ', toString(at)) FROM users_current ORDER BY id", want...)
			for _, reason := range b.failed() {
				if !strings.Contains(reason, "a timestamp after the year 294246") {
					t.Errorf("a row was set aside for %q", reason)
				}
			}
		})
	}
}

// TestNotationsOfKeys: a key in any notation that PostgreSQL reads is that of its row, and its
// tombstone replaces the row.
func TestNotationsOfKeys(t *testing.T) {
	t.Parallel()
	for typ, test := range map[string]struct {
		stored    string
		notations []string
		unread    []string
		cut       []string // more digits or characters than the column keeps
	}{
		"timestamptz": {
			"2024-02-29 12:00:00+00",
			[]string{
				"2024-02-29T12:00Z", "2024-02-29T17:30+05:30", "2024-02-29 12:00:00 +0000", "20240229T120000Z",
				"Thu Feb 29 12:00:00 2024 UTC",
				"2024-02-29T12:00:00.000Z",
			},
			[]string{"today", "now", "2024-02-30T12:00Z", ""},
			[]string{"2024-02-29 12:00:00.0000001", "2024-02-29 13:00:00.0000001+01"},
		},
		"timestamptz(3)": {
			"2024-02-29 12:00:00.12+00",
			[]string{"2024-02-29T12:00:00.120Z", "2024-02-29 13:00:00.120000+01"},
			nil,
			[]string{"2024-02-29T12:00:00.1204Z", "2024-02-29T12:00:00.119501Z", "2024-02-29 13:00:00.119501+01"},
		},
		"time(0)":       {"10:00:00", []string{"10:00", "10:00:00.000"}, nil, []string{"10:00:00.4", "09:59:59.5"}},
		"varchar(3)":    {"abc", []string{"abc"}, nil, []string{"abc ", "abcd"}},
		"numeric(5,-2)": {"12300", []string{"12300", "123e2"}, []string{"99999999"}, []string{"12345", "12300.4"}},
		"bit(4)":        {"0100", []string{"0100", "x4"}, nil, []string{"01", "01001"}},
		"interval hour to second(1)": {
			"1 day 00:00:00.5", []string{"24:00:00.5"}, []string{"soon"}, []string{"1 day 00:00:00.51"},
		},
		"timestamp": {
			"2024-02-29 12:00:00",
			[]string{"2024-02-29 12:00:00+05", "2024-02-29T12:00:00Z"},
			[]string{"tomorrow"},
			nil,
		},
		"date": {
			"2024-02-29",
			[]string{"2024-02-29T00:00:00.000Z", "29 Feb 2024", "20240229"},
			[]string{"yesterday"},
			[]string{"2024-02-29 12:00"},
		},
		"numeric(10, 1)": {"1.5", []string{"15e-1", " 1.50 ", "+1.5"}, []string{"1,5", "1e1000000"}, []string{"1.51"}},
		"bytea":          {`\x00ff`, []string{`\x00FF`, `\000\377`}, []string{`\x0`}, nil},
		"char(4)":        {"ab", []string{"ab", "ab  "}, nil, []string{"abcde"}},
		"citext":         {"Ann", []string{"ANN", "ann"}, nil, nil},
	} {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			b := keyed(t, "CREATE EXTENSION citext; CREATE TABLE keyed (id "+typ+
				" PRIMARY KEY, n int NOT NULL); INSERT INTO keyed VALUES ('"+test.stored+"', 7)", nil)
			for _, notation := range slices.Concat(test.notations, test.unread, test.cut) {
				b.registerKeys(chferry.Update, chferry.PrimaryKey{notation})
			}
			n, bad := int64(len(test.notations)), int64(len(test.unread)+len(test.cut))
			if typ == "citext" {
				b.sync() //nolint:errcheck // what it counts is not at stake
			} else {
				outcome := activities.OutcomePartial
				b.wantSync(workflows.SyncResult{
					Outcome: outcome, Batches: 1, Operations: n + bad, Rows: 1, Coalesced: n - 1, Failed: bad,
				})
			}
			failed := b.failed()
			for _, key := range test.cut {
				if reason := failed[key]; !strings.Contains(reason, `than column "id" (`) {
					t.Errorf("%q was set aside for %q, which does not say that it is cut", key, reason)
				}
			}
			if got, want := slices.Sorted(maps.Keys(failed)), slices.Sorted(slices.Values(slices.Concat(test.unread,
				test.cut))); !slices.Equal(got, want) {
				t.Errorf("set aside were %q, want %q", got, want)
			}
			b.wantTexts("SELECT toString(n) FROM users_current", "7")
			_, err := b.storage.DiscardFailed(b.ctx(), b.imp.Key)
			b.ok(err)

			// The database gives the key to the application that deletes the row, or the
			// application writes it as before.
			b.exec("DELETE FROM keyed")
			b.registerKeys(chferry.Delete, chferry.PrimaryKey{test.stored}, chferry.PrimaryKey{test.notations[0]})
			if _, err := b.sync(); err != nil {
				t.Fatal(err)
			}
			b.wantTexts("SELECT toString(n) FROM users_current")
		})
	}
}
