package chferry

import (
	"fmt"
	"net/url"
	"strings"
)

// CleanURL returns a server's URL with everything before the last @ of its authority written so
// that every parser takes it for user and password: whatever may not stand there is
// percent-encoded. It returns false for a percent sign there that begins no escape, and for a URL
// with an @ further behind: there a slash, ? or # of the password has ended the authority, and what
// follows would be taken, and shown, for host and port. A text without :// is returned as it is.
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
	if _, err := url.PathUnescape(authority[:at]); err != nil {
		return "", false
	}
	user, password, hasPassword := strings.Cut(authority[:at], ":")
	user = escapeUserinfo(user)
	if hasPassword {
		user += ":" + escapeUserinfo(password)
	}
	return scheme + "://" + user + authority[at:] + behind, true
}

// escapeUserinfo leaves escapes as they are.
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
