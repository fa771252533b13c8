package httpserver

import (
	"errors"
	"slices"
	"strings"

	"github.com/chferry/chferry/embedded/chdbserver/internal/chdb"
)

// prepare gives the session the request's database and settings.
func prepare(session *chdb.Session, req *request) error {
	if req.database != "" && req.database != "default" {
		if _, _, err := session.Run(chdb.Statement{SQL: "USE " + quoteName(req.database), Format: "Null"}); err != nil {
			return err
		}
	}
	if len(req.settings) == 0 {
		return nil
	}
	var settings []string
	for name, value := range req.settings {
		settings = append(settings, quoteName(name)+" = "+quoteText(value))
	}
	slices.Sort(settings) // errors, too, should be the same each time
	_, _, err := session.Run(chdb.Statement{SQL: "SET " + strings.Join(settings, ", "), Format: "Null"})
	return err
}

// judge refuses what ClickHouse refuses over HTTP.
func judge(session *chdb.Session, req *request) error {
	if strings.TrimSpace(req.SQL) == "" {
		return chdb.NewException(chdb.SyntaxError, "Empty query")
	}
	if req.data != nil {
		return nil
	}
	class, statements, err := session.Classify(req.SQL)
	switch {
	case err != nil:
		return err
	case statements > 1:
		return chdb.NewException(chdb.SyntaxError, "Multi-statements are not allowed")
	case req.onlyRead && class != chdb.Reading && class != chdb.Unknown:
		return chdb.NewException(chdb.ReadOnly, "Cannot execute query in readonly mode. For queries over HTTP, method GET implies readonly. Use POST")
	}
	return nil
}

// execute runs the statement and writes what it answers.
func execute(session *chdb.Session, req *request, out *answer) error {
	switch {
	case req.data != nil:
		written, err := session.Insert(req.Statement, req.data)
		if err != nil {
			return err
		}
		out.summary(written)
		return nil
	case streams(req.SQL):
		return stream(session, req, out)
	}
	whole, written, err := session.Run(req.Statement)
	if err != nil {
		return err
	}
	out.summary(written)
	return out.write(whole)
}

// streams tells whether the engine can give the answer piece by piece.
func streams(sql string) bool {
	word := keyword(sql)
	return word == "SELECT" || word == "WITH"
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

var errGone = errors.New("the client went away")
