package clickhouse

import (
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// readMemory bounds what a query of a [sink.Reader] takes on the server.
const readMemory = 1 << 30

// Rows whose values are read come in blocks of so many, however large they are.
const (
	blockSetting = "max_block_size"
	blockRows    = 8192
)

// readSettings are sent with the queries of a [sink.Reader] to servers that know them, so that
// neither the user's profile nor the table changes an answer. A limit of 0 is none.
var readSettings = map[string]any{
	// What a query may take.
	"max_threads": 2, "max_memory_usage": readMemory, querySizeSetting: 2 * mostQuery, "max_ast_elements": 1_000_000,
	"max_expanded_ast_elements": 1_000_000,
	// Holds for queries that are sent with readonly.
	"cancel_http_readonly_queries_on_client_close": 1,
	// Limits that stop a query, or cut its answer silently.
	"max_rows_to_read": 0, "max_bytes_to_read": 0, "max_rows_to_read_leaf": 0, "max_bytes_to_read_leaf": 0,
	"max_result_rows": 0, "max_result_bytes": 0, "max_rows_to_group_by": 0, "max_rows_to_sort": 0,
	"max_bytes_to_sort": 0, "max_rows_in_set": 0, "max_bytes_in_set": 0, "max_columns_to_read": 0,
	"max_partitions_to_read": -1, "limit": 0, "offset": 0,
	"timeout_overflow_mode": "throw", "partial_result_on_first_cancel": 0, "skip_unavailable_shards": 0,
	"force_primary_key": 0, "force_index_by_date": 0, "min_execution_speed": 0,
	"timeout_before_checking_execution_speed": 0,
	// Rows of one key are compared with all others of the key, in all parts and partitions, before
	// any is left out.
	"do_not_merge_across_partitions_select_final":                       0,
	"enable_automatic_decision_for_merging_across_partitions_for_final": 0,
	"optimize_move_to_prewhere_if_final":                                0,
	"use_skip_indexes_if_final":                                         0,
	"apply_deleted_mask":                                                1,
	"max_parallel_replicas":                                             1,
	// Answers of before, and filters of somebody else.
	"use_query_cache": 0, "use_query_condition_cache": 0,
	"additional_table_filters": "{}", "additional_result_filter": "",
	// Sums of no rows are 0.
	"aggregate_functions_null_for_empty": 0, "empty_result_for_aggregation_by_empty_set": 0,
	"optimize_read_in_order": 1,
}

// settings are those of a query.
func (r *reading) settings() ch.Settings {
	settings := ch.Settings{"max_execution_time": wholeSeconds(r.opts.InsertTimeout)}
	for name, value := range readSettings {
		if _, text := value.(string); r.features.settings[name] && (!text || r.features.hasTextSettings()) {
			settings[name] = value
		}
	}
	if r.here && r.features.settings[blockSetting] {
		settings[blockSetting] = blockRows
	}
	if r.overHTTP { // where a server goes on for a client that has gone, unless the query can't write
		settings["readonly"] = 2
	}
	if !r.features.hasTextSettings() { // which the answer must not be cut at, as by timeout_overflow_mode
		settings["max_execution_time"] = 0
	}
	return settings
}

// wholeSeconds rounds a limit up for servers, which count in seconds.
func wholeSeconds(limit time.Duration) int { return int((limit + time.Second - 1) / time.Second) }
