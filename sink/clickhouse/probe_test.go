package clickhouse_test

import (
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

// TestProbe refuses before anything is created just what the server refuses to create.
func TestProbe(t *testing.T) { onServers(t, testProbe) }

func testProbe(t *testing.T, s *server) {
	for name, test := range probes() {
		if test.modern && s.major(t) < 20 {
			continue
		}
		day := column("day", kindOf(rowset.Date))
		d := destination(strings.NewReplacer(" ", "_", ",", "").Replace(name), []string{"id", "day"},
			column("id", int64Type), day, column("name", stringType))
		d.Options = test.options
		missing, err := s.Missing(t.Context(), d)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.wantProbe(t, name, d, missing, test.want)
		if err := s.Create(t.Context(), missing); (err == nil) != (test.want == nil) {
			t.Errorf("%s: creating gives %v", name, err)
		}
		if _, err := s.Missing(t.Context(), d); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
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
