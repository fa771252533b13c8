package httpserver

import (
	"fmt"
	"io"
	"net/http"
	"time"
)

// patience is how long a client may take to send or to read some bytes, as in ClickHouse.
const patience = 5 * time.Minute

// patientBody is a request's body, whose client must not pause for too long.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
}

// Read reads on with a new deadline.
func (p *patientBody) Read(into []byte) (int, error) {
	if err := p.control.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return 0, fmt.Errorf("bound the time to send: %w", err)
	}
	n, err := p.ReadCloser.Read(into)
	if err != nil {
		// From here on reading means to wait for the client to go away, which may take as long as it likes.
		_ = p.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
