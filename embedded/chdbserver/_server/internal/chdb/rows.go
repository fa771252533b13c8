package chdb

// Rows is the answer of a SELECT as it comes.
type Rows struct {
	session *Session
	stream  pointer
	chunk   pointer
	ended   bool
}

// Select starts a SELECT; the library can't stream the answers of other statements.
func (s *Session) Select(st Statement) (*Rows, error) {
	stream := st.arguments().pass(s.library.streamQuery, s.handle)
	if err := s.library.failure(stream); err != nil {
		s.library.destroyResult(stream)
		return nil, err
	}
	return &Rows{session: s, stream: stream}, nil
}

// Next returns the next bytes of the answer, whole blocks of it, which are good until the next call. It returns nil at
// the end.
func (r *Rows) Next() ([]byte, error) {
	if r.ended {
		return nil, nil
	}
	l := r.session.library
	l.destroyResult(r.chunk)
	r.chunk = l.fetch(r.session.handle, r.stream)
	if err := l.failure(r.chunk); err != nil {
		r.ended = true
		return nil, err
	}
	data := l.bytes(r.chunk)
	r.ended = len(data) == 0
	return data, nil
}

// Close cancels what is left, and must be called.
func (r *Rows) Close() {
	l := r.session.library
	if !r.ended {
		l.cancelQuery(r.session.handle, r.stream)
	}
	l.destroyResult(r.chunk)
	l.destroyResult(r.stream)
}
