package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var hasScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*:`)

// expandURL is [expand] for a server's URL. A variable's value is percent-encoded where it stands,
// so that a password may hold any character. A variable that the URL begins with, such as
// ${DATABASE_URL}, is a URL by itself and stays as it is. So does everything in the path of a file,
// which is no server.
func expandURL(list []piece) string {
	list = slices.Clone(list)
	first := slices.IndexFunc(list, func(p piece) bool { return p.text != "" })
	if first >= 0 && hasScheme.MatchString(list[first].text) {
		list[first].variable = false
	}
	var skeleton, url strings.Builder // the skeleton has one byte in place of each variable
	for _, p := range list {
		if p.variable {
			skeleton.WriteByte(0)
		} else {
			skeleton.WriteString(p.text)
		}
	}
	at := 0
	for _, p := range list {
		if p.variable {
			url.WriteString(encoderAt(skeleton.String(), at)(p.text))
			at++
		} else {
			url.WriteString(p.text)
			at += len(p.text)
		}
	}
	return url.String()
}

// What else than letters and digits a part of a URL keeps as it is.
const (
	keptInUserinfo = "-._~"
	keptInHost     = "-._~:,[]" // several hosts with their ports
	keptInPath     = "-._~:,"
	keptInPairs    = "-._~:,/=&%+" // a parameter and its value, or several
	keptInValue    = "-._~"        // of a parameter
)

// encoderAt returns how a variable is written that stands for byte i of a URL.
func encoderAt(url string, i int) func(string) string {
	asItIs := func(value string) string { return value }
	start := strings.Index(url, "://")
	if start < 0 || i < start {
		return asItIs
	}
	start += len("://")
	authority, behind := url[start:], ""
	if end := strings.IndexAny(authority, "/?#"); end >= 0 {
		authority, behind = authority[:end], authority[end:]
	}
	host := start + strings.LastIndexByte(authority, '@') + 1
	query := start + len(authority) + strings.IndexByte(behind, '?')
	switch {
	case i < host-1 && host-1-start == 1: // user and password, or the user alone
		return func(value string) string {
			user, password, found := strings.Cut(value, ":")
			if !found {
				return encode(user, keptInUserinfo)
			}
			return encode(user, keptInUserinfo) + ":" + encode(password, keptInUserinfo)
		}
	case i < host:
		return encoder(keptInUserinfo)
	case i < start+len(authority) && len(authority) == 1: // all of it
		return asItIs
	case i < start+len(authority):
		return encoder(keptInHost)
	case strings.IndexByte(behind, '?') < 0 || i < query:
		return encoder(keptInPath)
	case strings.ContainsRune("?&", rune(url[i-1])):
		return encoder(keptInPairs)
	default:
		return encoder(keptInValue)
	}
}

func encoder(kept string) func(string) string {
	return func(value string) string { return encode(value, kept) }
}

// encode percent-encodes all but letters, digits and what is kept.
func encode(value, kept string) string {
	var b strings.Builder
	for _, c := range []byte(value) {
		if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte(kept, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
