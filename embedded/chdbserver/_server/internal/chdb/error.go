package chdb

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Error is an error as ClickHouse says it.
type Error struct {
	Code    int    // ClickHouse's number for the kind of error
	Message string // "Code: 60. DB::Exception: … (UNKNOWN_TABLE)"
}

// Error is the message.
func (e *Error) Error() string { return e.Message }

// The codes of errors that are raised here, with their names in ClickHouse.
const (
	CannotReadAllData    = 33
	BadArguments         = 36
	NotImplemented       = 48
	SyntaxError          = 62
	ReadOnly             = 164
	AuthenticationFailed = 516
	UnknownException     = 1002
)

var codeNames = map[int]string{
	CannotReadAllData: "CANNOT_READ_ALL_DATA", BadArguments: "BAD_ARGUMENTS", NotImplemented: "NOT_IMPLEMENTED",
	SyntaxError: "SYNTAX_ERROR", ReadOnly: "READONLY", AuthenticationFailed: "AUTHENTICATION_FAILED",
	UnknownException: "UNKNOWN_EXCEPTION",
}

// Errorf words an error as ClickHouse does.
func Errorf(code int, format string, args ...any) *Error {
	text := fmt.Sprintf(format, args...)
	return &Error{code, fmt.Sprintf("Code: %d. DB::Exception: %s. (%s)", code, text, codeNames[code])}
}

var codePattern = regexp.MustCompile(`Code: (\d{1,9})\. `)

// exception reads what the library says of an error, and returns nil if that is nothing.
func exception(message string) error {
	message = strings.TrimSpace(message)
	if message == "" {
		return nil
	}
	found := codePattern.FindStringSubmatchIndex(message)
	if found == nil {
		return Errorf(UnknownException, "%s", message)
	}
	code, err := strconv.Atoi(message[found[2]:found[3]])
	if err != nil {
		return Errorf(UnknownException, "%s", message)
	}
	return &Error{code, message[found[0]:]} // the library puts its own words before some
}
