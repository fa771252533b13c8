// Package transfer carries rows: it plans how an import's columns go from its databases into
// ClickHouse, reads the rows of a batch's operations, and inserts them. It knows nothing of
// workflows, so whatever moves rows can use it.
package transfer
