package clickhouse_test

import "testing"

// TestCleanup has the settings that the documentation names for tombstones: they become the
// table's, and a merge with CLEANUP drops rows that were deleted, and no others.
func TestCleanup(t *testing.T) {
	t.Parallel()
	s := open(t, servers["modern"])
	d := destination("swept", []string{"id"}, column("id", int64Type), column("word", stringType))
	d.Options.Settings = map[string]string{
		"allow_experimental_replacing_merge_with_cleanup": "1", "min_age_to_force_merge_seconds": "86400",
		"min_age_to_force_merge_on_partition_only":                       "1",
		"enable_replacing_merge_with_cleanup_for_min_age_to_force_merge": "1",
	}
	s.create(t, d)
	s.insert(t, d, words(d, 1, "deleted", "kept"))
	s.exec(t, "INSERT INTO "+s.database+".swept SELECT 1, '', 2, 1",
		"OPTIMIZE TABLE "+s.database+".swept FINAL CLEANUP")
	if got := s.value(t, "SELECT arrayStringConcat(groupArray(word), ' ') FROM "+s.database+".swept"); got != "kept" {
		t.Errorf("the table has %q, want only what is not deleted", got)
	}
}
