package rowset

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

func parseBool(text string) (int64, bool) {
	switch strings.ToLower(text) {
	case "t", "true", "y", "yes", "on", "1":
		return 1, true
	case "f", "false", "n", "no", "off", "0":
		return 0, true
	default:
		return 0, false
	}
}

func parseInt(text string, bits int) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, bits)
	return n, err == nil
}

func parseUint(text string, bits int) (int64, bool) {
	n, err := strconv.ParseUint(text, 10, bits)
	return int64(n), err == nil
}

const secondsPerDay = 24 * 60 * 60

// parsePlainDate leaves out the year 0, which some databases have and others have not.
func parsePlainDate(text string) (int64, bool) {
	t, err := time.Parse(time.DateOnly, text)
	return t.Unix() / secondsPerDay, err == nil && t.Year() > 0
}

func parseDate(text string) (int64, bool) {
	if n, ok := parseInfinity(text); ok {
		return n, true
	}
	proxy, cycles, ok := withinFourDigits(text)
	if !ok {
		return 0, false
	}
	t, err := time.Parse(time.DateOnly, proxy)
	return t.Unix()/secondsPerDay + cycles*daysPerCycle, err == nil
}

// The notations in which PostgreSQL and RFC 3339 write a point in time; without a zone it is UTC.
var timestampLayouts = []string{
	"2006-01-02 15:04:05.999999Z07", "2006-01-02 15:04:05.999999Z07:00",
	"2006-01-02T15:04:05.999999Z07", "2006-01-02T15:04:05.999999Z07:00",
	"2006-01-02 15:04:05.999999", "2006-01-02T15:04:05.999999", time.DateOnly,
}

// digitsOfMicros is how many digits behind the point of a second a timestamp has.
const digitsOfMicros = 6

// parsePlainTimestamp leaves out what is another time for a column without a time zone, which
// ignores the zone of a text.
func parsePlainTimestamp(text string) (int64, bool) {
	t, ok := parseClock(text)
	if !ok || t.Year() < 1 || strings.IndexByte(text, ',') >= 0 {
		return 0, false
	}
	_, east := t.Zone()
	return t.UnixMicro(), east == 0
}

func parseClock(text string) (time.Time, bool) {
	if FinerThanMicros(text) { // time.Parse drops digits
		return time.Time{}, false
	}
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, text); err == nil && t.Nanosecond()%1000 == 0 {
			return t, true
		}
	}
	return time.Time{}, false
}

// FinerThanMicros reports whether a number in text has more than six digits behind its point,
// without the zeros at its end.
func FinerThanMicros(text string) bool {
	for {
		var found bool
		if _, text, found = strings.Cut(text, "."); !found {
			return false
		}
		if len(strings.TrimRight(leadingDigits(text), "0")) > digitsOfMicros {
			return true
		}
	}
}

func parseTimestamp(text string) (int64, bool) {
	if n, ok := parseInfinity(text); ok {
		return n, true
	}
	proxy, cycles, ok := withinFourDigits(text)
	if !ok {
		return 0, false
	}
	t, ok := parseClock(proxy)
	const microsPerCycle = daysPerCycle * secondsPerDay * 1_000_000
	if !ok || cycles > math.MaxInt64/microsPerCycle || cycles < math.MinInt64/microsPerCycle {
		return 0, false
	}
	shift := cycles * microsPerCycle
	n := t.UnixMicro() + shift
	return n, shift <= 0 || n > shift && n < Uncountable // beyond is what a number of 64 bits can't count
}

func leadingDigits(text string) string {
	return text[:len(text)-len(strings.TrimLeft(text, "0123456789"))]
}

func parseInfinity(text string) (int64, bool) {
	switch text {
	case "infinity":
		return math.MaxInt64, true
	case "-infinity":
		return math.MinInt64, true
	default:
		return 0, false
	}
}

// The calendar repeats itself after so many years, which have so many days.
const (
	yearsPerCycle = 400
	daysPerCycle  = 146_097
)

// withinFourDigits returns a date, and the time behind it, as it is so many cycles of the calendar
// before: with a year of four digits instead of one that is BC or has more of them.
func withinFourDigits(text string) (proxy string, cycles int64, ok bool) {
	const digitsOfYear, mostDigits = 4, 7
	rest, beforeChrist := strings.CutSuffix(text, " BC")
	year, behind, _ := strings.Cut(rest, "-")
	if !beforeChrist && len(year) <= digitsOfYear {
		return text, 0, true
	}
	n, err := strconv.ParseUint(year, 10, 32)
	if err != nil || len(year) > mostDigits || len(year) < digitsOfYear || n == 0 {
		return "", 0, false
	}
	astronomical := int64(n)
	if beforeChrist { // there is no year 0: the one before 1 is 1 BC
		astronomical = 1 - astronomical
	}
	within := (astronomical%yearsPerCycle+yearsPerCycle)%yearsPerCycle + 5*yearsPerCycle
	return strconv.FormatInt(within, 10) + "-" + behind, (astronomical - within) / yearsPerCycle, true
}

// parseUUID takes hyphens anywhere.
func parseUUID(text string) ([]byte, bool) {
	b, err := hex.DecodeString(strings.ReplaceAll(inBraces(text), "-", ""))
	return b, err == nil && len(b) == 16
}

// parsePlainUUID takes hyphens where every database does: behind any group of four digits.
func parsePlainUUID(text string) ([]byte, bool) {
	const groups, digits = 8, 4
	rest := inBraces(text)
	id := make([]byte, 0, groups*digits/2)
	for group := range groups {
		if group > 0 {
			rest = strings.TrimPrefix(rest, "-")
		}
		if len(rest) < digits {
			return nil, false
		}
		var err error
		if id, err = hex.AppendDecode(id, []byte(rest[:digits])); err != nil {
			return nil, false
		}
		rest = rest[digits:]
	}
	return id, rest == ""
}

func inBraces(text string) string {
	if strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}") && len(text) > 1 {
		return text[1 : len(text)-1]
	}
	return text
}

// parseBytes reads the notation \x00ff.
func parseBytes(text string) ([]byte, bool) {
	digits, ok := strings.CutPrefix(text, `\x`)
	b, err := hex.DecodeString(digits)
	return b, ok && err == nil
}

// parseDecimal returns the number with exactly the type's scale, the form in which the source gives it.
func parseDecimal(text string, t Type) ([]byte, bool) {
	negative := strings.HasPrefix(text, "-")
	whole, fraction, _ := strings.Cut(strings.TrimLeft(text, "+-"), ".")
	if len(text)-len(strings.TrimLeft(text, "+-")) > 1 || whole+fraction == "" || !digits(whole) || !digits(fraction) {
		return nil, false
	}
	whole, fraction = strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	if len(fraction) > t.Scale || len(whole) > t.Precision-t.Scale {
		return nil, false
	}
	fraction += strings.Repeat("0", t.Scale-len(fraction))
	var b bytes.Buffer
	if negative && strings.Trim(whole+fraction, "0") != "" {
		b.WriteByte('-')
	}
	if whole == "" {
		whole = "0"
	}
	b.WriteString(whole)
	if t.Scale > 0 {
		b.WriteString("." + fraction)
	}
	return b.Bytes(), true
}

func digits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
