package sqlite

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// Letters for the storage classes of values in a place.
const (
	integerClass = "i"
	realClass    = "r"
	textClass    = "t"
	blobClass    = "b"
	nullClass    = "n"
)

// placeOf writes stored values as a text that keeps their storage classes, and all bytes of them.
func placeOf(values []any) string {
	parts := make([]string, len(values))
	for i, value := range values {
		switch value := value.(type) {
		case int64:
			parts[i] = integerClass + strconv.FormatInt(value, 10)
		case float64:
			parts[i] = realClass + strconv.FormatFloat(value, 'g', -1, 64)
		case string:
			parts[i] = textClass + hex.EncodeToString([]byte(value))
		case []byte:
			parts[i] = blobClass + hex.EncodeToString(value)
		default:
			parts[i] = nullClass
		}
	}
	return strings.Join(parts, ",")
}

// valuesOf reads what placeOf wrote.
func valuesOf(place string) (values []any, ok bool) {
	for part := range strings.SplitSeq(place, ",") {
		if part == "" {
			return nil, false
		}
		value, err := valueAt(part[:1], part[1:])
		if err != nil {
			return nil, false
		}
		values = append(values, value)
	}
	return values, true
}

// KeyOf implements [source.Ranger].
func (s *Source) KeyOf(table rowset.Table, place string) (rowset.Block, error) {
	values, err := s.rangeOf(context.Background(), table, "").stored(place)
	if err != nil {
		return rowset.Block{}, err
	}
	key := source.NewKeyBlock(table, len(values))
	for i, value := range values {
		if v := &key.Vectors[i]; readValue(v, value) != "" || !isForm(v, 0, value) {
			return rowset.Block{}, source.UnreadablePlace(table)
		}
	}
	return key, nil
}

func valueAt(class, text string) (any, error) {
	switch class {
	case integerClass:
		return strconv.ParseInt(text, 10, 64)
	case realClass:
		return strconv.ParseFloat(text, 64)
	case textClass:
		b, err := hex.DecodeString(text)
		return string(b), err
	case blobClass:
		return hex.DecodeString(text)
	case nullClass:
		return nil, nil
	default:
		return nil, strconv.ErrSyntax
	}
}
