package httpserver

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

const (
	// frameSize is how many bytes are compressed at a time, as in ClickHouse.
	frameSize = 1 << 20
	// patience is how long a client may take to send or to read some bytes, as in ClickHouse.
	patience = 5 * time.Minute
	// lateMessage bounds the message of an error behind rows: the client looks for it in what it has just read, which
	// is some kilobytes.
	lateMessage = 2 << 10
)

// answer is what goes back to the client.
type answer struct {
	http    http.ResponseWriter
	control *http.ResponseController
	body    io.Reader        // the request's
	frames  *compress.Writer // nil: not compressed
	version string
	tag     string // announces an error behind rows
	mark    string // what we put before the statement, which is nobody's business
	begun   bool
}

func newAnswer(w http.ResponseWriter, r *http.Request, query url.Values, version string) *answer {
	a := &answer{http: w, control: http.NewResponseController(w), body: r.Body, version: version, tag: strings.ToLower(rand.Text()[:16])}
	if query.Get("compress") == "1" {
		a.frames = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	id := query.Get("query_id")
	if id == "" {
		id = rand.Text()
	}
	header := w.Header()
	header.Set("Content-Type", "application/octet-stream")
	header.Set("X-ClickHouse-Query-Id", id)
	header.Set("X-ClickHouse-Exception-Tag", a.tag)
	return a
}
