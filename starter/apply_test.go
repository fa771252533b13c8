package starter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
)

func TestApplyTwiceChangesNothing(t *testing.T) {
	t.Parallel()
	f := open(t)
	every := chferry.Import{Key: "every", Table: "a", DestinationTable: "a", Cron: "@every 90m"}
	zoned := chferry.Import{
		Key: "zoned", Table: "b", DestinationTable: "b", Cron: "CRON_TZ=Europe/Paris 0 4 * * mon-fri",
	}
	daily := chferry.Import{Key: "daily", Table: "c", DestinationTable: "c", Cron: "@daily"}
	imports := []chferry.Import{users(), orders(), byHand(), every, zoned, daily}
	f.wantChanges(
		imports,
		f.change("create", "users", "every 1h"),
		f.change("create", "orders", "cron */5 * * * *"),
		f.change("create", "countries", "by hand"),
		f.change("create", "every", "cron @every 90m"),
		f.change("create", "zoned", "cron CRON_TZ=Europe/Paris 0 4 * * mon-fri"),
		f.change("create", "daily", "cron @daily"),
	)
	f.wantChanges(imports)

	for key, want := range map[string]string{
		"users": "every 1h", "orders": "cron */5 * * * *", "countries": "by hand",
		"every": "cron @every 90m",
	} {
		if got := f.describe(chferry.ImportKey(key)); got.Spec != want || got.Paused {
			t.Errorf("schedule of %s: got %+v, want %q, not paused", key, got, want)
		}
	}
	if got := f.describe("countries"); !got.Next.IsZero() {
		t.Errorf("a schedule by hand has a next run: %s", got.Next)
	}
}

// TestApplySets looks at what Temporal holds: ticks overlap Skip, and after an outage the last tick
// is made up for, not a year of them.
func TestApplySets(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	f.apply(chferry.Import{Key: "users", Table: "public.users", DestinationTable: "users", Every: time.Minute})
	d := f.inTemporal("users")
	if got := d.Schedule.Policy.Overlap; got != enums.SCHEDULE_OVERLAP_POLICY_SKIP {
		t.Errorf("overlap policy: got %s, want Skip", got)
	}
	if got, want := d.Schedule.Policy.CatchupWindow, time.Minute; got != want {
		t.Errorf("catch-up window: got %s, want %s", got, want)
	}
	action, ok := d.Schedule.Action.(*client.ScheduleWorkflowAction)
	if !ok {
		t.Fatalf("the action is a %T", d.Schedule.Action)
	}
	if action.Workflow != "Sync" || action.ID != f.id("users") || action.TaskQueue != f.TaskQueue() {
		t.Errorf("the action is %+v", action)
	}
	if want := "sync users: public.users into users"; action.StaticSummary != want {
		t.Errorf("summary: got %q, want %q", action.StaticSummary, want)
	}
}

// TestApplySetsDetails: who opens a sync in the Temporal UI reads what goes where.
func TestApplySetsDetails(t *testing.T) {
	t.Parallel()
	f := open(t)
	imp := users()
	imp.Databases, imp.Engine = []string{"default"}, "replacing_merge_tree"
	f.apply(imp)
	details := func() string {
		action, ok := f.inTemporal("users").Schedule.Action.(*client.ScheduleWorkflowAction)
		if !ok {
			t.Fatal("the schedule starts no workflow")
		}
		return action.StaticDetails
	}
	want := "- import key `users`\n- from table `public.users` of database `default`\n" +
		"- into ClickHouse table `users`, engine `replacing_merge_tree`, ordered by the primary key"
	if got := details(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	imp.Databases, imp.OrderBy = []string{"eu", "us"}, []string{"region", "id"}
	f.wantChanges([]chferry.Import{imp}, f.change("update", "users", "details for the Temporal UI"))
	f.wantChanges([]chferry.Import{imp})
	if got := details(); !strings.Contains(got, "of databases `eu`, `us`") ||
		!strings.Contains(got, "ordered by `region`, `id`") {
		t.Errorf("got\n%s", got)
	}
}

func TestApplyUpdates(t *testing.T) {
	t.Parallel()
	imp := func(change func(*chferry.Import)) chferry.Import {
		i := users()
		change(&i)
		return i
	}
	tests := map[string]struct {
		to   chferry.Import
		want string
	}{
		"interval": {imp(func(i *chferry.Import) { i.Every = 5 * time.Second }), "every 5s, was every 1h"},
		"cron":     {imp(func(i *chferry.Import) { i.Every, i.Cron = 0, "0 4 * * *" }), "cron 0 4 * * *, was every 1h"},
		"none":     {imp(func(i *chferry.Import) { i.Every = 0 }), "by hand, was every 1h"},
		"table": {
			imp(func(i *chferry.Import) { i.Table = "shop.users" }),
			"sync users: shop.users into users, was sync users: public.users into users",
		},
		"two": {
			imp(func(i *chferry.Import) { i.Every, i.DestinationTable = time.Minute, "people" }),
			"every 1m, was every 1h; sync users: public.users into people, was sync users: public.users into users",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			f.apply(users())
			f.wantChanges([]chferry.Import{test.to}, f.change("update", "users", test.want))
			f.wantChanges([]chferry.Import{test.to})
		})
	}
}

func TestApplyUpdatesCron(t *testing.T) {
	t.Parallel()
	f := open(t)
	was, is := orders(), orders()
	is.Cron = "0 4 * * *"
	f.apply(was)
	f.wantChanges([]chferry.Import{is}, f.change("update", "orders", "cron 0 4 * * *, was cron */5 * * * *"))
	f.wantChanges([]chferry.Import{is})
	if next := f.describe("orders").Next; next.Hour() != 4 || next.Minute() != 0 {
		t.Errorf("the next run is at %s, want 04:00", next)
	}
}

// TestApplyMendsEdits puts right what somebody changed in the Temporal UI.
func TestApplyMendsEdits(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		edit func(*client.Schedule)
		want string
	}{
		"interval": {
			func(s *client.Schedule) { s.Spec.Intervals[0].Every = 7 * time.Second },
			"every 1h, was every 7s",
		},
		"calendar": {
			func(s *client.Schedule) { s.Spec = &client.ScheduleSpec{CronExpressions: []string{"0 4 * * *"}} },
			"every 1h, was times set elsewhere",
		},
		"zone": {
			func(s *client.Schedule) { s.Spec.TimeZoneName = "Europe/Paris" },
			"time zone none, was Europe/Paris",
		},
		"jitter": {
			func(s *client.Schedule) { s.Spec.Jitter = time.Minute },
			"jitter none, was 1m",
		},
		"overlap": {
			func(s *client.Schedule) { s.Policy.Overlap = enums.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL },
			"overlap policy Skip, was AllowAll",
		},
		"catch-up": {
			func(s *client.Schedule) { s.Policy.CatchupWindow = 2 * time.Hour },
			"catch-up window 1h, was 2h",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := open(t)
			f.apply(users())
			f.edit("users", test.edit)
			f.wantChanges([]chferry.Import{users()}, f.change("update", "users", test.want))
			f.wantChanges([]chferry.Import{users()})
			spec := f.inTemporal("users").Schedule.Spec
			if len(spec.Intervals) != 1 || spec.Intervals[0].Every != time.Hour || len(spec.Calendars) > 0 ||
				spec.Jitter != 0 {
				t.Errorf("the times are %+v, want an interval of an hour", spec)
			}
		})
	}
}

func TestDescribeShowsEdits(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	f.edit("users", func(s *client.Schedule) { s.Spec.Intervals[0].Every = 7 * time.Second })
	if got, want := f.describe("users").Spec, "every 7s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestApplyDryRun(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users(), orders())
	changed := users()
	changed.Every = 5 * time.Second
	imports := []chferry.Import{changed, byHand()}
	want := []starter.Change{
		f.change("update", "users", "every 5s, was every 1h"),
		f.change("create", "countries", "by hand"),
		f.change("pause", "orders", "its import key is not in the configuration any more"),
	}
	f.listed(2)
	for range 2 { // the second sees the same: the first changed nothing
		got, err := f.Apply(t.Context(), imports, starter.ApplyOptions{DryRun: true})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("got\n%q, want\n%q", got, want)
		}
	}
	if f.describe("orders").Paused || f.describe("users").Spec != "every 1h" {
		t.Error("the dry run changed a schedule")
	}
	_, err := f.Describe(t.Context(), "countries")
	wantError(t, err, chferry.CodeConfiguration, "countries")
}

func TestApplyLeavesPausedByAPerson(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	changed := users()
	changed.Every = 5 * time.Second
	f.wantChanges([]chferry.Import{changed}, f.change("update", "users", "every 5s, was every 1h"))
	if got := f.describe("users"); !got.Paused || got.Note != "the database moves" || got.Spec != "every 5s" {
		t.Errorf("after the update the schedule is %+v, want paused as before", got)
	}
}

func TestApplyPausesRemoved(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users(), orders())
	other := open(t) // whose schedules are none of f's business
	other.apply(users())
	f.listed(2)
	other.listed(1)

	only := []chferry.Import{orders()}
	f.wantChanges(only, f.change("pause", "users", "its import key is not in the configuration any more"))
	f.wantChanges(only) // at once, while Temporal's list may still say that it runs
	if got := f.describe("users"); !got.Paused ||
		got.Note != "chferry apply: the import key is not in the configuration any more" {
		t.Errorf("the removed key's schedule is %+v", got)
	}
	if f.describe("orders").Paused || other.describe("users").Paused {
		t.Error("another schedule was paused")
	}

	both := []chferry.Import{users(), orders()}
	f.wantChanges(both, f.change("update", "users",
		"resumed, was paused while its import key was not in the configuration"))
	f.wantChanges(both)
	if got := f.describe("users"); got.Paused || got.Note != "" {
		t.Errorf("the key is back, and its schedule is %+v", got)
	}
}

// TestApplyRemovedAndPausedByAPerson is not reported: nothing is left to be done.
func TestApplyRemovedAndPausedByAPerson(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	if err := f.Pause(t.Context(), "users", "the database moves"); err != nil {
		t.Fatal(err)
	}
	f.listed(1)
	f.wantChanges(nil)
	if got := f.describe("users"); got.Note != "the database moves" {
		t.Errorf("the note is %q now", got.Note)
	}
}

// TestApplyPrunes deletes the schedules of removed keys, whoever paused them, and nobody else's.
func TestApplyPrunes(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users(), orders(), byHand())
	other := open(t)
	other.apply(users())
	if err := f.Pause(t.Context(), "orders", "the database moves"); err != nil {
		t.Fatal(err)
	}
	_, err := f.Client().ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: f.id("foreign"), Paused: true,
		Action: &client.ScheduleWorkflowAction{ID: "somebody", Workflow: "Else", TaskQueue: "else"},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.listed(4)
	other.listed(1)

	const why = "its import key is not in the configuration any more"
	want := []starter.Change{f.change("delete", "users", why), f.change("delete", "orders", why)}
	for _, opts := range []starter.ApplyOptions{{Prune: true, DryRun: true}, {Prune: true}} {
		got, err := f.Apply(t.Context(), []chferry.Import{byHand()}, opts)
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(got, func(a, b starter.Change) int { return strings.Compare(b.Name, a.Name) })
		if !slices.Equal(got, want) {
			t.Errorf("%+v: got\n%q, want\n%q", opts, got, want)
		}
	}
	got, err := f.Apply(t.Context(), []chferry.Import{byHand()}, starter.ApplyOptions{Prune: true})
	if err != nil || len(got) > 0 { // at once, while Temporal's list may still have them
		t.Errorf("the second time it did %q, %v", got, err)
	}
	for _, key := range []chferry.ImportKey{"users", "orders"} {
		_, err := f.Describe(t.Context(), key)
		wantError(t, err, chferry.CodeConfiguration, string(key), "has no schedule")
	}
	f.describe("countries")
	f.inTemporal("foreign")
	other.describe("users")
}

// TestApplyLeavesOthersAlone: another installation has the same prefix, and a task queue of its
// own. Somebody's schedule starts something else.
func TestApplyLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.apply(users())
	_, err := f.Client().ScheduleClient().Create(t.Context(), client.ScheduleOptions{
		ID: f.id("foreign"), Action: &client.ScheduleWorkflowAction{
			ID: "somebody", Workflow: "Else", TaskQueue: f.TaskQueue(),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.listed(2)
	other := connect(t, starter.Options{
		Address: testenv.Temporal(t), TaskQueue: f.TaskQueue() + "-other", IDPrefix: f.prefix,
	})
	for _, opts := range []starter.ApplyOptions{{}, {Prune: true}} {
		got, err := other.Apply(t.Context(), []chferry.Import{orders()}, opts)
		if err != nil || slices.ContainsFunc(got, func(c starter.Change) bool { return c.What != "create" }) {
			t.Errorf("%+v: it did %q, %v", opts, got, err)
		}
	}
	if f.describe("users").Paused || f.inTemporal("foreign").Schedule.State.Paused {
		t.Error("a schedule of somebody else's was paused")
	}
}

// TestApplyJitterAndTimeZone: what is set is in Temporal and in words, what changes is named, and
// the same again changes nothing.
func TestApplyJitterAndTimeZone(t *testing.T) {
	t.Parallel()
	f := open(t)
	often, daily := users(), orders()
	often.Jitter = 2 * time.Second
	daily.Cron, daily.TimeZone, daily.Jitter = "0 4 * * *", "Europe/Paris", time.Minute
	imports := []chferry.Import{often, daily}
	f.wantChanges(
		imports,
		f.change("create", "users", "every 1h, jitter 2s"),
		f.change("create", "orders", "cron 0 4 * * * in Europe/Paris, jitter 1m"),
	)
	f.wantChanges(imports)
	if got, want := f.describe("orders").Spec, "cron 0 4 * * * in Europe/Paris, jitter 1m"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	if next := f.describe("orders").Next.In(paris); next.Hour() != 4 || next.Minute() > 1 {
		t.Errorf("the next run is at %s, want 04:00 in Paris or up to a minute later", next)
	}
	if err := f.Pause(t.Context(), "orders", "the database moves"); err != nil {
		t.Fatal(err)
	}
	often.Jitter, daily.TimeZone, daily.Jitter = 0, "Asia/Tokyo", 30*time.Second
	imports = []chferry.Import{often, daily}
	f.wantChanges(
		imports,
		f.change("update", "users", "jitter none, was 2s"),
		f.change("update", "orders", "time zone Asia/Tokyo, was Europe/Paris; jitter 30s, was 1m"),
	)
	f.wantChanges(imports)
	if got := f.describe("orders"); !got.Paused || got.Note != "the database moves" {
		t.Errorf("the schedule that a person paused is %+v", got)
	}
	daily.Cron, daily.TimeZone = "CRON_TZ=Asia/Tokyo 0 4 * * *", "" // the same, said otherwise
	imports = []chferry.Import{often, daily}
	f.wantChanges(imports, f.change("update", "orders", "cron CRON_TZ=Asia/Tokyo 0 4 * * *, was cron 0 4 * * *"))
	f.wantChanges(imports)
	if got, want := f.describe("orders").Spec, "cron CRON_TZ=Asia/Tokyo 0 4 * * *, jitter 30s"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// listed waits until Temporal lists so many of f's schedules, which it does a moment after they were created.
func (f *fixture) listed(want int) {
	f.t.Helper()
	eventually(f.t, "schedules are listed", func() bool {
		list, err := f.Client().ScheduleClient().List(f.t.Context(), client.ScheduleListOptions{})
		if err != nil {
			f.t.Fatal(err)
		}
		got := 0
		for list.HasNext() {
			entry, err := list.Next()
			if err != nil {
				f.t.Fatal(err)
			}
			if strings.HasPrefix(entry.ID, f.prefix) {
				got++
			}
		}
		return got == want
	})
}
