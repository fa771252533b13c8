package clickhouse_test

import (
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink"
)

type probed struct {
	options chferry.TableOptions
	modern  bool
	want    []string // in the error, if any
}

func probes() map[string]probed {
	type options = chferry.TableOptions
	codec := func(text string) options { return options{Codecs: map[string]string{"name": text}} }
	policy := func(name string) options { return options{Settings: map[string]string{"storage_policy": name}} }
	return map[string]probed{
		"nothing":  {options{}, false, nil},
		"plain":    {options{PartitionBy: "id"}, false, nil},
		"tuple":    {options{PartitionBy: "(intDiv(id, 10), toYYYYMM(day))"}, false, nil},
		"question": {options{PartitionBy: "id > 5 ? 1 : 2"}, false, nil},
		"function": {
			options{PartitionBy: "intDivv(id, 10)"},
			false,
			[]string{"46 UNKNOWN_FUNCTION", "intDivv", "mend destination.partition_by"},
		},
		"arguments": {
			options{PartitionBy: "intDiv(id)"},
			false,
			[]string{"42 NUMBER_OF_ARG", "mend destination.partition_by"},
		},
		"type": {
			options{PartitionBy: "toYYYYMM(id)"},
			false,
			[]string{"43 ILLEGAL_TYPE", "mend destination.partition_by"},
		},
		"aggregate": {
			options{PartitionBy: "sum(id)"},
			false,
			[]string{"184 ILLEGAL_AGGREGATION", "mend destination.partition_by"},
		},
		"syntax": {
			options{PartitionBy: "intDiv(id, 10) 5"},
			false,
			[]string{"62 SYNTAX_ERROR", "mend destination.partition_by"},
		},
		"ttl": {options{TTL: "day + INTERVAL 1 MONTH"}, true, nil},
		"ttl, actions": {options{TTL: "day + INTERVAL 1 DAY RECOMPRESS CODEC(ZSTD(9)), day + INTERVAL 1 YEAR " +
			"DELETE WHERE id > 5"}, true, nil},
		"ttl, function": {
			options{TTL: "addMonthss(day, 1) DELETE"},
			true,
			[]string{"46 UNKNOWN_FUNCTION", "addMonthss", "mend destination.ttl"},
		},
		"ttl, type": {
			options{TTL: "id"},
			true,
			[]string{"destination.ttl is of type Int64", "must be a Date or DateTime"},
		},
		"ttl, syntax":    {options{TTL: "day INTERVAL"}, true, []string{"62 SYNTAX_ERROR", "mend destination.ttl"}},
		"codec":          {codec("ZSTD(3)"), true, nil},
		"codec, unknown": {codec("ZSTDD(3)"), true, []string{"432 UNKNOWN_CODEC", "ZSTDD", "mend destination.codec"}},
		"codec, level": {
			codec("ZSTD(300)"), true, []string{"433 ILLEGAL_CODEC_PARAMETER", "mend destination.codec"},
		},
		"codec, type": {codec("Delta, ZSTD"), true, []string{"36 BAD_ARGUMENTS", "mend destination.codec"}},
		"policy":      {policy("default"), true, nil},
		"policy, unknown": {
			policy("hot"), true, []string{`no storage policy "hot", only default`, "mend destination.settings"},
		},
	}
}

// probesOfCreate are what no question about a part of the statement tells.
func probesOfCreate() map[string]probed {
	probes := map[string]probed{}
	setting := func(name, value string, want ...string) {
		probes["setting "+name] = probed{
			chferry.TableOptions{Settings: map[string]string{name: value}},
			true,
			append(want, "mend destination.settings"),
		}
	}
	setting("index_granularity", "0", "36 BAD_ARGUMENTS", "makes no sense")
	setting("index_granularity_bytes", "10", "is lower than")
	setting("min_bytes_for_wide_part", "-5", "70 CANNOT_CONVERT_TYPE")
	setting("min_age_to_force_merge_seconds", "soon", "27 CANNOT_PARSE_INPUT")
	setting("allow_nullable_key", "2", "70 CANNOT_CONVERT_TYPE")
	setting("merge_selector_algorithm", "best", "MergeSelectorAlgorithm")
	setting("disk", "hot", `the server has no disk "hot", only default`)
	setting("marks_compression_codec", "Foo", "432 UNKNOWN_CODEC")
	setting("auto_statistics_types", "foo", "Unknown statistics type")
	partition := func(text string, want ...string) {
		probes["partition "+text] = probed{
			chferry.TableOptions{PartitionBy: text}, true, append(want, "mend destination.partition_by"),
		}
	}
	partition("toFloat64(id)", "36 BAD_ARGUMENTS", "Floating point")
	partition("toNullable(id)", "44 ILLEGAL_COLUMN")
	partition("(id, rand())", "36 BAD_ARGUMENTS", "non-deterministic")
	partition("arrayJoin([id])", "44 ILLEGAL_COLUMN")
	partition("'all'", "44 ILLEGAL_COLUMN", "constants")
	ttl := func(text string, want ...string) {
		probes["ttl "+text] = probed{chferry.TableOptions{TTL: text}, true, append(want, "mend destination.ttl")}
	}
	ttl("day + INTERVAL rand() DAY", "non-deterministic")
	ttl("day + INTERVAL 1 DAY, day + INTERVAL 2 DAY", "450 BAD_TTL_EXPRESSION")
	ttl("day + INTERVAL 1 DAY RECOMPRESS CODEC(Foo)", "432 UNKNOWN_CODEC")
	ttl("day + INTERVAL 1 DAY TO VOLUME cold", "62 SYNTAX_ERROR")
	ttl("day + INTERVAL 1 DAY TO VOLUME 'cold'", `no volume "cold", only default`)
	ttl("day + INTERVAL 1 DAY TO DISK 'cold'", `no disk "cold", only default`)
	probes["ttl to a disk"] = probed{chferry.TableOptions{TTL: "day + INTERVAL 1 DAY TO DISK 'default'"}, true, nil}
	probes["settings that are right"] = probed{chferry.TableOptions{
		Settings: map[string]string{"index_granularity": "1024", "min_bytes_for_wide_part": "10M", "disk": "default"},
	}, true, nil}
	return probes
}

// TestProbe refuses before anything is created just what the server refuses to create.
func TestProbe(t *testing.T) { onServers(t, testProbe) }

func testProbe(t *testing.T, s *server) {
	all := probes()
	maps.Copy(all, probesOfCreate())
	before := s.tables(t)
	for name, test := range all {
		if test.modern && s.major(t) < 20 {
			continue
		}
		day := column("day", kindOf(rowset.Date))
		d := destination(anythingElse.ReplaceAllString(name, "_"), []string{"id", "day"},
			column("id", int64Type), day, column("name", stringType))
		d.Options = test.options
		missing, err := s.Missing(t.Context(), d)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.wantProbe(t, name, d, missing, test.want)
		if after := s.tables(t); after != before {
			t.Fatalf("%s: asking has made a table of %s: %s", name, before, after)
		}
		if err := s.Create(t.Context(), missing); (err == nil) != (test.want == nil) {
			t.Errorf("%s: creating gives %v", name, err)
		}
		if _, err := s.Missing(t.Context(), d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		before = s.tables(t)
	}
}

var anythingElse = regexp.MustCompile(`[^A-Za-z]+`)

// tables are the names of all tables on the server that tests may make there.
func (s *server) tables(t *testing.T) string {
	t.Helper()
	return s.value(t,
		"SELECT toString(arraySort(groupArray(name))) FROM system.tables WHERE database = '"+s.database+"'")
}

func (s *server) wantProbe(t *testing.T, name string, d sink.Destination, missing []sink.Statement, want []string) {
	t.Helper()
	err := s.Probe(t.Context(), d, missing)
	if want == nil && err == nil {
		return
	}
	if len(want) == 0 || chferry.CodeOf(err) != chferry.CodeConfiguration {
		t.Errorf("%s: got %v, want %q", name, err, want)
		return
	}
	for _, word := range want {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%s: got %v, want %q", name, err, word)
		}
	}
}

// TestProbeOfColumn asks about the codec of a column that is to be added, and not of those that are there.
func TestProbeOfColumn(t *testing.T) { onServers(t, testProbeOfColumn) }

func testProbeOfColumn(t *testing.T, s *server) {
	if s.major(t) < 20 {
		return
	}
	id, old, added := column("id", int64Type), column("old", stringType), column("added", stringType)
	s.create(t, destination("probed", []string{"id"}, id, old))
	d := destination("probed", []string{"id"}, id, old, added)
	for codec, want := range map[string][]string{
		"ZSTD(3)": nil,
		"Foo":     {"column ", ".probed.added", "432 UNKNOWN_CODEC", "mend destination.codec"},
	} {
		d.Options.Codecs = map[string]string{"added": codec, "old": "Bar"}
		missing, err := s.Missing(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		s.wantProbe(t, codec, d, missing, want)
	}
}
