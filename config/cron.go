package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a machine need not have the time zone database

	"github.com/chferry/chferry"
)

// cronField is one of a cron expression's five fields. names[i] is a name of the value least+i, and
// can be shortened to its first short letters.
type cronField struct {
	name        string
	least, most int
	names       []string
	short       int
}

var cronFields = []cronField{
	{name: "minute", least: 0, most: 59},
	{name: "hour", least: 0, most: 23},
	{name: "day of month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, short: 3, names: []string{
		"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
		"december",
	}},
	{name: "day of week", least: 0, most: 7, short: 2, names: []string{
		"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday",
	}},
}

var cronNames = []string{"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"}

// checkCron refuses what Temporal's schedules would refuse, and what they would take for something else than is meant:
// https://docs.temporal.io/schedule#spec. The error continues the words "cron".
func checkCron(text string) error {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "CRON_TZ=") || strings.HasPrefix(text, "TZ=") {
		zone, rest, _ := strings.Cut(text, " ")
		if strings.HasSuffix(zone, "=") || strings.TrimSpace(rest) == "" {
			return errors.New("must have a time zone and then the five fields, as in CRON_TZ=Europe/Paris 0 4 * * *")
		}
		text = rest
	}
	text, _, _ = strings.Cut(text, "#")
	text = strings.TrimSpace(text)
	if every, ok := strings.CutPrefix(text, "@every"); ok {
		return checkEvery(every)
	}
	if slices.Contains(cronNames, text) {
		return nil
	}
	return checkCronFields(strings.Fields(text))
}

func checkCronFields(fields []string) error {
	switch len(fields) {
	case len(cronFields):
	case 6:
		return errors.New("has six fields, and Temporal reads a sixth as the year, not as seconds: " +
			"write five (minute, hour, day of month, month, day of week), or use every for seconds")
	default:
		return fmt.Errorf("must have five fields (minute, hour, day of month, month, day of week), not %d", len(fields))
	}
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			if !cronFields[i].accepts(part) {
				f := cronFields[i]
				return fmt.Errorf("has a %s that is not *, a value from %d to %d, a range or a step",
					f.name, f.least, f.most)
			}
		}
	}
	return nil
}

// accepts tells whether part is *, a value or a range of them, each with or without a step.
func (f cronField) accepts(part string) bool {
	values, step, stepped := strings.Cut(part, "/")
	if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
		return false
	}
	if values == "*" {
		return true
	}
	first, last, ranged := strings.Cut(values, "-")
	from, ok := f.value(first)
	if !ok || !ranged {
		return ok
	}
	to, ok := f.value(last)
	return ok && to >= from
}

func (f cronField) value(text string) (int, bool) {
	for i, name := range f.names {
		if len(text) >= f.short && strings.HasPrefix(name, strings.ToLower(text)) {
			return f.least + i, true
		}
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= f.least && n <= f.most
}

// checkEvery checks an interval and, behind a slash, its phase.
func checkEvery(text string) error {
	interval, phase, phased := strings.Cut(strings.TrimSpace(text), "/")
	d, err := time.ParseDuration(interval)
	if err != nil || d < time.Second || d%time.Second != 0 {
		return errors.New("must have whole seconds, at least 1s, behind @every, as in @every 90s")
	}
	if p, err := time.ParseDuration(phase); phased && (err != nil || p < 0 || p >= d) {
		return errors.New("must have a phase shorter than the interval behind the slash, as in @every 1h/5m")
	}
	return nil
}

// readTimeZone reads the time zone of a cron expression.
func readTimeZone(s *section, i *chferry.Import) {
	if !s.text("time_zone", &i.TimeZone) {
		return
	}
	_, err := time.LoadLocation(i.TimeZone)
	switch {
	case i.TimeZone == "" || i.TimeZone == "Local" || err != nil:
		s.fail("time_zone", "must be a name of the time zone database, such as Europe/Paris or UTC")
	case i.Cron == "" || strings.Contains(i.Cron, "@every"):
		s.fail("time_zone", "is only for a cron expression that names times of day: an interval has none")
	case strings.Contains(i.Cron, "TZ="):
		s.fail("time_zone", "stands in cron already: keep one")
	}
}

// readJitter reads by how much runs begin later, at random, so that those of many import keys do not all begin at once.
func readJitter(s *section, i *chferry.Import) {
	if !s.duration("jitter", &i.Jitter) {
		return
	}
	most := time.Hour
	if i.Every > 0 {
		most = i.Every
	}
	if i.Jitter > most {
		s.fail("jitter", "must be at most %s", chferry.DurationText(most))
	}
}
