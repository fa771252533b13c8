package worker_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/activities"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/workflows"
)

// verify starts a verify and compares its result, but for its seconds.
func (b *bundle) wantVerify(opts chferry.VerifyOptions, want workflows.VerifyResult) {
	b.t.Helper()
	b.ok(b.starter.StartVerify(b.ctx(), b.imp, b.storage, opts))
	got, err := b.starter.AwaitVerify(b.ctx(), b.imp.Key)
	b.ok(err)
	if got.Seconds <= 0 {
		b.t.Errorf("the verify took %v seconds", got.Seconds)
	}
	if got.Seconds = 0; got != want {
		b.t.Fatalf("the verify's result is\n%+v, want\n%+v", got, want)
	}
}

// differences returns what the last verify found, as "missing 1", in order.
func (b *bundle) differences() (found []string) {
	b.t.Helper()
	differences, err := b.storage.Differences(b.ctx(), b.imp.Key, 0, storage.MaxDifferences)
	b.ok(err)
	for _, d := range differences {
		found = append(found, string(d.Kind)+" "+strings.TrimPrefix(strings.Join(d.PrimaryKey, ","), sentinel))
	}
	slices.Sort(found)
	return found
}

func TestVerify(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(3000)
	b.backfill(chferry.BackfillOptions{})
	b.wantVerify(chferry.VerifyOptions{}, workflows.VerifyResult{Outcome: activities.OutcomeEqual, Rows: 3000})
	if events := b.history(workflows.VerifyID(b.starter.TaskQueue(), b.imp.Key)).GetEvents(); len(events) > 50 {
		t.Errorf("the history has %d events", len(events))
	}
	// Nobody registers these.
	b.exec(`INSERT INTO users VALUES ('$new', 'a', NULL)`)
	b.exec(`UPDATE users SET name = 'changed' WHERE id = '$00000007'`)
	b.exec(`DELETE FROM users WHERE id IN ('$00000001', '$00003000')`)
	different := workflows.VerifyResult{
		Outcome: activities.OutcomeDifferent, Rows: 2999, Missing: 1, Stale: 1, Surplus: 2,
	}
	b.wantVerify(chferry.VerifyOptions{}, different)
	want := []string{"missing new", "stale 00000007", "surplus 00000001", "surplus 00003000"}
	if got := b.differences(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the differences are %v, want %v", got, want)
	}
	b.recordHistory("verify", b.history(workflows.VerifyID(b.starter.TaskQueue(), b.imp.Key)))
	repaired := different
	repaired.Outcome, repaired.Registered = activities.OutcomeRepaired, 4
	b.wantVerify(chferry.VerifyOptions{Repair: true, Parallel: 1}, repaired)
	_, err := b.sync()
	b.ok(err)
	b.wantVerify(chferry.VerifyOptions{}, workflows.VerifyResult{Outcome: activities.OutcomeEqual, Rows: 2999})
}

// A condition leaves out what is surplus, and is in no history.
func TestVerifyWhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(100)
	b.secrets = append(b.secrets, "LIKE")
	b.wantVerify(chferry.VerifyOptions{
		Where: "name LIKE '%of " + sentinel + "7%'",
	}, workflows.VerifyResult{Outcome: activities.OutcomeDifferent, Rows: 11, Missing: 11})
}

// A sample compares some ranges of a table.
func TestVerifySample(t *testing.T) {
	t.Parallel()
	const rows = 400_000
	b := setup(t, func(i *chferry.Import) { i.Table, i.DestinationTable = "public.numbers", "numbers" })
	b.exec(fmt.Sprintf("INSERT INTO numbers SELECT n, n + 1 FROM generate_series(1, %d) n", rows))
	b.exec("ANALYZE numbers")
	b.backfill(chferry.BackfillOptions{})
	b.ok(b.starter.StartVerify(b.ctx(), b.imp, b.storage, chferry.VerifyOptions{Sample: 0.25}))
	got, err := b.starter.AwaitVerify(b.ctx(), b.imp.Key)
	b.ok(err)
	if got.Outcome != activities.OutcomeEqual || got.Rows < rows/8 || got.Rows > rows/2 {
		t.Fatalf("a quarter of %d rows gives %+v", rows, got)
	}
}

// A verify finds the queue's rows in order that are registered but not synced, as long as syncs go on.
func TestVerifyWhileWritesGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.fill(5_000)
	b.backfill(chferry.BackfillOptions{})
	b.exec(`UPDATE users SET name = 'nobody registers this' WHERE id = '$00002500'`)
	b.ok(b.starter.StartVerify(b.ctx(), b.imp, b.storage, chferry.VerifyOptions{}))
	for i := 1; b.verifying(); i++ {
		id := fmt.Sprintf("%08d", i*997%2000+1)
		b.exec(fmt.Sprintf("UPDATE users SET name = 'changed %d' WHERE id = '$%s'", i, id))
		b.register(chferry.Update, id)
		if i%20 == 0 {
			_, err := b.sync()
			b.ok(err)
		}
	}
	result, err := b.starter.AwaitVerify(b.ctx(), b.imp.Key)
	b.ok(err)
	if result.Outcome != activities.OutcomeDifferent || result.Stale != 1 || result.Missing+result.Surplus != 0 {
		t.Fatalf("the verify's result is %+v", result)
	}
}

func (b *bundle) verifying() bool {
	b.t.Helper()
	job, err := b.starter.Verify(b.ctx(), b.imp.Key)
	b.ok(err)
	return job.Running
}
