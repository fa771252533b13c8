package chferry

import (
	"fmt"
	"strings"
)

// CleanURL returns a server's URL with everything before the last @ of its authority written so that every parser takes it for
// user and password: whatever may not stand there is percent-encoded, but for a percent sign. It returns false for
// a URL with an @ further behind. There a slash, ? or # of the password has ended the authority, and what follows would be taken,
// and shown, for host and port. A text without :// is returned as it is.
func CleanURL(raw string) (string, bool) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return raw, true
	}
	authority, behind := rest, ""
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority, behind = rest[:end], rest[end:]
	}
	if strings.Contains(behind, "@") {
		return "", false
	}
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return raw, true
	}
	user, password, hasPassword := strings.Cut(authority[:at], ":")
	user = escapeUserinfo(user)
	if hasPassword {
		user += ":" + escapeUserinfo(password)
	}
	return scheme + "://" + user + authority[at:] + behind, true
}

// escapeUserinfo leaves a percent sign as it is: nobody but a parser can tell whether it begins an escape.
func escapeUserinfo(text string) string {
	const plain = "-._~!$&'()*+,;=%"
	var b strings.Builder
	for _, c := range []byte(text) {
		if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
