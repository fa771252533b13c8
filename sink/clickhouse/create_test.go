package clickhouse_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry"
)

// TestConfigurationThatServersRefuse names the key of the configuration that a server refuses, and what it says of it.
func TestConfigurationThatServersRefuse(t *testing.T) {
	onServers(t, testConfigurationThatServersRefuse)
}

func testConfigurationThatServersRefuse(t *testing.T, s *server) {
	type options = chferry.TableOptions
	settings := func(name, value string) options { return options{Settings: map[string]string{name: value}} }
	codec := func(text string) options { return options{Codecs: map[string]string{"c": text}} }
	for name, test := range map[string]struct {
		options options
		modern  bool
		want    []string
	}{
		"function": {
			options{PartitionBy: "intDivv(id, 10)"},
			false,
			[]string{"46 UNKNOWN_FUNCTION (Unknown function intDivv", "mend destination.partition_by"},
		},
		"arguments": {
			options{PartitionBy: "intDiv(id)"},
			false,
			[]string{"42 NUMBER_OF_ARGUMENTS_DOESNT_MATCH", "mend destination.partition_by"},
		},
		"ttl": {
			options{TTL: "toDatee(id) + INTERVAL 1 DAY", PartitionBy: "intDiv(id, 10)"},
			true,
			[]string{"toDatee", "mend destination.ttl"},
		},
		"ttl type": {
			options{TTL: "id", PartitionBy: "id"},
			true,
			[]string{"450 BAD_TTL_EXPRESSION", "mend destination.ttl"},
		},
		"volume": {
			options{TTL: "toDate(id) + INTERVAL 1 DAY TO VOLUME 'cold'"},
			true,
			[]string{"`cold`", "mend destination.ttl"},
		},
		"syntax": {options{TTL: "toDate(id) INTERVAL"}, true, []string{"62 SYNTAX_ERROR", "mend destination.ttl"}},
		"codec":  {codec("ZSTDD(3)"), true, []string{"432 UNKNOWN_CODEC", "ZSTDD", "mend destination.codec"}},
		"level":  {codec("ZSTD(300)"), true, []string{"433 ILLEGAL_CODEC_PARAMETER", "mend destination.codec"}},
		"policy": {
			settings("storage_policy", "hot"), true,
			[]string{"478 UNKNOWN_POLICY (Unknown storage policy `hot`)", "mend destination.settings"},
		},
		"value": {settings("index_granularity", "abc"), false, []string{"mend destination.settings"}},
		"of queries": {
			settings("max_threads", "5"), false,
			[]string{`destination.settings names "max_threads", which is no setting of tables`},
		},
		"unknown": {
			settings("indexgranularity", "5"), false, []string{`"indexgranularity"`, `such as "index_granularity"`},
		},
	} {
		if test.modern && s.major(t) < 20 {
			continue
		}
		d := destination(strings.ReplaceAll(name, " ", "_"), []string{"id"}, column("id", int64Type),
			column("c", stringType))
		d.Options = test.options
		missing, err := s.Missing(t.Context(), d)
		if err == nil {
			err = s.Create(t.Context(), missing)
		}
		if chferry.CodeOf(err) != chferry.CodeConfiguration {
			t.Errorf("%s: got %s %v, want Configuration", name, chferry.CodeOf(err), err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
		}
	}
}
