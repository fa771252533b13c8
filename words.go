package chferry

import (
	"strconv"
	"strings"
	"time"
)

// Amount says how many there are, as people write it: 1 row, 1,234,567 rows.
func Amount(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Thousands(n) + " " + many
}

// Thousands writes a number as people do: 1,234,567.
func Thousands[N int | int64](n N) string {
	sign, text := "", strconv.FormatInt(int64(n), 10)
	if n < 0 {
		sign, text = "-", text[1:]
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// DurationText writes a duration without the units that are zero at its end: 5m, 1h30m, 1.5s.
func DurationText(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
