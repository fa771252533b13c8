package chdb

import (
	"fmt"
	"unsafe"

	"github.com/ebitengine/purego"
)

// pointer is whatever the library gives or takes, which only it looks into.
type pointer = unsafe.Pointer

// library is libchdb, loaded.
type library struct {
	setSignalHandlersEnabled func(enabled int32)
	connect                  func(argc int32, argv pointer) pointer
	closeConn                func(conn pointer)

	classify func(conn, sql pointer, sqlLen uintptr, database pointer, databaseLen uintptr, analysis pointer) int32
	query    func(conn, sql pointer, sqlLen uintptr, format pointer, formatLen uintptr, names, nameLens, values,
		valueLens pointer, n uintptr) pointer
	streamQuery func(conn, sql pointer, sqlLen uintptr, format pointer, formatLen uintptr, names, nameLens, values,
		valueLens pointer, n uintptr) pointer
	fetch       func(conn, stream pointer) pointer
	cancelQuery func(conn, stream pointer)

	resultError       func(result pointer) pointer
	resultBuffer      func(result pointer) pointer
	resultLength      func(result pointer) uintptr
	resultRowsWritten func(result pointer) uint64
	destroyResult     func(result pointer)

	streamInsert func(conn, sql pointer, sqlLen uintptr, format pointer, formatLen uintptr, names, nameLens, values,
		valueLens pointer, n uintptr) pointer
	insertError   func(stream pointer) pointer
	appendData    func(stream, data pointer, n uintptr) int32
	insertDone    func(stream pointer) pointer
	cancelInsert  func(stream pointer)
	destroyInsert func(stream pointer)
}

// load loads the library from a file. One that lacks a function that is needed here is too old.
func load(path string) (*library, error) {
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_GLOBAL)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", path, err)
	}
	l := &library{}
	for name, function := range l.functions() {
		if _, err := purego.Dlsym(handle, name); err != nil {
			return nil, fmt.Errorf("load %s: it has no %s, so it is older than 26.7", path, name)
		}
		purego.RegisterLibFunc(function, handle, name)
	}
	// Before the first session, which would take the signals that the Go runtime lives on.
	l.setSignalHandlersEnabled(0)
	return l, nil
}

func (l *library) functions() map[string]any {
	return map[string]any{
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlersEnabled,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.closeConn,
		"chdb_classify_query_n":            &l.classify,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_query_with_params_n":  &l.streamQuery,
		"chdb_stream_fetch_result":         &l.fetch,
		"chdb_stream_cancel_query":         &l.cancelQuery,
		"chdb_result_error":                &l.resultError,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_rows_written":         &l.resultRowsWritten,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_stream_insert_with_params_n": &l.streamInsert,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_stream_append":               &l.appendData,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_cancel_insert":        &l.cancelInsert,
		"chdb_destroy_insert_stream":       &l.destroyInsert,
	}
}

// text copies a C string.
func text(p pointer) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n)) //nolint:gosec // as long as we have just seen it to be
}

func start(b []byte) pointer {
	return pointer(unsafe.SliceData(b)) //nolint:gosec // for the time of one call, which gets the length too
}
