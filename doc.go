// Package chferry holds the words that every other package speaks: import keys, operations, batches, limits and
// errors. It imports nothing from this module, so that storages, sources and sinks can share these words
// without knowing each other.
package chferry
