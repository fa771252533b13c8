package httpserver

import (
	"compress/gzip"
	"crypto/rand"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// request is what a client asks for.
type request struct {
	chdb.Statement           // its format is the answer's, or that of the data
	data           io.Reader // what an INSERT reads; nil: the statement has all it needs
	database       string
	settings       map[string]string
	mark           string // of this request alone, to kill it by
	onlyRead       bool   // it came with GET, which must change nothing
	revision       uint64 // of the protocol, that the client can read; 0: it did not say
}

// notSettings are the URL's parameters that are none of the engine's settings.
var notSettings = map[string]bool{
	"query": true, "database": true, "default_format": true, "compress": true, "decompress": true, "query_id": true,
	"user": true, "password": true, "quota_key": true, "client_protocol_version": true, "role": true,
	"buffer_size": true, "wait_end_of_query": true, "stacktrace": true,
}

// withData is the end of an INSERT whose data follow.
var withData = regexp.MustCompile(`(?is)^(.*?\S)\s+(?:FORMAT\s+(\w+)|VALUES)[\s;]*$`)

func readRequest(r *http.Request, query url.Values, id string) (*request, error) {
	if err := refuse(r, query); err != nil {
		return nil, err
	}
	body, err := decoded(r, query)
	if err != nil {
		return nil, err
	}
	req := &request{
		Statement: chdb.Statement{
			SQL: query.Get("query"), Format: query.Get("default_format"), Params: map[string]string{},
		},
		database: query.Get("database"), settings: map[string]string{}, onlyRead: r.Method == http.MethodGet,
	}
	if req.Format == "" {
		req.Format = "TabSeparated"
	}
	for name := range query {
		if param, found := strings.CutPrefix(name, "param_"); found {
			req.Params[param] = query.Get(name)
		} else if !notSettings[name] {
			req.settings[name] = query.Get(name)
		}
	}
	// A user who wants to kill it knows the ID; two requests may have the same.
	req.mark = id + " " + rand.Text()
	req.settings["log_comment"] = req.mark
	if err := req.readRevision(query); err != nil {
		return nil, err
	}
	if parts := withData.FindStringSubmatch(req.SQL); parts != nil && keyword(req.SQL) == "INSERT" {
		req.SQL, req.Format, req.data = parts[1], parts[2], body
		if req.Format == "" {
			req.Format = "Values"
		}
		return req, nil
	}
	return req, req.readSQL(body)
}

// refuse tells of what ClickHouse can do and we can't.
func refuse(r *http.Request, query url.Values) error {
	switch {
	case query.Has("session_id"):
		return chdb.Errorf(chdb.NotImplemented, "There are no sessions over several requests (session_id)")
	case strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		return chdb.Errorf(chdb.NotImplemented, "There are no external tables")
	}
	return nil
}

// decoded reads the body as it was before the client compressed it.
func decoded(r *http.Request, query url.Values) (io.Reader, error) {
	var body io.Reader = r.Body
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, chdb.Errorf(chdb.CannotReadAllData, "The body is no gzip")
		}
		body = unzipped
	default:
		return nil, chdb.Errorf(chdb.NotImplemented, "There is no Content-Encoding %q, but gzip", encoding)
	}
	if query.Get("decompress") == "1" {
		body = newFrames(body)
	}
	return body, nil
}

// readSQL adds the body to the statement: one may be in the URL, in the body, or begin there and go on here.
func (r *request) readSQL(body io.Reader) error {
	rest, err := io.ReadAll(body)
	if err != nil {
		return chdb.Errorf(chdb.CannotReadAllData, "Cannot read the body: %v", err)
	}
	switch {
	case r.SQL == "":
		r.SQL = string(rest)
	case len(rest) > 0:
		r.SQL += "\n" + string(rest)
	}
	return nil
}
