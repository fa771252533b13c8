package postgres_test

import (
	"crypto/rand"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry/source"
)

// TestOrderedKeys: texts are ordered by some collations, and other types by themselves or not.
func TestOrderedKeys(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, `CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE TYPE mood AS ENUM ('z', 'a');
		CREATE DOMAIN code AS text COLLATE "C"; CREATE DOMAIN word AS text COLLATE "en-x-icu"`)
	for want, types := range map[bool][]string{
		true: {
			"boolean", "smallint", "bigint", "numeric(10,2)", "uuid", "date", "timestamp", "timestamptz", "bytea",
			"name", `text COLLATE "C"`, `varchar(9) COLLATE "POSIX"`, "text COLLATE ucs_basic", "code",
		},
		false: {
			`text COLLATE "en-x-icu"`, `varchar COLLATE "und-x-icu"`, "word", `char(9) COLLATE "C"`, "citext",
			"numeric", "inet", "interval", "mood", "bit(3)", "int4range",
		},
	} {
		for _, typ := range types {
			b.exec(t, "CREATE TABLE items (n int, id "+typ+" PRIMARY KEY)")
			if got := b.describe(t, "items").Columns[1].Ordered; got != want {
				t.Errorf("%s: got ordered %t, want %t", typ, got, want)
			}
			b.exec(t, "DROP TABLE items")
		}
	}
}

// TestOrderOfDatabase: the database's collation decides where a column has none, whoever provides it.
func TestOrderOfDatabase(t *testing.T) {
	t.Parallel()
	admin := setup(t)
	for options, want := range map[string]bool{
		"LOCALE 'C'":       true,
		"LOCALE 'POSIX'":   true,
		"LOCALE 'C.UTF-8'": false, // it is not told from one that sorts otherwise
		"LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'": false,
	} {
		name := "order_" + strings.ToLower(rand.Text())
		admin.exec(t, "CREATE DATABASE "+name+" TEMPLATE template0 ENCODING 'UTF8' "+options)
		t.Cleanup(func() { _, _ = admin.conn.Exec(background(t), "DROP DATABASE "+name+" WITH (FORCE)") })
		b := at(t, edited(t, admin.url, func(u *url.URL) { u.Path = "/" + name }))
		b.exec(t, "CREATE TABLE items (id text PRIMARY KEY)")
		if got := b.describe(t, "items").Columns[0].Ordered; got != want {
			t.Errorf("%s: got ordered %t, want %t", options, got, want)
		}
	}
}

// TestKeyOfFirstValues: a place with the first values of a key has their columns.
func TestKeyOfFirstValues(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.exec(t, "CREATE TABLE items (id bigint, shop int, PRIMARY KEY (shop, id))")
	key, err := b.source.(source.Ranger).KeyOf(b.describe(t, "items"), `["7"]`)
	if err != nil || len(key.Vectors) != 1 || !slices.Equal(key.Vectors[0].Ints, []int64{7}) ||
		key.Columns[0].Name != "shop" {
		t.Errorf("got %+v, %v, want shop 7", key, err)
	}
}
