package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/chferry/chferry"
)

// maxBody bounds a request's body, in bytes: [chferry.MaxOperations] primary keys of 1,600 bytes each.
const maxBody = 16 << 20

// The media types of operations.
const (
	mediaJSON   = "application/json"
	mediaNDJSON = "application/x-ndjson"
)

// readOperations reads the operations of a request, in the form that its Content-Type says.
func readOperations(w http.ResponseWriter, r *http.Request) ([]chferry.Operation, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != mediaJSON && media != mediaNDJSON {
		return nil, refuse(http.StatusUnsupportedMediaType, "send Content-Type: "+mediaJSON+" or "+mediaNDJSON)
	}
	body, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	if media == mediaNDJSON {
		return decodeLines(body)
	}
	return decodeList(body)
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, refuse(http.StatusUnsupportedMediaType, "send the body as it is, without Content-Encoding")
	}
	var body bytes.Buffer
	body.Grow(int(min(max(r.ContentLength, 0), maxBody)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, chferry.Errorf(chferry.CodeTooLarge, "the body has more than %d bytes: send less at a time", maxBody)
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body ended too early")
	case !utf8.Valid(body.Bytes()):
		// encoding/json would replace what is not UTF-8, and the primary key would be another.
		return nil, refuse(http.StatusBadRequest, "the body is not UTF-8")
	}
	return body.Bytes(), nil
}

// decodeList decodes one kind of operation on many primary keys.
func decodeList(body []byte) ([]chferry.Operation, error) {
	var request struct {
		Operation chferry.Kind      `json:"operation"`
		Database  string            `json:"database"`
		PKs       []json.RawMessage `json:"pks"`
	}
	if err := decodeJSON(body, &request); err != nil {
		return nil, err
	}
	ops := make([]chferry.Operation, len(request.PKs))
	for i, raw := range request.PKs {
		pk, err := decodePrimaryKey(raw)
		if err != nil {
			return nil, chferry.WrapError(chferry.CodeInvalid, err, "operation %d: %s", i+1, err)
		}
		ops[i] = chferry.Operation{Kind: request.Operation, Database: request.Database, PrimaryKey: pk}
	}
	return ops, nil
}

// decodeLines decodes one operation a line.
func decodeLines(body []byte) ([]chferry.Operation, error) {
	var ops []chferry.Operation
	decoder := newDecoder(body)
	for n := 1; ; n++ {
		var line struct {
			Operation chferry.Kind    `json:"operation"`
			Database  string          `json:"database"`
			PK        json.RawMessage `json:"pk"`
		}
		err := decoder.Decode(&line)
		if errors.Is(err, io.EOF) {
			return ops, nil
		}
		if err != nil {
			return nil, refuse(http.StatusBadRequest, fmt.Sprintf("operation %d: %s", n, malformed(err)))
		}
		pk, err := decodePrimaryKey(line.PK)
		if err != nil {
			return nil, chferry.WrapError(chferry.CodeInvalid, err, "operation %d: %s", n, err)
		}
		ops = append(ops, chferry.Operation{Kind: line.Operation, Database: line.Database, PrimaryKey: pk})
	}
}

// decodeJSON decodes a body that holds one value and nothing else.
func decodeJSON(body []byte, into any) error {
	decoder := newDecoder(body)
	if err := decoder.Decode(into); err != nil {
		return refuse(http.StatusBadRequest, malformed(err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "there is something behind the JSON object")
	}
	return nil
}

func newDecoder(body []byte) *json.Decoder {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	return decoder
}

// malformed tells what is wrong with a body in JSON's words, not Go's.
func malformed(err error) string {
	var syntax *json.SyntaxError
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.Is(err, io.EOF):
		return "the body is empty"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends too early"
	case errors.As(err, &syntax):
		return fmt.Sprintf("not JSON at byte %d: %s", syntax.Offset, syntax)
	case errors.As(err, &wrong) && wrong.Field == "":
		return "a JSON object is needed, this is: " + wrong.Value
	case errors.As(err, &wrong):
		return fmt.Sprintf("field %s has a value of the wrong type: %s", wrong.Field, wrong.Value)
	default:
		return strings.TrimPrefix(err.Error(), "json: ") // an unknown field, named
	}
}

var errPrimaryKey = errors.New("a primary key must be a string, an integer, or a list of these")

// decodePrimaryKey decodes a string, an integer or a list of these.
func decodePrimaryKey(raw json.RawMessage) (chferry.PrimaryKey, error) {
	if len(raw) == 0 || raw[0] != '[' {
		value, err := decodeValue(raw)
		return chferry.PrimaryKey{value}, err
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errPrimaryKey
	}
	pk := make(chferry.PrimaryKey, len(list))
	for i, raw := range list {
		value, err := decodeValue(raw)
		if err != nil {
			return nil, err
		}
		pk[i] = value
	}
	return pk, nil
}

// decodeValue takes an integer as it is written: a float64 in between would round it.
func decodeValue(raw json.RawMessage) (string, error) {
	switch {
	case len(raw) == 0:
		return "", errPrimaryKey
	case raw[0] == '"' && bytes.IndexByte(raw, '\\') < 0:
		return string(raw[1 : len(raw)-1]), nil
	case raw[0] == '"':
		return unescape(raw)
	case len(bytes.Trim(raw[1:], "0123456789")) == 0 && (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9'):
		return string(raw), nil
	default:
		return "", errPrimaryKey
	}
}

// unescape refuses half of a surrogate pair, which encoding/json would replace, and the primary key would be another.
func unescape(raw json.RawMessage) (string, error) {
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", errPrimaryKey
	}
	if strings.Count(value, "\uFFFD") != countReplacements(raw) {
		return "", errors.New(`a primary key has half of a surrogate pair, \uD800 to \uDFFF, without the other half`)
	}
	return value, nil
}

// countReplacements counts how often a JSON string holds U+FFFD itself, as it is or escaped.
func countReplacements(raw []byte) int {
	count := bytes.Count(raw, []byte("\uFFFD"))
	for {
		_, escape, found := bytes.Cut(raw, []byte(`\`))
		if !found {
			return count
		}
		if len(escape) >= 5 && bytes.EqualFold(escape[:5], []byte("uFFFD")) {
			count++
		}
		raw = escape[1:] // what is escaped may be a backslash
	}
}
