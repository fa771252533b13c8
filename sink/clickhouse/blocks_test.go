package clickhouse_test

import (
	"testing"

	"github.com/chferry/chferry/rowset"
)

// TestManyPartitions inserts a block of more partitions than servers take by default.
func TestManyPartitions(t *testing.T) { onServers(t, testManyPartitions) }

func testManyPartitions(t *testing.T, s *server) {
	d := destination("readings", []string{"id"}, column("id", int64Type), column("n", int64Type))
	d.Options.PartitionBy = "intDiv(id, 2)"
	s.create(t, d)
	s.insert(t, d, rowsOf(d, 500, 1, func(row int, v []rowset.Vector) { v[0].AppendInt(int64(row)) }))
	if got := s.value(t, "SELECT toString(count()) FROM "+s.database+".readings_current"); got != "500" {
		t.Errorf("%s rows arrived, want 500", got)
	}
}

// TestNoToken inserts two blocks under one token into a table that drops repetitions: rows that
// replace each other are never taken for one.
func TestNoToken(t *testing.T) { onServers(t, testNoToken) }

func testNoToken(t *testing.T, s *server) {
	d := destination("repeated", []string{"id"}, column("id", int64Type), column("n", int64Type))
	if s.major(t) >= 22 {
		d.Options.Settings = map[string]string{"non_replicated_deduplication_window": "100"}
	}
	s.create(t, d)
	for n := range 2 {
		s.insert(t, d, rowsOf(d, n+1, 1, func(row int, v []rowset.Vector) { v[0].AppendInt(int64(row)) }))
	}
	if got := s.value(t, "SELECT toString(count()) FROM "+s.database+".repeated_current"); got != "2" {
		t.Errorf("%s rows arrived, want 2", got)
	}
}
