package sinktest

import (
	"strconv"
	"testing"

	"github.com/chferry/chferry"
)

// appendText appends the value that text stands for. Of strings, bytes and what no key can hold it is the value itself.
func appendText(t *testing.T, v *chferry.Vector, text string) {
	t.Helper()
	if text == null {
		v.AppendNull()
		return
	}
	switch v.Type.Kind {
	case chferry.String, chferry.Bytes:
		v.AppendData([]byte(text))
	case chferry.Float32, chferry.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		v.AppendFloat(n)
	default:
		if v.Type.Kind == chferry.Decimal && text == "NaN" {
			v.AppendData([]byte(text))
			return
		}
		one := []chferry.Vector{*v}
		if err := chferry.AppendPrimaryKey(one, chferry.PrimaryKey{text}); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		*v = one[0]
	}
}
