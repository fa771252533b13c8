// Package chdb runs ClickHouse inside this process: it binds libchdb, which is ClickHouse as a shared library, without
// cgo, so that no C compiler is needed where there is Go. One process has one engine on one data folder; sessions of it
// are opened and closed as needed.
//
// The functions and their rules are those of chdb.h, at https://github.com/chdb-io/chdb-core.
package chdb
