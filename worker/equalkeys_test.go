package worker_test

import (
	"testing"

	"github.com/chferry/chferry"
)

// TestEqualKeys: a row whose key was stored under one text is deleted, replaced and updated under another that PostgreSQL holds equal.
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
			b := keyed(t, "CREATE TABLE keyed (id "+typ+" PRIMARY KEY, n int NOT NULL); INSERT INTO keyed VALUES ('"+texts[0]+"', 1)", nil)
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
