package starter

import (
	"strings"
	"time"

	"github.com/chferry/chferry"
)

// shortestCatchup is the shortest window that Temporal knows.
const shortestCatchup = 10 * time.Second

const day = 24 * time.Hour

// catchup returns for how long after its time a tick is made up for. The window is at least the
// time between two ticks, so that after an outage of any length the last tick that was missed still
// starts a sync. Ticks before it start nothing more: they overlap with that sync.
func catchup(imp chferry.Import) time.Duration {
	between := imp.Every
	if imp.Cron != "" {
		between = betweenCron(imp.Cron)
	}
	return max(shortestCatchup, between+imp.Jitter)
}

// betweenCron returns a bound of the time between two times of a cron expression. To be too long costs nothing.
func betweenCron(text string) time.Duration {
	text, _, _ = strings.Cut(strings.TrimSpace(text), "#")
	fields := strings.Fields(text)
	if len(fields) > 0 && strings.Contains(fields[0], "TZ=") {
		fields = fields[1:]
	}
	const clocks = 2 * time.Hour // that are set back, or forward over a time that then does not exist
	switch {
	case len(fields) == 2 && fields[0] == "@every":
		every, err := time.ParseDuration(fields[1])
		if err == nil {
			return every
		}
	case len(fields) == 1 && (fields[0] == "@hourly" || fields[0] == "@daily" || fields[0] == "@midnight"):
		return day + day + clocks
	case len(fields) == 5:
		return betweenDays(fields[2], fields[3], fields[4]) + day + clocks
	}
	return 366*day + day + clocks // @yearly, and what is not known here
}

// betweenDays returns a bound of the time between two days of a cron expression. Temporal's
// schedules want all fields to match.
func betweenDays(dayOfMonth, month, dayOfWeek string) time.Duration {
	everyDay, everyMonth, everyWeekday := isAny(dayOfMonth), isAny(month), isAny(dayOfWeek)
	switch {
	case everyDay && everyMonth && everyWeekday:
		return day
	case everyDay && everyMonth:
		return 7 * day
	case everyMonth && everyWeekday:
		return 62 * day // the 31st of July and of the month after the next but one
	case everyWeekday && everyDay:
		return 366 * day
	case everyDay, everyMonth:
		return 2 * 366 * day // a weekday in a month, or a Friday the 13th
	case everyWeekday:
		return 8 * 366 * day // the 29th of February around a year such as 1900
	default:
		return 40 * 366 * day // the 29th of February on one weekday
	}
}

func isAny(field string) bool { return field == "*" || field == "?" }
