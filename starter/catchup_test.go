package starter_test

import (
	"testing"
	"time"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
)

// TestCatchupWindow: the window is never shorter than the time between two ticks, whatever the times and the clocks.
func TestCatchupWindow(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	f := open(t)
	for text, least := range map[string]time.Duration{
		"every 5s": 10 * time.Second, "every 1h": time.Hour, "every 24h": day, "every 168h": 7 * day,
		"*/5 * * * *": 5 * time.Minute, "0 3 * * *": day + time.Hour,
		"CRON_TZ=Europe/Paris 30 2 * * *": 2*day + time.Hour, "0 3 * * 1": 7*day + time.Hour,
		"0 3 1 * *": 31*day + time.Hour, "0 3 31 * *": 62*day + time.Hour, "0 3 1 1 *": 366*day + time.Hour,
		"0 3 29 2 *": 8 * 365 * day, "0 3 13 * 5": 14 * 31 * day, "0 3 29 2 1": 28 * 365 * day,
		"@every 36h": 36 * time.Hour, "@hourly": time.Hour, "@daily": day + time.Hour,
		"@midnight": day + time.Hour, "@weekly": 7*day + time.Hour, "@monthly": 31*day + time.Hour,
		"@yearly":              366*day + time.Hour,
		"0 3 * * * # at night": day + time.Hour,
	} {
		imp := users()
		imp.Every, imp.Cron = 0, text
		if len(text) > 6 && text[:6] == "every " {
			every, err := time.ParseDuration(text[6:])
			if err != nil {
				t.Fatal(err)
			}
			imp.Every, imp.Cron = every, ""
		}
		f.apply(imp)
		if got := f.inTemporal("users").Schedule.Policy.CatchupWindow; got < least {
			t.Errorf("%s: the catch-up window is %s, want at least %s", text, got, least)
		}
		f.wantChanges([]chferry.Import{imp})
	}
}

// TestMissedTick: a tick that came while Temporal was away starts a sync when Temporal is back,
// although it came longer ago than a moment.
func TestMissedTick(t *testing.T) {
	t.Parallel()
	server := testenv.Private(t, embedded.StartTemporal, embedded.Options{})
	f := openAt(t, server.Addr)
	imp := users()
	imp.Every = 20 * time.Second
	f.apply(imp)
	next := f.inTemporal("users").Info.NextActionTimes[0]
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	// Longer than the time for which servers catch up by themselves, shorter than to the next tick.
	time.Sleep(time.Until(next.Add(12 * time.Second)))
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a sync has been started", func() bool {
		d, err := f.Client().ScheduleClient().GetHandle(t.Context(), f.id("users")).Describe(t.Context())
		return err == nil && d.Info.NumActions > 0
	})
	var times []time.Time
	for _, action := range f.inTemporal("users").Info.RecentActions {
		times = append(times, action.ScheduleTime)
	}
	if len(times) == 0 || !times[0].Equal(next) {
		t.Errorf("syncs were started for %v, want first the one that was missed, %s", times, next)
	}
}
