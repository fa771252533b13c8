// Package rowset holds tables and sets of their rows, column by column: what a source reads, an
// engine completes and a sink inserts. A registration needs none of it, so it is not in the root
// package.
package rowset
