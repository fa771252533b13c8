// Package httpserver speaks ClickHouse's HTTP interface in front of an engine in this process, as far as ClickHouse's
// client for Go, and curl, need it: statements in the URL or the body, data both ways in any format and compressed, the
// URL's settings and parameters, and errors as ClickHouse gives them. There are no sessions over several requests, no
// external tables and one user.
//
// The interface is described at https://clickhouse.com/docs/interfaces/http.
package httpserver
