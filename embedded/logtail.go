package embedded

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// tailSize is how many bytes of a server's output are kept for the error of a failed start.
const tailSize = 2048

// logTail keeps the end of what is written to it, and copies everything to another writer if there is one.
type logTail struct {
	mu   sync.Mutex
	tail []byte
	copy io.Writer
}

// Write never fails: a server must not stumble over the writer that its owner gave.
func (l *logTail) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, text...)
	if extra := len(l.tail) - tailSize; extra > 0 {
		l.tail = bytes.Clone(l.tail[extra:])
	}
	if l.copy != nil {
		_, _ = l.copy.Write(text)
	}
	return len(text), nil
}

// lastLines is the kept output in one line, for an error.
func (l *logTail) lastLines() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := strings.FieldsFunc(string(l.tail), func(r rune) bool { return r == '\n' || r == '\r' })
	if len(lines) == 0 {
		return "none"
	}
	return strings.Join(lines, " | ")
}
