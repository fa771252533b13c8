// Package embedded starts the servers that chferry works with (Redis, PostgreSQL, ClickHouse, Temporal), each in a
// process of its own and without Docker, so that a test, a demo or a developer has the real thing in seconds.
//
// A server listens on loopback only, on a free port unless told otherwise, and keeps its data in a
// folder given or in a temporary one. It ends with Stop; on Linux also when the process that
// started it dies, however it dies. The programs are those installed on the machine; when they are
// missing, Temporal's is built, and in place of a ClickHouse of this time one comes as a library,
// behind the program chdbserver. Both are kept in the user's cache folder.
//
// It works on Unix systems.
package embedded
