package chdb

import (
	"errors"
	"runtime"
	"unsafe"
)

// Session runs one statement at a time, with settings, a current database and temporary tables of its own. It must not
// be used by two goroutines at a time.
type Session struct {
	library *library
	conn    pointer // what Connect got
	handle  pointer // what statements take
	onClose func()  // nil: nothing
}

// Close ends the session.
func (s *Session) Close() {
	s.library.closeConn(s.conn)
	if s.onClose != nil {
		s.onClose()
	}
}

// Class says what a statement does.
type Class uint32

// The classes of statements.
const (
	Reading        Class = iota // SELECT, SHOW and their like
	Writing                     // in a database
	WritingOutside              // of any database: users, functions, the database system
	Controlling                 // SET, USE, SYSTEM, KILL and their like: of the session, or nothing to repeat
	Unknown                     // it can't be parsed
)

// analysis is chdb_query_analysis_v1.
type analysis struct{ size, statements, flags, class uint32 }

// Classify parses SQL, with the engine's own parser, and tells how many statements it holds (0 if it can't be parsed)
// and what class they are of.
func (s *Session) Classify(sql string) (Class, int, error) {
	text := []byte(sql)
	a := analysis{size: uint32(unsafe.Sizeof(analysis{}))}
	if s.library.classify(s.handle, start(text), uintptr(len(text)), nil, 0, pointer(&a)) != 0 {
		return Unknown, 0, errors.New("classify a statement: libchdb refuses")
	}
	runtime.KeepAlive(text)
	return Class(a.class), int(a.statements), nil
}

// Run runs a statement to its end and returns all of its answer, and how many rows it wrote.
func (s *Session) Run(st Statement) (answer []byte, written uint64, err error) {
	result := st.arguments().pass(s.library.query, s.handle)
	defer s.library.destroyResult(result)
	if err := s.library.failure(result); err != nil {
		return nil, 0, err
	}
	return append(answer, s.library.bytes(result)...), s.library.resultRowsWritten(result), nil
}

// failure returns the error that a result holds.
func (l *library) failure(result pointer) error {
	if result == nil {
		return Errorf(UnknownException, "libchdb returned no result")
	}
	return exception(text(l.resultError(result)))
}

// bytes returns the data of a result, which live as long as it does.
func (l *library) bytes(result pointer) []byte {
	n := l.resultLength(result)
	if n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(l.resultBuffer(result)), n) //nolint:gosec // as long as the library says
}
