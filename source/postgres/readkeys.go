package postgres

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/rowset"
	"github.com/chferry/chferry/source"
)

// What bounds the texts that the server is asked to read at once.
const (
	maxReadTexts = 10_000
	maxReadBytes = 4 << 20
)

var (
	savepoint  = statement{sql: "SAVEPOINT chferry"}
	rollbackTo = statement{sql: "ROLLBACK TO SAVEPOINT chferry"}
)

// ReadKeys implements [source.Source]. The server reads all texts of a column by one statement. If
// it refuses one of them, it is asked for halves, and for halves of these, until the text stands
// alone. Versions before 16 have no other way to find it.
func (s *Source) ReadKeys(ctx context.Context, table rowset.Table,
	keys []chferry.PrimaryKey,
) ([]source.ReadKey, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, s.fail(ctx, err, table.Name)
	}
	defer conn.Release()
	r := &keyReader{Source: s, conn: conn.Conn().PgConn()}
	// The statements read no table: no standby has to be awaited.
	if err := s.begin(ctx, r.conn, "", savepoint); err != nil {
		return nil, err
	}
	columns := make([]texts, len(table.PrimaryKey))
	for i, c := range table.PrimaryKey {
		if columns[i], err = r.column(ctx, table.Columns[c], textsOf(keys, i)); err != nil {
			return nil, err
		}
	}
	if err := s.run(ctx, r.conn, "", []statement{commit}); err != nil {
		return nil, err
	}
	read := make([]source.ReadKey, len(keys))
	for i, key := range keys {
		read[i] = readKey(key, columns)
	}
	return read, nil
}

// readKey returns a key as it is in what was read of each column.
func readKey(key chferry.PrimaryKey, columns []texts) source.ReadKey {
	read := make(chferry.PrimaryKey, len(columns))
	for i, column := range columns {
		text, ok := column.read[key[i]]
		if !ok {
			return source.ReadKey{Unreadable: i, Cut: column.cut[key[i]]}
		}
		read[i] = text
	}
	return source.ReadKey{Key: read}
}

// textsOf returns the different texts of one column of keys.
func textsOf(keys []chferry.PrimaryKey, column int) []string {
	seen := make(map[string]bool, len(keys))
	var texts []string
	for _, key := range keys {
		if text := key[column]; !seen[text] {
			seen[text] = true
			texts = append(texts, text)
		}
	}
	return texts
}

// texts are those of a column, as they were read. A text that can't be read is in neither.
type texts struct {
	read map[string]string // by text, what is written for it
	cut  map[string]bool   // texts that the column does not keep as they are
}

// keyReader reads texts within one transaction that has a savepoint.
type keyReader struct {
	*Source
	conn *pgconn.PgConn
	sql  string // of the column at hand
	texts
}

// column reads texts as values of a column.
func (r *keyReader) column(ctx context.Context, c rowset.Column, different []string) (texts, error) {
	r.ask(readText(c))
	var ask []string
	plain := []rowset.Vector{{Type: c.Type}}
	for _, text := range different {
		switch {
		case !c.ReadBySource && c.Limits.Keep(text) && rowset.AppendPlainKey(plain, chferry.PrimaryKey{text}):
			plain[0].Truncate(0)
			r.read[text] = text
			continue
		case !c.Type.Kind.MayBeKey(text) || volatile(c, text) || expands(c, text):
			continue
		case tooFine(c, text):
			r.cut[text] = true
			continue
		}
		ask = append(ask, text)
	}
	return r.texts, r.all(ctx, ask)
}

// ask begins to read texts by an expression for the text k.t, which is null for a text that is cut.
func (r *keyReader) ask(expression string) {
	r.sql = "SELECT k.n, " + expression + " FROM unnest($1::text[]) WITH ORDINALITY AS k(t, n)"
	r.texts = texts{map[string]string{}, map[string]bool{}}
}

// all reads texts, as many at once as the server may be asked for.
func (r *keyReader) all(ctx context.Context, texts []string) error {
	first, size := 0, 0
	for i, text := range texts {
		if i-first == maxReadTexts || i > first && size+len(text) > maxReadBytes {
			if err := r.some(ctx, texts[first:i]); err != nil {
				return err
			}
			first, size = i, 0
		}
		size += len(text)
	}
	return r.some(ctx, texts[first:])
}

// some reads all texts but those that the server refuses.
func (r *keyReader) some(ctx context.Context, texts []string) error {
	if len(texts) == 0 {
		return nil
	}
	v := rowset.Vector{Type: rowset.Type{Kind: rowset.String}}
	for _, text := range texts {
		v.AppendData([]byte(text))
	}
	ask := statement{
		sql: r.sql, params: []param{arrayOf(&v, rowset.Column{Type: v.Type, SourceType: "text"})},
		resultFormats: []int16{binaryFormat, textFormat},
	}
	ask.read = func(rr *pgconn.ResultReader) error {
		return eachRow(rr, func(row [][]byte) error {
			if text := texts[int64At(row[0])-1]; row[1] == nil {
				r.cut[text] = true
			} else {
				r.read[text] = string(row[1])
			}
			return nil
		})
	}
	err := r.run(ctx, r.conn, "", []statement{ask})
	if err == nil {
		return nil
	}
	if !refusesText(err) {
		return err
	}
	if err := r.run(ctx, r.conn, "", []statement{rollbackTo}); err != nil || len(texts) == 1 {
		return err
	}
	if err := r.some(ctx, texts[:len(texts)/2]); err != nil {
		return err
	}
	return r.some(ctx, texts[len(texts)/2:])
}

// refusesText tells whether the server refused a value: class 22 is of data, 54 of limits such as
// the length of a value.
func refusesText(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (strings.HasPrefix(refused.Code, "22") || strings.HasPrefix(refused.Code, "54"))
}

// keyType is the SQL type that a column's values are compared as: the column's own, without its parameter.
func keyType(c rowset.Column) string {
	switch c.Type.Kind {
	case rowset.Bool:
		return "bool"
	case rowset.Int16:
		return "int2"
	case rowset.Int32:
		return "int4"
	case rowset.Int64:
		return "int8"
	case rowset.UUID:
		return "uuid"
	case rowset.Decimal:
		return "numeric"
	}
	name := withoutParameter(c.SourceType)
	switch {
	case isChar(c):
		return "bpchar"
	case name == "bit":
		return `"bit"` // without quotes it would be bit(1)
	case strings.HasPrefix(name, "interval "): // behind it are the fields that it is cut to
		return "interval"
	default:
		return name
	}
}

// withoutParameter leaves out of a type's name what stands in parentheses, but not what stands in quotes.
func withoutParameter(typ string) string {
	quoted := false
	start := strings.IndexFunc(typ, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return r == '(' && !quoted
	})
	if start < 0 {
		return typ
	}
	end := start + strings.IndexByte(typ[start:], ')')
	return typ[:start] + typ[end+1:]
}

// The words of PostgreSQL's dates and times that mean another one on the next day.
var volatileWords = []string{"now", "today", "tomorrow", "yesterday"}

// volatile tells whether a text stands for another value at another time.
func volatile(c rowset.Column, text string) bool {
	if !hasTime(c) {
		return false
	}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' })
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(volatileWords, word) })
}

// maxExponentDigits bounds the exponents of numbers, which PostgreSQL writes without one: of
// 1e131071 it makes 131,072 digits.
const maxExponentDigits = 3

var exponents = regexp.MustCompile(`[eE][+-]?0*([1-9][0-9_]*)`)

// expands tells whether a text stands for a number that is far longer than the text. A batch of
// these would fill the memory.
func expands(c rowset.Column, text string) bool {
	if name := keyType(c); name != "numeric" && name != "numrange" {
		return false
	}
	return slices.ContainsFunc(exponents.FindAllStringSubmatch(text, -1), func(exponent []string) bool {
		return len(exponent[1]) > maxExponentDigits
	})
}
