package rowset

import (
	"strings"
	"unicode/utf8"

	"github.com/chferry/chferry"
)

// AppendPrimaryKey reads pk as values of the vectors' types and appends one value to each vector,
// so that keys are compared as the source compares them: "01" and "1" are one integer. It reads the
// notations that sources write, among them infinity, years beyond 9999 and BC, and some that
// applications write. Only the source itself knows all notations that it reads, and some of these
// mean different values to different sources: see [AppendPlainKey]. A key that can't be read as
// these types gives [chferry.CodeInvalid], without the key in its text, and leaves the vectors as
// they were.
func AppendPrimaryKey(keys []Vector, pk chferry.PrimaryKey) error {
	if len(pk) != len(keys) || len(keys) == 0 {
		return chferry.Errorf(chferry.CodeInvalid, "the primary key has %s, the operation %d",
			chferry.Amount(int64(len(keys)), "value", "values"), len(pk))
	}
	if bad := appendKey(keys, pk, (*Vector).appendText); bad >= 0 {
		return unreadableKey(bad, keys[bad].Type.Kind.String())
	}
	return nil
}

// UnreadableKey returns the error of [AppendPrimaryKey] for a key of table whose value in a column
// of the key can't be read.
func UnreadableKey(table Table, column int) error {
	c := table.Columns[table.PrimaryKey[column]]
	name := c.Type.Kind.String()
	if c.ReadBySource {
		name = c.SourceType
	}
	return unreadableKey(column, name)
}

func unreadableKey(column int, typ string) error {
	return chferry.Errorf(chferry.CodeInvalid, "value %d of the primary key can't be read as %s", column+1, typ)
}

// AppendPlainKey is [AppendPrimaryKey] for the notations in which every source means the same
// value. It returns false, and leaves the vectors as they were, for every other key, which the
// source has to read. The number of values must be right.
func AppendPlainKey(keys []Vector, pk chferry.PrimaryKey) bool {
	return appendKey(keys, pk, (*Vector).appendPlain) < 0
}

// appendKey appends each value with append. It returns the index of the first that can't be read, -1 if all are.
func appendKey(keys []Vector, pk chferry.PrimaryKey, read func(v *Vector, text string) bool) (bad int) {
	rows := keys[0].Len()
	for i := range keys {
		if !read(&keys[i], pk[i]) {
			for j := range keys[:i] {
				keys[j].Truncate(rows)
			}
			return i
		}
	}
	return -1
}

// CanBeKey tells whether primary keys of this kind are supported by every source.
func (k TypeKind) CanBeKey() bool {
	switch k {
	case Bool, Int16, Int32, Int64, Uint8, Uint64, Decimal, String, Enum, UUID, Date, Timestamp:
		return true
	default:
		return false
	}
}

// MayBeKey tells whether text could be a key of this kind to any source. It saves asking the source
// about what is none for sure, such as a text without a digit where a number is wanted.
func (k TypeKind) MayBeKey(text string) bool {
	if !isText(text) {
		return false
	}
	switch k {
	case Int16, Int32, Int64, Uint8, Uint64:
		return strings.ContainsAny(text, "0123456789") && !strings.ContainsFunc(text, notInNumber)
	case Decimal:
		return !strings.ContainsFunc(text, notInNumber) && strings.ContainsAny(text, "0123456789nN")
	case UUID:
		return strings.ContainsAny(text, "0123456789abcdefABCDEF") &&
			strings.Trim(text, "0123456789abcdefABCDEF{-} ") == ""
	default:
		return true
	}
}

// notInNumber tells whether no notation of numbers has the character: those have signs, hexadecimal
// digits and separators.
func notInNumber(r rune) bool {
	return r > '~' || !strings.ContainsRune("+-._ \t\n\v\f\r", r) && !digit(byte(r)) && !letter(byte(r))
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// isText tells whether a text column of some source could hold text.
func isText(text string) bool {
	return utf8.ValidString(text) && strings.IndexByte(text, 0) < 0
}

// appendText appends the value that text stands for; false if it stands for none.
func (v *Vector) appendText(text string) bool {
	switch v.Type.Kind {
	case String, Enum:
		if !isText(text) {
			return false
		}
		v.AppendData([]byte(text))
		return true
	case Bytes:
		return v.appendParsedData(parseBytes(text))
	case Date:
		return v.appendParsed(parseDate(trim(text)))
	case Timestamp:
		return v.appendParsed(parseTimestamp(trim(text)))
	case Decimal:
		if text == notANumber {
			v.AppendData([]byte(text))
			return true
		}
		return v.appendParsedData(parseDecimal(trim(text), v.Type))
	case UUID:
		return v.appendParsedData(parseUUID(trim(text)))
	default:
		return v.appendPlain(text)
	}
}

// notANumber is how sources write the decimal that is none.
const notANumber = "NaN"

// appendPlain appends the value that text stands for to every source; false if only the source itself can tell.
func (v *Vector) appendPlain(text string) bool {
	switch v.Type.Kind {
	case String:
		return v.appendText(text)
	case Bool:
		return v.appendParsed(parseBool(trim(text)))
	case Int16:
		return v.appendParsed(parseInt(trim(text), 16))
	case Int32:
		return v.appendParsed(parseInt(trim(text), 32))
	case Int64:
		return v.appendParsed(parseInt(trim(text), 64))
	case Uint8:
		return v.appendParsed(parseUint(trim(text), 8))
	case Uint64:
		return v.appendParsed(parseUint(trim(text), 64))
	case Date:
		return v.appendParsed(parsePlainDate(trim(text)))
	case Timestamp:
		return v.appendParsed(parsePlainTimestamp(trim(text)))
	case UUID:
		return v.appendParsedData(parsePlainUUID(text))
	case Decimal:
		return v.appendParsedData(parseDecimal(trim(text), v.Type))
	default:
		return false
	}
}

// trim leaves out the white space that databases leave out.
func trim(text string) string { return strings.Trim(text, " \t\n\v\f\r") }

func (v *Vector) appendParsed(n int64, ok bool) bool {
	if ok {
		v.AppendInt(n)
	}
	return ok
}

func (v *Vector) appendParsedData(b []byte, ok bool) bool {
	if ok {
		v.AppendData(b)
	}
	return ok
}
