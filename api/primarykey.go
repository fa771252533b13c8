package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/chferry/chferry"
)

var (
	errPrimaryKey = errors.New("a primary key must be a string, an integer, or a list of these")
	errSurrogate  = errors.New(`there is half of a surrogate pair, \uD800 to \uDFFF, without the other half`)
)

// ReadPrimaryKey reads a primary key of one request: a JSON string, an integer, or a list of these.
// Its errors have the code CodeInvalid and don't show the key.
func ReadPrimaryKey(text string) (chferry.PrimaryKey, error) {
	raw := []byte(strings.TrimSpace(text))
	if !utf8.Valid(raw) || !json.Valid(raw) {
		return nil, chferry.WrapError(chferry.CodeInvalid, errPrimaryKey, "this is no JSON: %s", errPrimaryKey)
	}
	pk, err := decodePrimaryKey(raw)
	if err != nil {
		return nil, chferry.WrapError(chferry.CodeInvalid, err, "%s", err)
	}
	return pk, nil
}

// decodePrimaryKey decodes a string, an integer or a list of these; raw is valid JSON, or nil. It
// stops when the list has more values than a primary key may have.
func decodePrimaryKey(raw []byte) (chferry.PrimaryKey, error) {
	if len(raw) == 0 || raw[0] != '[' {
		value, err := decodeValue(raw)
		return chferry.PrimaryKey{value}, err
	}
	pk := chferry.PrimaryKey{}
	for element := range elements(raw) {
		if len(pk) == chferry.MaxPrimaryKeyParts {
			return nil, chferry.Errorf(chferry.CodeInvalid, "a primary key has at most %d values, this one has more",
				chferry.MaxPrimaryKeyParts)
		}
		value, err := decodeValue(element)
		if err != nil {
			return nil, err
		}
		pk = append(pk, value)
	}
	return pk, nil
}

// decodeValue takes an integer as it is written: a float64 in between would round it.
func decodeValue(raw []byte) (string, error) {
	switch {
	case len(raw) == 0:
		return "", errPrimaryKey
	case raw[0] == '"':
		return decodeString(raw)
	case (raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9') && len(bytes.Trim(raw[1:], "0123456789")) == 0:
		return string(raw), nil
	default:
		return "", errPrimaryKey
	}
}

// decodeString refuses half of a surrogate pair, which encoding/json would replace, and the primary
// key would be another.
func decodeString(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", errPrimaryKey
	}
	if strings.Count(value, "\uFFFD") != countReplacements(raw) {
		return "", errSurrogate
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
