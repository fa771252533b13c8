package config

import (
	"fmt"
	"strconv"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/chferry/chferry"
)

// text reads a value as text and tells whether there is one.
func (s *section) text(key string, into *string) bool {
	e, ok := s.ask(key)
	if !ok {
		return false
	}
	value, ok := s.scalar(s.name(key), e.line, e.value, expand)
	if ok {
		*into = value
	}
	return ok
}

// url reads a server's URL and tells whether there is one.
func (s *section) url(key string, into *string) bool {
	e, ok := s.ask(key)
	if !ok {
		return false
	}
	value, ok := s.scalar(s.name(key), e.line, e.value, expandURL)
	if !ok {
		return false
	}
	if *into, ok = chferry.CleanURL(value); !ok {
		s.fail(key, "has a password with a /, ?, #, %% or @ in it, or an @ behind its host: write / as %%2F, ? as "+
			"%%3F, # as %%23, %% as %%25 and @ as %%40, or take the password from a variable, as in "+
			"user:${PASSWORD}@host, which is written so by itself")
	}
	return ok
}

// texts reads a list of texts.
func (s *section) texts(key string, into *[]string) {
	for i, item := range s.list(key) {
		if value, ok := s.scalar(fmt.Sprintf("%s[%d]", s.name(key), i), firstLine(item), item, expand); ok {
			*into = append(*into, value)
		}
	}
}

// textMap reads a mapping of texts to texts.
func (s *section) textMap(key string) map[string]string {
	if !s.has(key) {
		s.ask(key)
		return nil
	}
	inner, values := s.section(key), map[string]string{}
	for _, e := range inner.entries {
		var value string
		if inner.text(e.key, &value) {
			values[e.key] = value
		}
	}
	return values
}

// number reads a whole number from least to most.
func (s *section) number(key string, least, most int64, into *int64) {
	var text string
	if !s.text(key, &text) {
		return
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < least || n > most {
		s.fail(key, "must be a whole number from %d to %d", least, most)
		return
	}
	*into = n
}

// boolean reads true or false.
func (s *section) boolean(key string, into *bool) {
	var text string
	if !s.text(key, &text) {
		return
	}
	switch text {
	case "true":
		*into = true
	case "false":
		*into = false
	default:
		s.fail(key, "must be true or false")
	}
}

// duration reads a duration that is not negative, and tells whether there is one.
func (s *section) duration(key string, into *time.Duration) bool {
	var text string
	if !s.text(key, &text) {
		return false
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		s.fail(key, "must be a duration with its unit, such as %s", s.withUnit(key))
		return false
	}
	*into = d
	return true
}

// withUnit gives examples of durations: the file's own number with a unit, if it has one. What comes from a variable is
// not repeated.
func (s *section) withUnit(key string) string {
	for _, e := range s.entries {
		number, ok := e.value.(*ast.IntegerNode)
		if e.key == key && ok {
			text := number.GetToken().Value
			if _, err := strconv.ParseUint(text, 10, 32); err == nil {
				return fmt.Sprintf("%ss or %sm", text, text)
			}
		}
	}
	return "500ms, 5s or 1h30m"
}
