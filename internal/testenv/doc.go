// Package testenv gives tests real servers. Each kind is started once per test binary, when the
// first test asks for it, and stopped by Main; CHFERRY_TEST_REDIS, CHFERRY_TEST_POSTGRES,
// CHFERRY_TEST_CLICKHOUSE, CHFERRY_TEST_CLICKHOUSE_MODERN and CHFERRY_TEST_TEMPORAL name servers to
// use instead. A server that is missing fails the test: a test that is skipped proves nothing.
//
// A package that uses it has
//
//	func TestMain(m *testing.M) { testenv.Main(m) }
package testenv
