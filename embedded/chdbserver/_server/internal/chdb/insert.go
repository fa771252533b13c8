package chdb

import (
	"errors"
	"io"
	"runtime"
)

// insertChunk is how many bytes go to the library at a time.
const insertChunk = 1 << 20

// Insert runs an INSERT, whose SQL has neither FORMAT nor VALUES, with data that are read to their end, and returns how
// many rows were written. When reading fails, the insert is given up, and the error is the reader's.
func (s *Session) Insert(st Statement, data io.Reader) (written uint64, err error) {
	l := s.library
	stream := st.arguments().pass(l.streamInsert, s.handle)
	defer l.destroyInsert(stream)
	if err := exception(text(l.insertError(stream))); err != nil {
		return 0, err
	}
	if err := l.send(stream, data); err != nil {
		l.cancelInsert(stream)
		return 0, err
	}
	result := l.insertDone(stream)
	defer l.destroyResult(result)
	if err := l.failure(result); err != nil {
		return 0, err
	}
	return l.resultRowsWritten(result), nil
}

func (l *library) send(stream pointer, data io.Reader) error {
	buffer := make([]byte, insertChunk)
	for {
		n, err := data.Read(buffer)
		if n > 0 && l.appendData(stream, start(buffer), uintptr(n)) != 0 {
			return nil // the engine has failed, and says why when it is asked for the result
		}
		runtime.KeepAlive(buffer)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
