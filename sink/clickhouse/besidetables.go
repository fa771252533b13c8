package clickhouse

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"

	"github.com/chferry/chferry/sink"
)

// The tables of a job that replaces users are told by their names, so that the job can go on
// wherever it was killed, and nothing else need be kept. Beside users there is
// users_chferry_new_1a2b3c4d, where 1a2b3c4d is of the job's token.
//
// Where names can be exchanged, a table has a UUID, which stays with the table. The name of the new
// one ends in the first digits of its UUID: users_chferry_new_1a2b3c4d_5e6f7a8b. So the table under
// that name tells whether it was exchanged for users. When it was, it becomes
// users_chferry_old_1a2b3c4d_5e6f7a8b, and a late attempt finds nothing to exchange.
//
// Elsewhere the name ends in random digits. users becomes users_chferry_old_1a2b3c4d_5e6f7a8b, and then
// the new table of the same digits becomes users.
//
// Each attempt that makes a table gives it a name of its own by that. A late attempt can't make the
// table that another one has filled, and that was renamed, appear once more.

// besideTables are a table and what jobs that replace it have made.
type besideTables struct {
	of      table
	job     string // what the job's token becomes in names
	current *besideTable
	beside  []besideTable // by their names
}

// besideTable is a table as the server describes it.
type besideTable struct {
	table
	engine string
	full   string // the engine, and all that follows it in the statement which creates the table
	uuid   string // its first digits; empty: the table has none
	// What the name says, of a table beside another.
	kind besideKind
	job  string
	mark string // the digits of a UUID, or random ones; empty: it was not renamed since it was created
}

type besideKind string

const (
	newTable besideKind = "new"
	oldTable besideKind = "old"
)

// isMoved reports whether the name is that of a table which went elsewhere.
func (b *besideTable) isMoved() bool { return b.mark != "" && b.uuid != "" && b.uuid != b.mark }

const markDigits = 8 // of a token or a UUID in a name

var besideName = regexp.MustCompile(`^_chferry_(new|old)_([0-9a-f]{8})(?:_([0-9a-f]{8}))?$`)

// jobMark is what a token becomes in names.
func jobMark(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])[:markDigits]
}

// named returns the name of a table of the job.
func (b *besideTables) named(kind besideKind, mark string) table {
	name := b.of.name + "_chferry_" + string(kind) + "_" + b.job
	if mark != "" {
		name += "_" + mark
	}
	return table{b.of.database, name}
}

// own returns a table of the job, of a kind; nil: there is none. One with a mark comes first.
func (b *besideTables) own(kind besideKind) *besideTable {
	var unmarked *besideTable
	for i, one := range b.beside {
		switch {
		case one.kind != kind || one.job != b.job:
		case one.mark != "":
			return &b.beside[i]
		default:
			unmarked = &b.beside[i]
		}
	}
	return unmarked
}

// marked returns the job's table of a kind and a mark; nil: there is none.
func (b *besideTables) marked(kind besideKind, mark string) *besideTable {
	name := b.named(kind, mark)
	i := slices.IndexFunc(b.beside, func(one besideTable) bool { return one.table == name })
	if i < 0 {
		return nil
	}
	return &b.beside[i]
}

// renamed returns the table that was read until a job renamed it, if it has its new name still.
func (b *besideTables) renamed() *besideTable {
	if b.current != nil {
		return nil
	}
	if old := b.own(oldTable); old != nil {
		return old
	}
	i := slices.IndexFunc(b.beside, func(one besideTable) bool { return one.kind == oldTable })
	if i < 0 {
		return nil
	}
	return &b.beside[i]
}

// tablesBeside finds the tables of jobs that replace d's.
func (c *Client) tablesBeside(ctx context.Context, d sink.Destination, token string) (*besideTables, error) {
	t, err := parseTable(d.Table, c.database)
	if err != nil {
		return nil, err
	}
	f, err := c.features(ctx)
	if err != nil {
		return nil, err
	}
	uuid := "''"
	if f.hasExchange() {
		uuid = "toString(uuid)"
	}
	b := &besideTables{of: t, job: jobMark(token)}
	err = c.query(ctx, "look for the tables beside "+t.String(), func(scan func(...any) error) error {
		one := besideTable{table: table{database: t.database}}
		err := scan(&one.name, &one.engine, &one.full, &one.uuid)
		b.add(one)
		return err
	}, "SELECT name, engine, engine_full, "+uuid+" FROM system.tables WHERE database = ? AND "+
		"(name = ? OR startsWith(name, ?)) ORDER BY name", t.database, t.name, t.name+"_chferry_")
	return b, err
}

func (b *besideTables) add(one besideTable) {
	one.uuid = uuidMark(one.uuid)
	if one.table == b.of {
		b.current = &one
		return
	}
	if m := besideName.FindStringSubmatch(strings.TrimPrefix(one.name, b.of.name)); m != nil {
		one.kind, one.job, one.mark = besideKind(m[1]), m[2], m[3]
		b.beside = append(b.beside, one)
	}
}

// randomMark is the mark of a table without a UUID.
func randomMark() string {
	var digits [markDigits / 2]byte
	_, _ = rand.Read(digits[:]) // never fails
	return hex.EncodeToString(digits[:])
}

// uuidMark is what a UUID becomes in names; empty for a table without one.
func uuidMark(uuid string) string {
	if strings.Trim(uuid, "0-") == "" {
		return ""
	}
	return uuid[:markDigits]
}

var (
	ownPath   = regexp.MustCompile(`_chferry_[0-9a-f]{8}$`)
	uuidMacro = "{uuid}"
)

// likeEngine is what a statement that creates a table like another one says of the engine. A
// replicated table needs a path of its own in the keeper; the path of any other says nothing.
func (b *besideTable) likeEngine(job string) string {
	arguments := engineArguments(b.full)
	if !strings.HasPrefix(b.engine, "Replicated") || len(arguments) == 0 {
		return ""
	}
	path := strings.TrimSuffix(arguments[0], "'")
	if !strings.HasPrefix(path, "'") || strings.Contains(path, uuidMacro) {
		return ""
	}
	own := ownPath.ReplaceAllString(path, "") + "_chferry_" + job + "'"
	return " ENGINE = " + strings.Replace(b.full, arguments[0], own, 1)
}
