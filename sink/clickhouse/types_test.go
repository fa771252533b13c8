package clickhouse_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
	"github.com/chferry/chferry/sink/clickhouse"
)

func nullable(t rowset.Type) rowset.Type {
	t.Nullable = true
	return t
}

func decimalOf(precision, scale int) rowset.Type {
	return rowset.Type{Kind: rowset.Decimal, Precision: precision, Scale: scale}
}

// arrayOf is an array of values, nulls too.
func arrayOf(element rowset.TypeKind, dimensions int) rowset.Type {
	return rowset.Type{Kind: rowset.Array, Element: element, Dimensions: dimensions, Nullable: true}
}

func column(name string, t rowset.Type) rowset.Column {
	return rowset.Column{Name: name, Destination: name, Type: t}
}

// destination has the key's columns first, and the engine's last.
func destination(table string, key []string, columns ...rowset.Column) sink.Destination {
	return sink.Destination{
		Table: table, Engine: engine.Replacing{}, Key: key, OrderBy: key,
		Columns: append(slices.Clip(columns),
			rowset.Column{Destination: "_version", Type: rowset.Type{Kind: rowset.Uint64}},
			rowset.Column{Destination: "_is_deleted", Type: rowset.Type{Kind: rowset.Uint8}}),
	}
}

var kinds = []rowset.Column{
	column("id", rowset.Type{Kind: rowset.Int64}), column("Tenant `x`", rowset.Type{Kind: rowset.UUID}),
	column("bool", rowset.Type{Kind: rowset.Bool}), column("int16", nullable(rowset.Type{Kind: rowset.Int16})),
	column("int32", rowset.Type{Kind: rowset.Int32}), column("uint8", rowset.Type{Kind: rowset.Uint8}),
	column("uint64", rowset.Type{Kind: rowset.Uint64}), column("float32", rowset.Type{Kind: rowset.Float32}),
	column("float64", nullable(rowset.Type{Kind: rowset.Float64})), column("money", decimalOf(12, 2)),
	column("wide", nullable(decimalOf(60, 10))), column("wider", decimalOf(77, 0)),
	column("hundreds", decimalOf(3, -2)), column("tiny", decimalOf(2, 5)),
	column("string", nullable(rowset.Type{Kind: rowset.String})), column("bytes", rowset.Type{Kind: rowset.Bytes}),
	column("date", nullable(rowset.Type{Kind: rowset.Date})), column("timestamp", rowset.Type{Kind: rowset.Timestamp}),
	column("enum", rowset.Type{Kind: rowset.Enum}), column("enum?", nullable(rowset.Type{Kind: rowset.Enum})),
	column("array", arrayOf(rowset.Date, 2)),
}

const createModern = `CREATE TABLE IF NOT EXISTS ` + "`shop`.`users`" + `
(
    ` + "`id`" + ` Int64,
    ` + "`Tenant \\x60x\\x60`" + ` UUID,
    ` + "`bool`" + ` Bool,
    ` + "`int16`" + ` Nullable(Int16),
    ` + "`int32`" + ` Int32,
    ` + "`uint8`" + ` UInt8,
    ` + "`uint64`" + ` UInt64,
    ` + "`float32`" + ` Float32,
    ` + "`float64`" + ` Nullable(Float64),
    ` + "`money`" + ` Decimal(12, 2),
    ` + "`wide`" + ` Nullable(Decimal(60, 10)),
    ` + "`wider`" + ` String,
    ` + "`hundreds`" + ` Decimal(5, 0),
    ` + "`tiny`" + ` Decimal(5, 5),
    ` + "`string`" + ` Nullable(String),
    ` + "`bytes`" + ` String,
    ` + "`date`" + ` Nullable(Date32),
    ` + "`timestamp`" + ` DateTime64(6, 'UTC'),
    ` + "`enum`" + ` LowCardinality(String),
    ` + "`enum\\x3F`" + ` LowCardinality(Nullable(String)),
    ` + "`array`" + ` Array(Array(Nullable(Date32))),
    ` + "`_version`" + ` UInt64,
    ` + "`_is_deleted`" + ` UInt8
)
ENGINE = ReplacingMergeTree(` + "`_version`, `_is_deleted`" + `)
ORDER BY (` + "`Tenant \\x60x\\x60`, `id`)"

func TestCreateTableByVersion(t *testing.T) {
	t.Parallel()
	d := destination("shop.users", []string{"id", "Tenant `x`"}, kinds...)
	d.OrderBy = []string{"Tenant `x`", "id"}
	older := func(pairs ...string) string { return strings.NewReplacer(pairs...).Replace(createModern) }
	v22 := older("(`_version`, `_is_deleted`)", "(`_version`)")
	for version, want := range map[string]string{
		"26.7.3-stable.1":           createModern,
		"23.8.16.40.altinitystable": createModern,
		"23.2":                      createModern,
		"23.1.6.42":                 v22,
		"21.12.4.1":                 v22,
		"21.8.3.44": older("(`_version`, `_is_deleted`)", "(`_version`)", "` Bool", "` UInt8", "Date32",
			"Date"),
		"18.16.1": older("(`_version`, `_is_deleted`)", "(`_version`)", "` Bool", "` UInt8", "Date32", "Date",
			"DateTime64(6, 'UTC')", "DateTime('UTC')", "Decimal(60, 10)", "String",
			"LowCardinality(Nullable(String))", "Nullable(String)", "LowCardinality(String)", "String"),
	} {
		got, err := clickhouse.CreateTable(version, d)
		if err != nil || got != want {
			t.Errorf("%s: got %s, %v\nwant %s", version, got, err, want)
		}
	}
	if _, err := clickhouse.CreateTable("unknown", d); chferry.CodeOf(err) != chferry.CodeConfiguration {
		t.Errorf("got %v for a version that can't be read", err)
	}
}

func TestCreateView(t *testing.T) {
	t.Parallel()
	got, err := clickhouse.CreateView(destination("shop.users", []string{"id"}, kinds[:2]...))
	want := "`shop`.`users_current` AS\nSELECT `id`, `Tenant \\x60x\\x60`\nFROM `shop`.`users` FINAL\nWHERE " +
		"`_is_deleted` = 0" +
		" AND 'made by chferry' != ''"
	if err != nil || got != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestTableNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"users":           "`app`.`users`",
		"shop.users":      "`shop`.`users`",
		"shop.users.old":  "`shop`.`users.old`",
		"`shop.users`":    "`app`.`shop.users`",
		"`my.shop`.users": "`my.shop`.`users`",
		`"my.shop"."a.b"`: "`my.shop`.`a.b`",
		"`a``b`":          "`app`.`a\\x60b`",
		`shop."a""b"`:     "`shop`.`a\\x22b`",
		"":                "",
		".users":          "",
		"shop.":           "",
		"`shop":           "",
		"`shop`users":     "",
		"shop.`users`x":   "",
		"``":              "",
		"shop.``":         "",
	} {
		got, err := clickhouse.TableSQL(name, "app")
		if want == "" {
			if chferry.CodeOf(err) != chferry.CodeConfiguration {
				t.Errorf("%q: got %s, %v, want it refused", name, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", name, got, err, want)
		}
	}
}

func TestWhatColumnsTake(t *testing.T) {
	t.Parallel()
	const old, modern = "18.16.1", "26.3"
	of := func(k rowset.TypeKind) rowset.Type { return rowset.Type{Kind: k} }
	for _, test := range []struct {
		server, column string
		of             rowset.Type
		key, takes     bool
	}{
		{modern, "Bool", of(rowset.Bool), false, true},
		{modern, "UInt8", of(rowset.Bool), false, true},
		{modern, "Int8", of(rowset.Bool), false, true},
		{modern, "Bool", of(rowset.Uint8), false, false},
		{modern, "Int16", of(rowset.Int16), true, true},
		{modern, "Int64", of(rowset.Int32), true, true},
		{modern, "Int16", of(rowset.Int32), false, false},
		{modern, "UInt64", of(rowset.Int16), false, false},
		{modern, "Int16", of(rowset.Uint8), false, true},
		{modern, "Int8", of(rowset.Uint8), false, false},
		{modern, "Int64", of(rowset.Uint64), false, false},
		{modern, "Int128", of(rowset.Int64), false, false},
		{modern, "Float64", of(rowset.Float32), false, true},
		{modern, "Float32", of(rowset.Float64), false, false},
		{modern, "Float64", of(rowset.Int16), false, false},
		{modern, "String", of(rowset.Float64), false, false},
		{modern, "String", of(rowset.Int64), false, false},
		{modern, "String", of(rowset.Bytes), true, true},
		{modern, "String", of(rowset.UUID), true, true},
		{modern, "String", of(rowset.Date), false, true},
		{modern, "LowCardinality(String)", of(rowset.String), true, true},
		{modern, "LowCardinality(Nullable(String))", nullable(of(rowset.String)), false, true},
		{modern, "LowCardinality(String)", nullable(of(rowset.String)), false, false},
		{modern, "LowCardinality(Int64)", of(rowset.Int64), false, false},
		{modern, "LowCardinality(Date32)", of(rowset.Date), false, false},
		{modern, "FixedString(16)", of(rowset.String), false, false},
		{modern, "Enum8('a' = 1)", of(rowset.String), false, false},
		{modern, "Array(String)", of(rowset.String), false, false},
		{modern, "Decimal(12, 2)", decimalOf(12, 2), true, true},
		{modern, "Decimal(13, 3)", decimalOf(12, 2), true, true},
		{modern, "Decimal(12, 3)", decimalOf(12, 2), false, false},
		{modern, "Decimal(12, 1)", decimalOf(12, 2), false, false},
		{modern, "Decimal(76, 38)", decimalOf(0, 0), false, false},
		{modern, "String", decimalOf(100, 2), false, true},
		{modern, "Date32", of(rowset.Date), true, true},
		{modern, "Date", of(rowset.Date), false, false},
		{old, "Date", of(rowset.Date), true, true},
		{modern, "DateTime64(6)", of(rowset.Timestamp), true, true},
		{modern, "DateTime64(9, 'Europe/Berlin')", of(rowset.Timestamp), false, true},
		{modern, "DateTime64(3, 'UTC')", of(rowset.Timestamp), false, false},
		{modern, "DateTime('UTC')", of(rowset.Timestamp), false, false},
		{old, "DateTime", of(rowset.Timestamp), false, true},
		{modern, "DateTime64(6)", of(rowset.Date), false, false},
		{modern, "LowCardinality(String)", of(rowset.Enum), true, true},
		{modern, "String", of(rowset.Enum), false, true},
		{modern, "Array(Nullable(Int32))", arrayOf(rowset.Int32, 1), false, true},
		{modern, "Array(Int64)", arrayOf(rowset.Int32, 1), false, true},
		{modern, "Array(Int16)", arrayOf(rowset.Int32, 1), false, false},
		{modern, "Array(Array(Int32))", arrayOf(rowset.Int32, 1), false, false},
		{modern, "Array(Array(Int32))", arrayOf(rowset.Int32, 2), false, true},
		{modern, "Int32", arrayOf(rowset.Int32, 1), false, false},
		{modern, "Array(Int32)", of(rowset.Int32), false, false},
		{modern, "Array(LowCardinality(String))", arrayOf(rowset.String, 1), false, false},
		{modern, "Array(String)", arrayOf(rowset.Date, 1), false, true},
		{modern, "String", arrayOf(rowset.String, 1), false, false},
		{modern, "Nullable(Int64)", of(rowset.Int64), false, true},
		{modern, "Nullable(Int64)", of(rowset.Int64), true, false},
		{modern, "Int64", nullable(of(rowset.Int64)), false, false},
		{modern, "Nullable(String)", nullable(of(rowset.String)), false, true},
	} {
		got, err := clickhouse.Misfit(test.server, test.column, "", test.of, test.key)
		if err != nil || (got == "") != test.takes {
			t.Errorf("%s: %s takes %+v as key=%v: got %q, want %v",
				test.server, test.column, test.of, test.key, got, test.takes)
		}
	}
	for kind, takes := range map[string]bool{
		"": true, "DEFAULT": true, "MATERIALIZED": false, "ALIAS": false,
		"EPHEMERAL": false,
	} {
		got, err := clickhouse.Misfit(modern, "Int64", kind, of(rowset.Int64), false)
		if err != nil || (got == "") != takes {
			t.Errorf("%s column: got %q, want it taken: %v", kind, got, takes)
		}
	}
}

func TestTablesThatFit(t *testing.T) {
	t.Parallel()
	d := destination("shop.pairs", []string{"a", "odd `name`"}, column("a", rowset.Type{Kind: rowset.Int64}),
		column("odd `name`", rowset.Type{Kind: rowset.String}))
	columns := map[string]string{
		"a": "Int64", "odd `name`": "String", "_version": "UInt64", "_is_deleted": "UInt8",
		"extra": "DateTime",
	}
	const replacing, order = "ReplacingMergeTree(_version, _is_deleted) ORDER BY x", "a, `odd \\`name\\``"
	for name, test := range map[string]struct{ engine, full, order, partition, want string }{
		"as created":    {"ReplacingMergeTree", replacing, order, "", ""},
		"in brackets":   {"ReplacingMergeTree", replacing, "(" + order + ")", "", ""},
		"other order":   {"ReplacingMergeTree", replacing, "`odd \\`name\\``, a", "", ""},
		"no is_deleted": {"ReplacingMergeTree", "ReplacingMergeTree(_version) ORDER BY x", order, "", ""},
		"replicated": {
			"ReplicatedReplacingMergeTree",
			"ReplicatedReplacingMergeTree('/t/(a', '{replica}', _version) ORDER BY x", order, "", "",
		},
		"shared": {
			"SharedReplacingMergeTree",
			"SharedReplacingMergeTree('/t', '{replica}', _version, _is_deleted) ORDER BY x", order, "", "",
		},
		"partitioned by key": {
			"ReplacingMergeTree", replacing, order,
			"(intDiv(a, 1000), cityHash64(`odd \\`name\\``) % 8, 'extra')", "",
		},
		"partitioned otherwise": {"ReplacingMergeTree", replacing, order, "toYYYYMM(extra)", `"extra"`},
		"plain merge tree":      {"MergeTree", "MergeTree() ORDER BY x", order, "", "MergeTree"},
		"a view":                {"View", "", "", "", "View"},
		"no version":            {"ReplacingMergeTree", "ReplacingMergeTree ORDER BY f(x)", order, "", "_version"},
		"no arguments":          {"ReplacingMergeTree", "ReplacingMergeTree() ORDER BY x", order, "", "_version"},
		"other version":         {"ReplacingMergeTree", "ReplacingMergeTree(extra) ORDER BY x", order, "", "_version"},
		"other deleted": {
			"ReplacingMergeTree", "ReplacingMergeTree(_version, extra) ORDER BY x", order, "",
			`"extra"`,
		},
		"key column missing": {"ReplacingMergeTree", replacing, "a", "", "odd `name`"},
		"no order":           {"ReplacingMergeTree", replacing, "", "", `"a"`},
		"further column":     {"ReplacingMergeTree", replacing, order + ", extra", "", "extra"},
		"expression":         {"ReplacingMergeTree", replacing, order + ", lower(x)", "", "lower(x)"},
		"descending":         {"ReplacingMergeTree", replacing, "a DESC, `odd \\`name\\``", "", "a DESC"},
	} {
		err := clickhouse.Fits("26.3", test.engine, test.full, test.order, test.partition, columns, d)
		switch {
		case test.want == "" && err != nil:
			t.Errorf("%s: got %v, want it to fit", name, err)
		case test.want != "" &&
			(chferry.CodeOf(err) != chferry.CodeSchemaMismatch || !strings.Contains(err.Error(), test.want) ||
				!strings.Contains(err.Error(), "shop.pairs")):
			t.Errorf("%s: got %v, want a mismatch that names shop.pairs and %s", name, err, test.want)
		}
	}
}

func TestDestinationsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	c := openClient(t, "clickhouse://127.0.0.1:1", clickhouse.Options{}) // no server need be asked
	for name, test := range map[string]struct {
		change func(*sink.Destination)
		want   chferry.Code
	}{
		"no key":      {func(d *sink.Destination) { d.Key, d.OrderBy = nil, nil }, chferry.CodeSchemaMismatch},
		"unknown key": {func(d *sink.Destination) { d.Key = []string{"absent"} }, chferry.CodeSchemaMismatch},
		"nullable key": {
			func(d *sink.Destination) { d.Columns[0].Type.Nullable = true },
			chferry.CodeSchemaMismatch,
		},
		"one name twice": {func(d *sink.Destination) { d.Columns[1].Destination = "id" }, chferry.CodeSchemaMismatch},
		"the engine's": {
			func(d *sink.Destination) { d.Columns[1].Destination = "_version" },
			chferry.CodeSchemaMismatch,
		},
		"no name":    {func(d *sink.Destination) { d.Columns[1].Destination = "" }, chferry.CodeSchemaMismatch},
		"no version": {func(d *sink.Destination) { d.Columns = d.Columns[:2] }, chferry.CodeSchemaMismatch},
		"order twice": {
			func(d *sink.Destination) { d.OrderBy = []string{"id", "id"} },
			chferry.CodeSchemaMismatch,
		},
		"order of another": {func(d *sink.Destination) { d.OrderBy = []string{"name"} }, chferry.CodeSchemaMismatch},
		"bad table name":   {func(d *sink.Destination) { d.Table = "shop." }, chferry.CodeConfiguration},
		"all right":        {func(*sink.Destination) {}, chferry.CodeUnavailable},
	} {
		d := destination("users", []string{"id"}, column("id", int64Type), column("name", stringType))
		test.change(&d)
		_, err := c.Missing(t.Context(), d)
		if err == nil || chferry.CodeOf(err) != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}
