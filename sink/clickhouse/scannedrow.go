package clickhouse

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/google/uuid"
	shopspring "github.com/shopspring/decimal"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
)

// scannedRow is a row of a query's answer, whose values become RowBinary here. The driver gives
// them as Go values of the types that [column.goType] lists.
type scannedRow struct {
	columns []column
	forms   []rowBinary
	values  []reflect.Value // pointers to what is scanned
	vectors []rowset.Vector // of one value each
	wire    []byte
}

func newScannedRow(columns []column) *scannedRow {
	r := &scannedRow{columns: columns, vectors: make([]rowset.Vector, len(columns))}
	for i, c := range columns {
		r.forms = append(r.forms, newRowBinary(c))
		r.values = append(r.values, reflect.New(c.goType()))
		r.vectors[i].Type = c.canonicalType(rowset.Type{Nullable: c.nullable})
	}
	return r
}

// sql is what a query selects.
func (r *scannedRow) sql() string {
	selected := make([]string, len(r.columns))
	for i, c := range r.columns {
		selected[i] = c.scannedSQL()
	}
	return strings.Join(selected, ", ")
}

func (r *scannedRow) targets() []any {
	targets := make([]any, len(r.values))
	for i, v := range r.values {
		targets[i] = v.Interface()
	}
	return targets
}

// rowBinary returns the row that was scanned last, until the next one is asked for.
func (r *scannedRow) rowBinary() ([]byte, error) {
	r.wire = r.wire[:0]
	for i := range r.vectors {
		v := &r.vectors[i]
		v.Truncate(0)
		if err := appendScanned(v, r.values[i].Elem()); err != nil {
			return nil, fmt.Errorf("read column %q: %w", r.columns[i].name, err)
		}
		r.wire = r.forms[i].append(r.wire, v, 0)
	}
	return r.wire, nil
}

// hash returns the hash of the row that was scanned last.
func (r *scannedRow) hash() (uint64, error) {
	wire, err := r.rowBinary()
	return xxhash.Sum64(wire), err
}

// scannedSQL is the expression for the column's values. The driver's own type for points in time
// ends in 2262, so they are read as texts.
func (c column) scannedSQL() string {
	name := quote(c.name)
	if c.base != "DateTime64" {
		return name
	}
	expression := "toString(" + name + ", 'UTC')"
	if c.dimensions > 0 {
		expression = "toString(x1, 'UTC')"
	}
	for depth := 1; depth <= c.dimensions; depth++ {
		list := name
		if depth < c.dimensions {
			list = fmt.Sprintf("x%d", depth+1)
		}
		expression = fmt.Sprintf("arrayMap(x%d -> %s, %s)", depth, expression, list)
	}
	return expression
}

var goTypes = map[string]reflect.Type{
	"Int8": reflect.TypeFor[int8](), "Int16": reflect.TypeFor[int16](), "Int32": reflect.TypeFor[int32](),
	"Int64": reflect.TypeFor[int64](),
	"UInt8": reflect.TypeFor[uint8](), "UInt16": reflect.TypeFor[uint16](), "UInt32": reflect.TypeFor[uint32](),
	"UInt64": reflect.TypeFor[uint64](),
	"Bool":   reflect.TypeFor[bool](), "Float32": reflect.TypeFor[float32](), "Float64": reflect.TypeFor[float64](),
	"Decimal": reflect.TypeFor[shopspring.Decimal](), "UUID": reflect.TypeFor[uuid.UUID](),
	"Date": reflect.TypeFor[time.Time](), "Date32": reflect.TypeFor[time.Time](),
	"DateTime": reflect.TypeFor[time.Time](), "DateTime64": reflect.TypeFor[string](),
	"String": reflect.TypeFor[string](),
}

// goType is the type of a scanned value.
func (c column) goType() reflect.Type {
	t := goTypes[c.base]
	if c.nullable {
		t = reflect.PointerTo(t)
	}
	for range c.dimensions {
		t = reflect.SliceOf(t)
	}
	return t
}

// appendScanned appends a scanned value as a canonical one.
func appendScanned(v *rowset.Vector, from reflect.Value) error {
	switch from.Kind() {
	case reflect.Pointer:
		if from.IsNil() {
			v.AppendNull()
			return nil
		}
		return appendScanned(v, from.Elem())
	case reflect.Slice:
		for i := range from.Len() {
			if err := appendScanned(v.Elements(), from.Index(i)); err != nil {
				return err
			}
		}
		v.AppendArray()
	case reflect.Bool:
		n := int64(0)
		if from.Bool() {
			n = 1
		}
		v.AppendInt(n)
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.AppendInt(from.Int())
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.AppendInt(int64(from.Uint()))
	case reflect.Float32, reflect.Float64:
		v.AppendFloat(from.Float())
	case reflect.String:
		return appendScannedText(v, from.String())
	default:
		return appendScannedStruct(v, from.Interface())
	}
	return nil
}

func appendScannedText(v *rowset.Vector, text string) error {
	if v.Type.Kind != rowset.Timestamp {
		v.AppendData([]byte(text))
		return nil
	}
	one := []rowset.Vector{*v}
	err := rowset.AppendPrimaryKey(one, chferry.PrimaryKey{text})
	*v = one[0]
	return err
}

func appendScannedStruct(v *rowset.Vector, from any) error {
	switch value := from.(type) {
	case uuid.UUID:
		v.AppendData(value[:])
	case shopspring.Decimal:
		v.AppendData([]byte(value.StringFixed(int32(v.Type.Scale))))
	case time.Time:
		if v.Type.Kind == rowset.Date { // of the server's zone
			v.AppendInt(day(value.Date()))
		} else {
			v.AppendInt(value.Unix() * microsPerSecond)
		}
	default:
		return errors.New("its type is unknown")
	}
	return nil
}
