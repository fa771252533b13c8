package storagetest

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// values of primary keys that have hurt somebody's storage: signs that separate or quote, bytes
// that are no text, and the lengths, counts and letters that an encoding may be made of.
var values = []string{
	"", "a.b:c|d{e}f'g\"h`i j\nk\\l", ".", ":", "|", "{}", "{users}", "'", "\"", "`", "\\", " ", "  ", "\n", "\r\n",
	"\t1", "1 ", " 1",
	"01", "1", "-1", "1e3", "null", "NULL", "[\"7\"]", "{\"a\":1}", "%s", "*", "$1", "; --", "7|42", "7:42", "7.42",
	"\x00", "nul\x00in it", "nul at the end\x00", "\xff\xfe not UTF-8", "\xed\xa0\x80", "\x80", "\x80\x01",
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "日本語 🚢", "é", "e\u0301", "\u202e", "\ufeff",
	"i", "u", "d", "I", "U", "D", "o", "u\x01\x01\x03123", "D\x02\x02eu\x01\x017\x0242", "7\x0242", "\x01", "\x01\x01",
	"\x02", "\x7f",
}

// composites have the same bytes in other parts.
var composites = []chferry.PrimaryKey{
	{"7", "42"},
	{"", ""},
	{"7", ""},
	{"", "7"},
	{"", "", ""},
	{"74", "2"},
	{"7", "4", "2"},
	{"7|", "|42", "[\"7\"]"},
	{"7", "|", "42"},
	{"\x01", "\x01"},
	{"\x01\x01", "\x01"},
	{"\x01", "\x01\x01"},
	{"i", "u", "d", "I", "U", "D"},
	{"u\x01", "\x01i"},
	{"\x80", "\x01"},
	{"\x00", "\x00"},
	slices.Repeat(chferry.PrimaryKey{"x"}, chferry.MaxPrimaryKeyParts),
	slices.Repeat(chferry.PrimaryKey{"\x01"}, chferry.MaxPrimaryKeyParts),
	slices.Repeat(chferry.PrimaryKey{""}, chferry.MaxPrimaryKeyParts),
}

// lengths are those around which a variable-length integer takes another byte.
var lengths = []int{
	127, 128, 255, 256, 4096, 16_383, 16_384, chferry.MaxPrimaryKeyBytes - 1,
	chferry.MaxPrimaryKeyBytes,
}

// rows are operations on all of these, the short ones in several databases.
func rows() []chferry.Operation {
	pks := slices.Clone(composites)
	for _, value := range values {
		pks = append(pks, chferry.PrimaryKey{value})
	}
	for _, n := range lengths {
		pks = append(pks, chferry.PrimaryKey{strings.Repeat("x", n)})
		if n < chferry.MaxPrimaryKeyBytes {
			pks = append(pks, chferry.PrimaryKey{strings.Repeat("\x80", n), "y"},
				chferry.PrimaryKey{"y", strings.Repeat("\x00", n)})
		}
	}
	var ops []chferry.Operation
	for _, database := range []string{
		"", "eu", "e", "\x02eu", "default", strings.Repeat("d", 127),
		strings.Repeat("d", chferry.MaxDatabaseBytes),
	} {
		for i, pk := range pks {
			if database != "" && len(strings.Join(pk, "")) > 256 {
				continue
			}
			kind := []chferry.Kind{chferry.Insert, chferry.Update, chferry.Delete}[i%3]
			ops = append(ops, chferry.Operation{Kind: kind, Database: database, PrimaryKey: pk})
		}
	}
	return ops
}

func compare(x, y chferry.Operation) int {
	return cmp.Or(cmp.Compare(x.Database, y.Database), slices.Compare(x.PrimaryKey, y.PrimaryKey),
		cmp.Compare(x.Kind, y.Kind))
}

// operations gives what a batch holds.
func (b *bundle) operations(token string, batch chferry.Batch) (ops []chferry.Operation) {
	for page, err := range b.BatchOperations(b.ctx(), b.key, token, batch) {
		b.ok(err)
		ops = append(ops, page...)
	}
	return ops
}

func (b *bundle) wantOperations(got, want []chferry.Operation) {
	b.t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got) || i >= len(want):
			b.t.Fatalf("got %d operations, want %d", len(got), len(want))
		case compare(got[i], want[i]) != 0:
			b.t.Fatalf("operation %d is %.300s, want %.300s", i, text(got[i]), text(want[i]))
		}
	}
}

func testPrimaryKeys(_ *testing.T, b *bundle) {
	want := rows()
	for _, ops := range slices.Collect(slices.Chunk(want, 127)) {
		_, err := b.RegisterOperations(b.ctx(), b.key, ops...)
		b.ok(err)
	}
	for _, op := range want {
		_, err := b.RegisterOperations(b.ctx(), b.key, op)
		b.ok(err)
	}
	b.start("a")
	b.wantOperations(b.operations("a", b.get("a", 0)), slices.Concat(want, want))
}

// testPrimaryKeysFailed takes them the other way: set aside, listed, retried and read again.
func testPrimaryKeysFailed(t *testing.T, b *bundle) {
	want := rows()
	slices.SortFunc(want, compare)
	var aside []chferry.FailedOperation
	for _, op := range want {
		aside = append(aside, chferry.FailedOperation{Operation: op, Reason: "bad"})
	}
	b.register(chferry.Insert, "x")
	b.start("a")
	batch := b.get("a", 0)
	b.ok(b.SetAside(b.ctx(), b.key, storage.Attempt{Token: "a", BatchID: batch.ID, Number: 1}, aside))
	b.post("a", batch)

	var listed []chferry.Operation
	for page, err := range b.Storage.FailedOperations(b.ctx(), b.key) {
		b.ok(err)
		for _, f := range page {
			listed = append(listed, f.Operation)
		}
	}
	slices.SortFunc(listed, compare)
	b.wantOperations(listed, want)

	n, err := b.RetryFailed(b.ctx(), b.key)
	b.ok(err)
	if n != len(want) {
		t.Fatalf("retried %d, want %d", n, len(want))
	}
	b.wantKept(int64(len(want)))
	b.start("a")
	retried := b.operations("a", b.get("a", 0))
	slices.SortFunc(retried, compare)
	b.wantOperations(retried, want)
}
