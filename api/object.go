package api

import (
	"bytes"
	"fmt"
	"iter"
	"net/http"
	"slices"
	"strings"
)

// mostFields is how many fields an object may have at most.
const mostFields = 4

// object is a JSON object, of which nothing is decoded before it is asked for: decoding a list of
// millions of elements would take more memory than the body allows. Its values are parts of the
// body.
type object struct {
	fields []string // those that are allowed
	values [mostFields][]byte
	err    error // of the object itself, which is JSON
}

// UnmarshalJSON implements json.Unmarshaler, which is given valid JSON. It finds the fields and
// returns nil: what else is wrong is kept in err, which encoding/json would wrap.
func (o *object) UnmarshalJSON(raw []byte) error {
	o.values = [mostFields][]byte{}
	o.err = o.read(raw)
	return nil
}

func (o *object) read(raw []byte) error {
	raw = trim(raw)
	if raw[0] != '{' {
		return refuse(http.StatusBadRequest, fmt.Sprintf("a JSON object is needed, with the fields %s; this is: %s",
			o.fieldNames(), typeOf(raw)))
	}
	for rest := trim(raw[1:]); rest[0] != '}'; {
		var name, value []byte
		name, rest = cut(rest)
		value, rest = cut(trim(rest[1:])) // behind the colon
		text, err := decodeString(name)
		i := slices.Index(o.fields, text)
		switch {
		case err != nil || i < 0:
			return refuse(http.StatusBadRequest, fmt.Sprintf("unknown field %.40q: the fields are %s", text,
				o.fieldNames()))
		case o.values[i] != nil:
			return refuse(http.StatusBadRequest, fmt.Sprintf("field %s stands twice: keep one", text))
		}
		o.values[i] = value
		if rest[0] == ',' {
			rest = trim(rest[1:])
		}
	}
	return nil
}

func (o *object) fieldNames() string { return strings.Join(o.fields, ", ") }

// field returns a field's value; nil if there is none, or null.
func (o *object) field(name string) []byte {
	value := o.values[slices.Index(o.fields, name)]
	if string(value) == "null" {
		return nil
	}
	return value
}

// text returns a field's text; empty if there is none, or null. An empty text is refused: a client that fills in a
// variable which is empty would not ask for what it means.
func (o *object) text(name string) (string, error) {
	raw := o.field(name)
	switch {
	case raw == nil:
		return "", nil
	case raw[0] != '"':
		return "", wrongType(name, "a string", raw)
	}
	text, err := decodeString(raw)
	if err != nil {
		return "", refuse(http.StatusBadRequest, fmt.Sprintf("field %s: %s", name, err))
	}
	if text == "" {
		return "", refuse(http.StatusUnprocessableEntity,
			fmt.Sprintf("field %s is empty: leave it out for all rows", name))
	}
	return text, nil
}

// flag returns whether a field is true; false if there is none, or null.
func (o *object) flag(name string) (bool, error) {
	raw := o.field(name)
	if raw != nil && typeOf(raw) != "bool" {
		return false, wrongType(name, "true or false", raw)
	}
	return string(raw) == "true", nil
}

// wrongType refuses a field's value, which must be as want says.
func wrongType(field, want string, raw []byte) error {
	return refuse(http.StatusBadRequest, fmt.Sprintf("field %s must be %s, this is: %s", field, want, typeOf(raw)))
}

// typeOf names the type of a JSON value.
func typeOf(raw []byte) string {
	switch raw[0] {
	case '{':
		return "object"
	case '[':
		return "array"
	case '"':
		return "string"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	default:
		return "number"
	}
}

// elements yields the elements of a JSON array; none of nil.
func elements(list []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		if list == nil {
			return
		}
		for rest := trim(list[1:]); rest[0] != ']'; {
			var element []byte
			element, rest = cut(rest)
			if !yield(element) {
				return
			}
			if rest[0] == ',' {
				rest = trim(rest[1:])
			}
		}
	}
}

// trim takes off white space in front.
func trim(raw []byte) []byte { return bytes.TrimLeft(raw, " \t\r\n") }

// cut cuts the JSON value at the beginning of raw from what follows it and white space. Like all
// that reads raw it relies on raw being a part of valid JSON, with a bracket behind the value.
func cut(raw []byte) (value, rest []byte) {
	end := 0
	switch raw[0] {
	case '"':
		end = stringEnd(raw)
	case '[', '{':
		end = nestedEnd(raw)
	default:
		end = bytes.IndexAny(raw, ",]} \t\r\n")
	}
	return raw[:end], trim(raw[end:])
}

// stringEnd returns where the JSON string at the beginning of raw ends.
func stringEnd(raw []byte) int {
	for i := 1; ; i++ {
		switch raw[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

// nestedEnd returns where the array or object at the beginning of raw ends.
func nestedEnd(raw []byte) int {
	depth := 0
	for i := 0; ; i++ {
		switch raw[i] {
		case '"':
			i += stringEnd(raw[i:]) - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}
