package sinktest

import (
	"strconv"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// appendText appends the value that text stands for. Of strings, bytes and what no key can hold it is the value
// itself; an array is [a b c], with blanks in none of its values.
func appendText(t *testing.T, v *rowset.Vector, text string) {
	t.Helper()
	if text == null {
		v.AppendNull()
		return
	}
	switch v.Type.Kind {
	case rowset.Array:
		for _, element := range elements(text) {
			appendText(t, v.Elements(), element)
		}
		v.AppendArray()
	case rowset.String, rowset.Enum, rowset.Bytes:
		v.AppendData([]byte(text))
	case rowset.Float32, rowset.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		v.AppendFloat(n)
	default:
		if v.Type.Kind == rowset.Decimal && text == "NaN" {
			v.AppendData([]byte(text))
			return
		}
		one := []rowset.Vector{*v}
		if err := rowset.AppendPrimaryKey(one, chferry.PrimaryKey{text}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		*v = one[0]
	}
}

// elements cuts a text such as [a [b c]] at its outer blanks.
func elements(text string) []string {
	var parts []string
	depth, start := 0, 1
	for i := 1; i < len(text)-1; i++ {
		switch {
		case text[i] == '[':
			depth++
		case text[i] == ']':
			depth--
		case text[i] == ' ' && depth == 0:
			parts, start = append(parts, text[start:i]), i+1
		}
	}
	if len(text) > 2 {
		parts = append(parts, text[start:len(text)-1])
	}
	return parts
}
