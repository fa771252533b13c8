package clickhouse_test

import (
	"strconv"
	"testing"

	"github.com/chferry/chferry"
)

// TestPartsPressure counts the parts of the partition that has most of them, against limits of the
// server's and of the table's own.
func TestPartsPressure(t *testing.T) { onServers(t, testPartsPressure) }

func testPartsPressure(t *testing.T, s *server) {
	d := destination("parted", []string{"id"}, column("id", int64Type))
	d.Options.PartitionBy = "intDiv(id, 10)"
	d.Options.Settings = map[string]string{"parts_to_delay_insert": "1000", "parts_to_throw_insert": "16"}
	other := destination("other", []string{"id"}, column("id", int64Type))
	for _, to := range []string{"parted", "other"} {
		of := d
		if to == "other" {
			of = other
		}
		s.create(t, of)
		s.exec(t, "SYSTEM STOP MERGES "+s.database+"."+to)
	}
	for version, id := range []int{1, 2, 3, 11} {
		row := " SELECT " + strconv.Itoa(id) + ", " + strconv.Itoa(version) + ", 0"
		s.exec(t, "INSERT INTO "+s.database+".parted"+row, "INSERT INTO "+s.database+".other"+row)
	}
	if got, err := s.PartsPressure(t.Context(), d); err != nil || got != 3./16 {
		t.Errorf("got %v, %v, want 3 of 16", got, err)
	}
	limit, err := strconv.Atoi(
		s.value(t, "SELECT value FROM system.merge_tree_settings WHERE name = 'parts_to_delay_insert'"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.PartsPressure(t.Context(), other); err != nil || got != 4/float64(limit) {
		t.Errorf("got %v, %v, want 4 of %d", got, err, limit)
	}
	d.Table = "a.b.c"
	_, err = s.PartsPressure(t.Context(), d)
	if got := chferry.CodeOf(err); got != chferry.CodeConfiguration {
		t.Errorf("got %s (%v)", got, err)
	}
}
