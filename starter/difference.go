package starter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/workflows"
)

// differences says in words what Temporal's schedule has otherwise than the wanted one, whether the
// configuration changed or somebody edited the schedule elsewhere. None: there is nothing to
// change.
func differences(d *client.ScheduleDescription, want client.ScheduleOptions) []string {
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	wanted, _ := want.Action.(*client.ScheduleWorkflowAction)
	if !ok || d.Schedule.Spec == nil || d.Schedule.Policy == nil {
		return []string{"it was not chferry's"}
	}
	var out []string
	compare := func(what, got, want string) {
		if got != want {
			out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s, was %s", what, orNone(want), orNone(got))))
		}
	}
	times := fmt.Sprint(wanted.Memo[workflows.ScheduleMemo])
	compare("", timesNow(d), times)
	compare("time zone", d.Schedule.Spec.TimeZoneName, cmp.Or(want.Spec.TimeZoneName, zoneOf(times)))
	compare("jitter", jitter(d.Schedule.Spec), jitter(&want.Spec))
	sameTimes := len(out) == 0
	compare("", action.StaticSummary, wanted.StaticSummary)
	// Details are too long to be shown twice.
	if action.StaticSummary == wanted.StaticSummary && action.StaticDetails != wanted.StaticDetails {
		out = append(out, "details for the Temporal UI")
	}
	compare("workflow", fmt.Sprint(action.Workflow), fmt.Sprint(wanted.Workflow))
	compare("workflow ID", action.ID, wanted.ID)
	compare("task queue", action.TaskQueue, wanted.TaskQueue)
	compare("run timeout", orUnlimited(action.WorkflowRunTimeout), orUnlimited(wanted.WorkflowRunTimeout))
	compare("search attributes", labelled(action), labelled(wanted))
	compare("overlap policy", d.Schedule.Policy.Overlap.String(), want.Overlap.String())
	if sameTimes { // else the window changes with the times, which were told
		compare("catch-up window", chferry.DurationText(d.Schedule.Policy.CatchupWindow),
			chferry.DurationText(want.CatchupWindow))
	}
	if removed(d) {
		out = append(out, "resumed, was paused while its import key was not in the configuration")
	}
	return out
}

func orUnlimited(timeout time.Duration) string {
	if timeout == 0 {
		return ""
	}
	return chferry.DurationText(timeout)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// labelled returns the import key that an action labels its workflows with.
func labelled(action *client.ScheduleWorkflowAction) string {
	key, _ := action.TypedSearchAttributes.GetKeyword(workflows.ImportKeyAttribute)
	return key
}

// removed tells whether it was Apply that paused the schedule.
func removed(d *client.ScheduleDescription) bool {
	state := d.Schedule.State
	return state != nil && state.Paused && state.Note == removedNote
}

func jitter(spec *client.ScheduleSpec) string {
	if spec.Jitter == 0 {
		return ""
	}
	return chferry.DurationText(spec.Jitter)
}

// zoneOf returns the time zone that a cron expression names itself.
func zoneOf(times string) string {
	zone, _, _ := strings.Cut(strings.TrimPrefix(times, workflows.CronWord), " ")
	name, ok := strings.CutPrefix(strings.TrimPrefix(zone, "CRON_"), "TZ=")
	if !ok {
		return ""
	}
	return name
}

// specNow returns the schedule in words, as it is in Temporal.
func specNow(d *client.ScheduleDescription) string {
	if d.Schedule.Spec == nil {
		return timesNow(d)
	}
	return inWords(timesNow(d), d.Schedule.Spec.TimeZoneName, d.Schedule.Spec.Jitter)
}

// timesNow returns the times of the schedule in words: those of its memo, unless somebody has changed them elsewhere.
func timesNow(d *client.ScheduleDescription) string {
	words, spec := memo(d, workflows.ScheduleMemo), d.Schedule.Spec
	switch {
	case spec == nil:
		return words
	// Older schedules have a longer text: every 5m0s.
	case fits(spec, words) && strings.HasPrefix(words, workflows.EveryWord):
		return workflows.EveryWord + chferry.DurationText(spec.Intervals[0].Every)
	case fits(spec, words):
		return words
	case plain(spec) && len(spec.Intervals) == 1 && len(spec.Calendars) == 0 && spec.Intervals[0].Offset == 0:
		return workflows.EveryWord + chferry.DurationText(spec.Intervals[0].Every)
	default:
		return "times set elsewhere"
	}
}

// fits tells whether words can be what a schedule's times were made from. Temporal gives an
// interval back as it was, and of a cron expression only what it was compiled to: one calendar or,
// for @every, one interval.
func fits(spec *client.ScheduleSpec, words string) bool {
	calendars, intervals := len(spec.Calendars), len(spec.Intervals)
	every, isEvery := strings.CutPrefix(words, workflows.EveryWord)
	switch {
	case !plain(spec):
		return false
	case words == byHand:
		return calendars+intervals == 0
	case isEvery:
		interval, err := time.ParseDuration(every)
		return err == nil && calendars == 0 &&
			slices.Equal(spec.Intervals, []client.ScheduleIntervalSpec{{Every: interval}})
	case strings.HasPrefix(words, workflows.CronWord) && strings.Contains(words, "@every"):
		return calendars == 0 && intervals == 1
	default:
		return strings.HasPrefix(words, workflows.CronWord) && calendars == 1 && intervals == 0
	}
}

// plain tells that a schedule has no times but its intervals and calendars: chferry gives it no others.
func plain(spec *client.ScheduleSpec) bool {
	return len(spec.Skip) == 0 && spec.StartAt.IsZero() && spec.EndAt.IsZero()
}
