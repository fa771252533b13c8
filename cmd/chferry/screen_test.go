package main_test

import (
	"strings"
	"testing"

	"github.com/chferry/chferry/internal/testenv"
)

// TestControlCharacters: what others wrote reaches no terminal as a control character, and makes no line of its own.
func TestControlCharacters(t *testing.T) {
	t.Parallel()
	s := setupOn(t, testenv.ModernClickHouse(t),
		`  - {key: NAME-users, table: "odd\u001b[2J\nname", destination: {table: odd}, schedule: {every: 1h}}`+"\n")
	s.exec("CREATE TABLE \"odd\x1b[2J\nname\" (id int PRIMARY KEY, \"c\u009b31m\" int)")
	s.must("apply")
	s.start("worker")
	s.must("register", s.key, "update", "x", "1")
	if status, out, errOut := s.run("sync", s.key, "--wait"); status != 3 {
		t.Fatalf("the sync ends with %d: %s%s", status, out, errOut)
	}
	s.must("pause", s.key, "--note", "for\x1b]0;title\x07 now\nok    all is well\tand\u202eback")
	s.exec("ALTER TABLE \"odd\x1b[2J\nname\" ADD \"later\x7f\" int")
	for verb, want := range map[string]string{
		"status":      `for\u001b]0;title\u0007 now\nok    all is well\tand\u202eback`,
		"check":       `later\u007f`,
		"failed list": `odd\u001b[2J\nname: value 1 of the primary key can't be read`,
	} {
		args := strings.Fields(verb)
		if verb == "failed list" {
			args = append(args, s.key)
		}
		_, out, errOut := s.run(args...)
		if !strings.Contains(out, want) {
			t.Errorf("%s does not say %s:\n%s", verb, want, out)
		}
		if strings.ContainsAny(out+errOut, "\x1b\x07\x7f\u009b\u202e\r") || strings.Contains(out, "\nname") ||
			strings.Contains(out, "\nok    all is well") {
			t.Errorf("%s prints what others wrote as it is: %q", verb, out+errOut)
		}
	}
}
