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
	// lateMessage bounds the message of an error behind rows: the client looks for it in what it has just read, which
	// is some kilobytes.
	lateMessage = 2 << 10
)

// answer is what goes back to the client.
type answer struct {
	header  http.Header
	begin   func(status int)
	to      io.Writer
	control *http.ResponseController
	request io.Reader        // its body
	frames  *compress.Writer // nil: not compressed
	version string           // of ClickHouse, for errors
	tag     string           // announces an error behind rows
	begun   bool
}

func newAnswer(w http.ResponseWriter, r *http.Request, query url.Values, id, version string) *answer {
	a := &answer{
		header: w.Header(), begin: w.WriteHeader, to: w, control: http.NewResponseController(w), request: r.Body,
		version: version, tag: strings.ToLower(rand.Text()[:16]), // that long, as in ClickHouse
	}
	if query.Get("compress") == "1" {
		a.frames = compress.NewWriter(compress.LevelZero, compress.LZ4)
	}
	a.header.Set("Content-Type", "application/octet-stream")
	a.header.Set("X-ClickHouse-Query-Id", id)
	a.header.Set("X-ClickHouse-Exception-Tag", a.tag)
	return a
}

// summary tells how many rows were written.
func (a *answer) summary(written uint64) {
	a.header.Set("X-ClickHouse-Summary", `{"written_rows":"`+strconv.FormatUint(written, 10)+`"}`)
}

// errGone says that the client does not take the answer.
var errGone = errors.New("the client went away")

func (a *answer) write(data []byte) error {
	for len(data) > 0 {
		piece := data[:min(len(data), frameSize)]
		data = data[len(piece):]
		if a.frames != nil {
			if err := a.frames.Compress(piece); err != nil {
				return fmt.Errorf("compress the answer: %w", err)
			}
			piece = a.frames.Data
		}
		a.begun = true
		if err := a.send(piece); err != nil {
			return err
		}
	}
	return nil
}

func (a *answer) send(piece []byte) error {
	if err := a.control.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return fmt.Errorf("bound the time to answer: %w", err)
	}
	if _, err := a.to.Write(piece); err != nil {
		return errors.Join(errGone, err)
	}
	return nil
}

// statuses are ClickHouse's for the codes of errors that are not everyday's: 500 else.
var statuses = map[int]int{
	6: 400, 26: 400, 27: 400, 33: 400, 36: 400, 38: 400, 41: 400, 42: 400, 43: 400, 53: 400, 62: 400, 69: 400,
	70: 400, 72: 400,
	16: 404, 46: 404, 47: 404, 60: 404, 81: 404, 115: 404,
	48: 501, 159: 408, 164: 403, 192: 403, 193: 403, 497: 403, 516: 403,
}

// fail answers with an error, or ends with it what was begun.
func (a *answer) fail(err error) {
	if errors.Is(err, errGone) {
		return
	}
	var exception *chdb.Error
	if !errors.As(err, &exception) {
		exception = chdb.Errorf(chdb.UnknownException, "%v", err)
	}
	if a.begun {
		a.failLate(exception.Message)
		return
	}
	// A client that is still sending would not read the answer.
	_, _ = io.Copy(io.Discard, a.request)
	a.header.Set("Content-Type", "text/plain; charset=UTF-8")
	a.header.Set("X-ClickHouse-Exception-Code", strconv.Itoa(exception.Code))
	status, found := statuses[exception.Code]
	if !found {
		status = http.StatusInternalServerError
	}
	a.begin(status)
	_ = a.send([]byte(exception.Message + " (version " + a.version + ")\n"))
}

// failLate puts the error behind the rows, never compressed. What went before is flushed, so that the client reads the
// error in one piece.
func (a *answer) failLate(message string) {
	message = message[:min(len(message), lateMessage)]
	if a.control.Flush() != nil {
		return
	}
	const border = "\r\n__exception__\r\n"
	_ = a.send(fmt.Appendf(nil, "%s%s\r\n%s\n%d %s%s", border, a.tag, message, len(message)+1, a.tag, border))
}
