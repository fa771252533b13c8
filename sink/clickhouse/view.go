package clickhouse

import (
	"fmt"
	"slices"
	"strings"

	"github.com/chferry/chferry/engine"
	"github.com/chferry/chferry/sink"
)

// viewMark is a condition that always holds. Only a view with this mark may be replaced. Servers
// keep it in the view's query, also those that know no comments on views.
const viewMark = `'made by chferry' != ''`

// viewOf is the view of t with these columns. Rows are compared before deleted ones are left out:
// FINAL comes before WHERE.
func viewOf(t table, d sink.Destination, columns []string) string {
	return fmt.Sprintf("%s%s AS\nSELECT %s\nFROM %s FINAL\nWHERE %s = 0 AND %s",
		t.current().sql(), onCluster(d), quoteAll(columns), t.sql(), quote(d.Engine.Layout().Deleted), viewMark)
}

// viewedColumn is a column of the view: its type in the view and in the table, empty where the column is absent.
type viewedColumn struct{ name, inView, inTable string }

// missingView creates the view, or makes it anew if its columns or types are no longer the table's:
// a server keeps the types that the view had when it was made, and converts to them what the table
// holds by then, without an error for a number that is too large. A view without chferry's mark is
// never replaced. Columns that the source lost stay in the view, as they do in the table.
func missingView(t table, d sink.Destination, f *features, existing, view *existing) ([]sink.Statement, error) {
	name := t.current()
	if view == nil {
		create := "CREATE VIEW IF NOT EXISTS " + viewOf(t, d, sourceColumns(d))
		return []sink.Statement{{Kind: sink.View, Creates: "view " + name.String(), SQL: create}}, nil
	}
	if view.engine != "View" {
		return nil, misfit(name, "it is no view but %s: the view of the current rows of %s needs the name",
			view.engine, t)
	}
	columns := viewedColumns(d, f, existing, view)
	layout := d.Engine.Layout()
	made := isViewOf(t, layout, view.query)
	lack, stale := viewProblems(columns, made)
	switch problem := either(stale, lack); {
	case !made && (problem != "" || !showsCurrent(t, layout, view.query)):
		return nil, misfit(name,
			"this view of %s has no mark of chferry, and %s: rename or drop it, then run chferry apply",
			t, either(problem, "rows that were replaced or deleted are not left out"))
	case problem == "":
		return nil, nil
	}
	switch {
	case existing == nil: // a sync asks for the table first
		stale = ""
	case stale != "":
		stale = fmt.Sprintf("view %s: %s: it shows rows wrongly until chferry apply has made it anew", name, stale)
	}
	return f.replaceView(t, d, columns, stale), nil
}

func (f *features) replaceView(t table, d sink.Destination, columns []viewedColumn, stale string) []sink.Statement {
	name := t.current()
	var names []string
	for _, c := range columns {
		if c.inTable != "" {
			names = append(names, c.name)
		}
	}
	anew := "view " + name.String() + " anew, with the columns and types of its table"
	if f.hasReplaceView() {
		replace := "CREATE OR REPLACE VIEW " + viewOf(t, d, names)
		return []sink.Statement{{Kind: sink.View, Creates: anew, SQL: replace, Stale: stale}}
	}
	drop, create := "DROP TABLE IF EXISTS "+name.sql()+onCluster(d), "CREATE VIEW IF NOT EXISTS "+viewOf(t, d, names)
	return []sink.Statement{
		{Kind: sink.View, Creates: anew + ": the old one is dropped", SQL: drop, Stale: stale},
		{Kind: sink.View, Creates: "view " + name.String(), SQL: create},
	}
}

// viewedColumns returns the columns of the view and those that it lacks, with the types of the
// table as it is or will be.
func viewedColumns(d sink.Destination, f *features, existing, view *existing) []viewedColumn {
	types := map[string]string{}
	for _, c := range d.Columns {
		types[c.Destination] = f.typeOf(c)
	}
	if existing != nil {
		for _, c := range existing.columns {
			types[c.name] = c.text
		}
	}
	var columns []viewedColumn
	for _, c := range view.columns {
		columns = append(columns, viewedColumn{c.name, c.text, types[c.name]})
	}
	for _, name := range sourceColumns(d) {
		if !view.has(name) {
			columns = append(columns, viewedColumn{name, "", types[name]})
		}
	}
	return columns
}

// viewProblems says why the view must be made anew: it has other columns than the table (lack), or
// other types, so that it shows wrong values (stale). Both are empty if it need not. A view that
// chferry did not make may have columns of its own.
func viewProblems(columns []viewedColumn, made bool) (lack, stale string) {
	for _, c := range columns {
		switch {
		case c.inView == "":
			lack = either(lack, fmt.Sprintf("column %q is not in it", c.name))
		case c.inTable == "" && !made:
		case c.inTable == "":
			stale = either(stale, fmt.Sprintf("the table has no column %q any more", c.name))
		case c.inView != c.inTable:
			stale = either(stale, fmt.Sprintf("column %q is %s in it and %s in the table", c.name, c.inView, c.inTable))
		}
	}
	return lack, stale
}

// isViewOf reports whether chferry made the view: its query has the mark, and is of the form that
// viewOf writes. A person who took a view of chferry's and changed its condition has made another.
// Each server shows the query in a notation of its own.
func isViewOf(t table, layout engine.Layout, created string) bool {
	_, query, isView := cutOutside(created, " AS SELECT ")
	list, from, hasFrom := cutOutside(query, " FROM ")
	source, condition, isFinal := cutOutside(from, " FINAL ")
	if !isView || !hasFrom || !isFinal {
		return false
	}
	isNoColumn := func(part string) bool {
		_, ok := identifier(part)
		return !ok
	}
	if parts := splitList(list); len(parts) == 0 || slices.ContainsFunc(parts, isNoColumn) {
		return false
	}
	words := strings.Fields(strings.NewReplacer("(", " ", ")", " ", "`", "").Replace(condition))
	ours := strings.Fields("WHERE " + layout.Deleted + " = 0 AND " + viewMark)
	return namesTable(source, t) && slices.Equal(words, ours)
}

// showsCurrent reports whether somebody's own view may stand for the one of chferry: it reads t,
// and leaves out rows that were replaced or deleted. 18.16 shows no query with a column whose name
// is a keyword: the view then counts by its columns alone.
func showsCurrent(t table, layout engine.Layout, created string) bool {
	if created == "" {
		return true
	}
	_, query, _ := cutOutside(created, " AS SELECT ")
	_, from, _ := cutOutside(query, " FROM ")
	source, condition, isFinal := cutOutside(from, " FINAL")
	source, _, _ = cutOutside(source, " AS ")
	return isFinal && namesTable(source, t) && slices.Contains(identifiersIn(condition), layout.Deleted)
}

// namesTable reports whether text is the full name of t.
func namesTable(text string, t table) bool {
	database, name, _ := cutOutside(strings.TrimSpace(text), ".")
	databaseName, _ := identifier(database)
	tableName, _ := identifier(strings.TrimSpace(name))
	return table{databaseName, tableName} == t
}

// either returns the first text that is not empty.
func either(first, second string) string {
	if first != "" {
		return first
	}
	return second
}

// cutOutside cuts text around the first separator that does not stand in quotes.
func cutOutside(text, separator string) (before, after string, found bool) {
	for i := 0; i < len(text); i++ {
		if strings.HasPrefix(text[i:], separator) {
			return text[:i], text[i+len(separator):], true
		}
		if text[i] == '`' || text[i] == '\'' || text[i] == '"' {
			i = quotedEnd(text, i) - 1
		}
	}
	return text, "", false
}
