package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/chferry/chferry"
)

// The media types of operations.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
)

// readOperations reads the operations of a request, in the form that its Content-Type says. What it
// keeps in memory is a small multiple of the body, whatever the body holds: nothing is made of a
// list before its length is known to be allowed.
func readOperations(w http.ResponseWriter, r *http.Request, share *share) ([]chferry.Operation, error) {
	media, err := mediaOf(r, ", or "+mediaNDJSON+" for an operation a line", mediaJSON, mediaNDJSON)
	if err != nil {
		return nil, err
	}
	body, err := readBody(w, r, share)
	if err != nil {
		return nil, err
	}
	if media == mediaNDJSON {
		return decodeLines(body)
	}
	return decodeList(body)
}

// mediaOf returns the media type of a request, which must be one of allowed. other says which there are beside JSON.
func mediaOf(r *http.Request, other string, allowed ...string) (string, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(allowed, media) {
		return "", refuse(http.StatusUnsupportedMediaType, "send Content-Type: "+mediaJSON+other)
	}
	if charset := strings.ToLower(params["charset"]); !slices.Contains([]string{"", "utf-8", "us-ascii"}, charset) {
		return "", refuse(http.StatusUnsupportedMediaType,
			"the body is read as UTF-8: send it so, and leave charset out of Content-Type or make it utf-8")
	}
	return media, nil
}

var errTooMany = chferry.Errorf(chferry.CodeTooLarge,
	"a request registers at most %d operations, this one has more: split it", chferry.MaxOperations)

// decodeList decodes one kind of operation on many primary keys.
func decodeList(body []byte) ([]chferry.Operation, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, refuse(http.StatusBadRequest,
			`the body is empty: send JSON such as {"operation": "update", "pks": ["1", "2"]}`)
	}
	request := object{fields: []string{"operation", "database", "pks"}}
	if err := json.Unmarshal(body, &request); err != nil {
		return nil, refuse(http.StatusBadRequest, malformed(err, body))
	}
	if request.err != nil {
		return nil, request.err
	}
	kind, database, err := request.common()
	if err != nil {
		return nil, err
	}
	pks := request.field("pks")
	if pks != nil && pks[0] != '[' {
		return nil, wrongType("pks", `a list of primary keys, such as ["1", "2"]`, pks)
	}
	var ops []chferry.Operation
	for raw := range elements(pks) {
		if len(ops) == chferry.MaxOperations {
			return nil, errTooMany
		}
		pk, err := decodePrimaryKey(raw)
		if err != nil {
			return nil, chferry.WrapError(chferry.CodeInvalid, err, "operation %d: %s", len(ops)+1, err)
		}
		ops = append(ops, chferry.Operation{Kind: kind, Database: database, PrimaryKey: pk})
	}
	return ops, nil
}

// decodeLines decodes one operation a line; empty lines are passed over.
func decodeLines(body []byte) ([]chferry.Operation, error) {
	var ops []chferry.Operation
	request, number := object{fields: []string{"operation", "database", "pk"}}, 0
	for line := range bytes.Lines(body) {
		number++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		n := len(ops) + 1
		err := json.Unmarshal(line, &request)
		switch {
		case err != nil:
			return nil, refuse(http.StatusBadRequest,
				fmt.Sprintf("operation %d: line %d: %s", n, number, malformed(err, line)))
		case n > chferry.MaxOperations:
			return nil, errTooMany
		}
		op, err := request.operation()
		var refused *statusError
		switch {
		case errors.As(err, &refused):
			return nil, refuse(refused.status, fmt.Sprintf("operation %d: %s", n, refused.detail))
		case err != nil:
			return nil, chferry.WrapError(chferry.CodeInvalid, err, "operation %d: %s", n, err)
		}
		ops = append(ops, op)
	}
	return ops, nil
}

// operation returns the operation that a line holds.
func (o *object) operation() (op chferry.Operation, err error) {
	if o.err != nil {
		return op, o.err
	}
	if op.Kind, op.Database, err = o.common(); err != nil {
		return op, err
	}
	op.PrimaryKey, err = decodePrimaryKey(o.field("pk"))
	return op, err
}

// common returns the fields that a list and a line share.
func (o *object) common() (kind chferry.Kind, database string, err error) {
	operation, err := o.text("operation")
	if err != nil {
		return "", "", err
	}
	database, err = o.text("database")
	return chferry.Kind(operation), database, err
}

// malformed tells what is wrong with a body, or a line of one, in JSON's words, not Go's.
func malformed(err error, body []byte) string {
	var syntax *json.SyntaxError
	switch {
	case !errors.As(err, &syntax), syntax.Error() == "unexpected end of JSON input":
		return "the JSON ends too early: a bracket, a brace or a quote is not closed"
	case 0 < syntax.Offset && syntax.Offset <= int64(len(body)) && json.Valid(body[:syntax.Offset-1]):
		return "there is something behind the JSON object: send one, or an operation a line as " + mediaNDJSON
	default:
		return fmt.Sprintf("not JSON at byte %d: %s", syntax.Offset, syntax)
	}
}
