package postgres

import (
	"cmp"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chferry/chferry"
)

// A row that the server can't give is told by the SQLSTATE:
// https://www.postgresql.org/docs/current/errcodes-appendix.html

// unreadableStates are the SQLSTATEs that a single row causes while it is read, and what they mean.
var unreadableStates = map[string]string{
	"21000": "a subquery gives several rows where one is expected",
	"22001": "a text is too long for the type that it is cast to",
	"22003": "a number is out of the range of its type",
	"22004": "a null is where none may be",
	"22005": "a value can't be assigned to its type",
	"22007": "a text is no date or time",
	"22008": "a date or time is out of range",
	"2200F": "a text is empty where it must not be",
	"2200L": "a text is no XML document", "2200M": "a text is no XML document", "2200N": "a text is no XML content",
	"22011": "a substring has a length below 0",
	"22012": "a division by zero",
	"22013": "the size of a window's frame is not one",
	"22021": "a text has bytes that are no characters of the encoding",
	"22023": "a function is given a value that it does not take",
	"22025": "an escape sequence is not one", "22019": "an escape character is not one",
	"22026": "a text or bit string has another length than its type",
	"2202E": "an array's subscripts are wrong",
	"22030": "a JSON object has a key twice", "22032": "a text is not JSON",
	"22033": "an SQL/JSON subscript is not one", "22034": "SQL/JSON finds more than one item",
	"22035": "SQL/JSON finds no item", "22036": "SQL/JSON finds no number", "22038": "SQL/JSON needs a single item",
	"22039": "SQL/JSON finds no array", "2203A": "SQL/JSON finds no member",
	"2203F": "SQL/JSON needs a scalar", "2203G": "an SQL/JSON item can't be cast to its type",
	"2201B": "a regular expression is not one",
	"2201E": "a logarithm of a number that has none", "2201F": "a power or root of a number that has none",
	"22P01": "a floating point number is out of range",
	"22P02": "a text has not the form of the type that it is cast to",
	"22P03": "a binary value has not the form of its type",
	"22P05": "a text has a character that UTF-8, or the database's encoding, can't hold",
	"23502": "a domain does not allow the null that it is given",
	"23514": "a domain does not allow the value that it is given",
	"39004": "a function does not take a null",
	"54000": "a value is larger than a result may be",
	"54001": "a function calls itself too often",
	"58P01": "a file of the table or of the transaction log's status is missing",
	"P0001": "a function that the table's rows go through raised an error",
	"P0002": "a function that the table's rows go through found no row",
	"P0003": "a function that the table's rows go through found several rows",
	"P0004": "a function that the table's rows go through found a condition not to hold",
	"XX000": "the row is damaged, or too large to be read",
	"XX001": "the row or its page is damaged: see what the extension amcheck and pg_dump say of the table",
	"XX002": "an index of the table is damaged: REINDEX it",
}

// unreadableClasses are the classes of such SQLSTATEs.
var unreadableClasses = map[string]string{
	"10": "an XQuery error",
	"21": "a subquery gives several rows where one is expected",
	"22": "a value is not one of its type",
	"23": "a domain does not allow a value",
	"2F": "a function that the table's rows go through failed",
	"38": "a function that the table's rows go through failed",
	"39": "a function that the table's rows go through failed",
	"P0": "a function that the table's rows go through failed",
}

// damaged finds the internal errors that a damaged row causes; others pass, such as those of a
// table that is altered just now. PostgreSQL does not translate the texts of internal errors.
var damaged = regexp.MustCompile(
	`^(invalid memory alloc request size|missing chunk number|unexpected chunk|unexpected number of chunks|` +
		`compressed .*data is corrupt|found toasted toast chunk|attempted to (fetch|read) .*tuple)`)

// unreadable says what a row has that the server can't give it for; empty if the error is not a row's.
func unreadable(err *pgconn.PgError) string {
	switch code := err.Code; {
	case code == "XX000" && !damaged.MatchString(err.Message),
		code == "58P01" && !strings.Contains(err.Message, "transaction"):
		return ""
	default:
		return cmp.Or(unreadableStates[code], unreadableClasses[code[:min(2, len(code))]])
	}
}

// ended are SQLSTATEs of statements that the server ended because they took too long:
// transaction_timeout's, from PostgreSQL 17 on, and that of a statement that was cancelled, for
// whatever reason.
const (
	queryCanceled      = "57014"
	transactionTimeout = "25P04"
)

// timedOut tells whether a statement was ended because it took too long, and not because somebody
// cancelled it. The server tells that in the language that it is set to: where the words are not
// English, the time tells.
func (s *Source) timedOut(err error, took time.Duration) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	switch {
	case refused.Code == transactionTimeout, isPoolersTimeout(refused):
		return true
	case refused.Code != queryCanceled, strings.Contains(refused.Message, "user request"):
		return false
	}
	return strings.Contains(refused.Message, "statement timeout") || s.timeout > 0 && took >= s.timeout
}

// isPoolersTimeout tells whether PgBouncer ended a statement by its query_timeout.
func isPoolersTimeout(err *pgconn.PgError) bool {
	return err.Code == "08P01" && slices.Contains([]string{"query_timeout", "query timeout"}, err.Message)
}

// tooSlow translates a statement that took too long, or was cancelled.
func (s *Source) tooSlow(err *pgconn.PgError) error {
	wrap := func(format string) error {
		return chferry.WrapError(chferry.CodeUnavailable, err, format, s.alias, s.address)
	}
	switch {
	case err.Code == transactionTimeout:
		return wrap("database %q at %s did not answer within its transaction_timeout: look for locks and load there, " +
			"or raise the timeout")
	case isPoolersTimeout(err):
		return wrap("database %q at %s did not answer within PgBouncer's query_timeout: look for locks and load " +
			"there, or raise the timeout")
	case strings.Contains(err.Message, "user request"):
		return wrap("database %q at %s was told to cancel the read, by pg_cancel_backend or a tool that uses it: it " +
			"is tried again")
	}
	return wrap("database %q at %s did not answer within the statement timeout: look for locks and load there, " +
		"for an index on the primary key, or set a longer statement_timeout in its url")
}
