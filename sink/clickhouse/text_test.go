package clickhouse_test

import (
	"math"
	"slices"
	"testing"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/sink/clickhouse"
)

// TestUncountableTimestamps: a timestamp that is too late to be counted is later than a column's last, and has no text.
func TestUncountableTimestamps(t *testing.T) {
	t.Parallel()
	for of, unfit := range map[string]bool{"String": true, "Nullable(String)": true, "DateTime64(6, 'UTC')": false} {
		v := ints(rowset.Timestamp, 0, rowset.Uncountable, math.MaxInt64)
		_, got, err := clickhouse.Encode("26.3", of, v, false)
		if err != nil || slices.Equal(got, []int{1}) != unfit {
			t.Errorf("%s: got unfit %v, %v, want %v", of, got, err, unfit)
		}
	}
}
