package httpserver

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// prepare gives the session the request's database and settings.
func prepare(session *chdb.Session, req *request) error {
	if req.database != "" {
		if _, _, err := session.Run(chdb.Statement{SQL: "USE " + quoteName(req.database), Format: "Null"}); err != nil {
			return err
		}
	}
	var settings []string
	for name, value := range req.settings {
		settings = append(settings, quoteName(name)+" = "+quoteText(value))
	}
	slices.Sort(settings) // errors, too, should be the same each time
	_, _, err := session.Run(chdb.Statement{SQL: "SET " + strings.Join(settings, ", "), Format: "Null"})
	return err
}

// judge refuses what ClickHouse refuses over HTTP, and tells what class the statement is of.
func judge(session *chdb.Session, req *request) (class chdb.Class, err error) {
	if strings.TrimSpace(req.SQL) == "" {
		return 0, chdb.Errorf(chdb.SyntaxError, "Empty query")
	}
	statements := 1
	if req.data != nil {
		class = chdb.Writing
	} else if class, statements, err = session.Classify(req.SQL); err != nil {
		return 0, err
	}
	switch {
	case statements > 1:
		return 0, chdb.Errorf(chdb.SyntaxError, "Multi-statements are not allowed")
	case req.onlyRead && class != chdb.Reading && class != chdb.Unknown: // what is unknown fails anyhow
		return 0, chdb.Errorf(chdb.ReadOnly,
			"Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. Use POST")
	}
	return class, nil
}

// execute runs the statement and writes what it answers.
func execute(session *chdb.Session, req *request, class chdb.Class, out *answer) error {
	switch {
	case req.data != nil:
		return insert(session, req, out)
	case class == chdb.Reading && req.streams():
		return stream(session, req, out)
	}
	whole, written, err := session.Run(req.Statement)
	if err != nil {
		return err
	}
	out.summary(written)
	return out.write(whole)
}

func insert(session *chdb.Session, req *request, out *answer) error {
	written, err := session.Insert(req.Statement, req.data)
	var exception *chdb.Error
	switch {
	case errors.As(err, &exception):
		return err
	case err != nil:
		return chdb.Errorf(chdb.CannotReadAllData, "Cannot read the data of the INSERT: %v", err)
	}
	out.summary(written)
	return nil
}

var (
	formatClause = regexp.MustCompile(`(?i)\bFORMAT\b`)
	// rowFormats are those in which an answer can be cut into pieces that are answers themselves.
	rowFormats = map[string]bool{
		"Native": true, "RowBinary": true, "TabSeparated": true, "TSV": true, "CSV": true,
		"JSONEachRow": true,
	}
)

// streams tells whether the engine can give what is read piece by piece: not of SHOW and its like,
// and not of a statement that may name a format of its own.
func (r *request) streams() bool {
	word := keyword(r.SQL)
	return (word == "SELECT" || word == "WITH") && rowFormats[r.Format] && !formatClause.MatchString(r.SQL)
}

func stream(session *chdb.Session, req *request, out *answer) error {
	rows, err := session.Select(req.Statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	for {
		data, err := rows.Next()
		if err != nil || data == nil {
			return err
		}
		if err := out.write(data); err != nil {
			return err
		}
	}
}
