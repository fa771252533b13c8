package chferry

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Code is what a caller can do about an error. The API maps it to an HTTP status, the command line to an exit status
// and the activities to "retry" or "give up".
type Code string

// The codes. Unavailable, Claimed and Unknown may pass by themselves; the others stay until somebody mends something.
const (
	CodeUnknown        Code = "Unknown"        // an error that nobody classified
	CodeInvalid        Code = "Invalid"        // an import key, operation or primary key that is malformed
	CodeUnknownKey     Code = "UnknownKey"     // an import key that the configuration does not have
	CodeConfiguration  Code = "Configuration"  // the configuration, or what it points to, must be mended
	CodeSchemaMismatch Code = "SchemaMismatch" // the tables do not fit each other
	CodeRefused        Code = "Refused"        // the destination refuses rows for what they hold
	CodeUnreadable     Code = "Unreadable"     // the source has rows that it can't give: fewer keys may be asked for
	CodeTooManyFailed  Code = "TooManyFailed"  // more operations of a batch would be set aside than max_failed
	CodeSourceChanged  Code = "SourceChanged"  // database or table is not the one that was synced before
	CodeAccessDenied   Code = "AccessDenied"   // a server refused the credentials or the right
	CodeUnavailable    Code = "Unavailable"    // a server does not answer or asks to come back later
	CodeClaimed        Code = "Claimed"        // another sync holds the import key
	CodeSuperseded     Code = "Superseded"     // another sync took the import key over
	CodeReplaced       Code = "Replaced"       // the destination is being replaced: the batch must be imported again
	CodeQueueFull      Code = "QueueFull"      // registering would exceed max_pending
	CodeTooLarge       Code = "TooLarge"       // more operations than one call may register
)

// Error is an error whose text is safe to show anywhere: it never holds rows, primary keys, SQL, connection strings or
// secrets. Err, which may hold them, is kept for errors.Is and errors.As and is not part of the text.
type Error struct {
	Code    Code
	Message string
	Err     error
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an [Error]. The arguments must be safe to show; use [WrapError] to keep a cause that is not.
func Errorf(code Code, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WrapError makes an [Error] that keeps err as its cause but not in its text.
func WrapError(code Code, err error, format string, args ...any) error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Err: err}
}

// CodeOf returns the code of the outermost [Error] in err's chain, [CodeUnknown] if there is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeUnknown
}

// Problems returns the errors that were joined into err, in order, also if the join was wrapped;
// err alone if none were, nothing for nil. A check that goes on after the first problem joins all
// that it finds. An [Error] is one problem, whatever its cause: the texts of the cause may hold
// secrets.
func Problems(err error) []error {
	var problems []error
	for _, e := range joinedIn(err) {
		problems = append(problems, Problems(e)...)
	}
	if err != nil && len(problems) == 0 {
		return []error{err}
	}
	return problems
}

// joinedIn returns the errors of the outermost join in err's chain; none if there is no join, or if
// an [Error] hides it.
func joinedIn(err error) []error {
	for ; err != nil; err = errors.Unwrap(err) {
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			return joined.Unwrap()
		}
		if _, ok := err.(*Error); ok { //nolint:errorlint // the loop looks at each error of the chain by itself
			return nil
		}
	}
	return nil
}

// Passes tells whether the same call may succeed later without anybody mending anything.
func (c Code) Passes() bool {
	return c == CodeUnavailable || c == CodeClaimed || c == CodeUnknown
}

// mostProblems is how many problems of one failure are told.
const mostProblems = 10

// Safe returns a code and a text of err that may be shown anywhere. The texts of each [Error] that
// was joined into err are the only ones that are known to hold no row, key or secret. The code is
// that of the first problem that somebody has to mend.
func Safe(err error) (code Code, text string) {
	var known []*Error
	for _, problem := range Problems(err) {
		var e *Error
		if errors.As(problem, &e) {
			known = append(known, e)
		}
	}
	if len(known) == 0 {
		if errors.Is(err, context.DeadlineExceeded) {
			return CodeUnavailable, "timed out"
		}
		return CodeUnknown, fmt.Sprintf("unexpected error of type %T", innermost(err))
	}
	code = known[0].Code
	texts := make([]string, 0, mostProblems+1)
	for i, e := range known {
		if code.Passes() && !e.Code.Passes() {
			code = e.Code
		}
		if i < mostProblems {
			texts = append(texts, e.Message)
		}
	}
	if more := len(known) - mostProblems; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return code, strings.Join(texts, "; ")
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
