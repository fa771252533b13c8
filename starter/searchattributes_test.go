package starter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/embedded"
	"github.com/chferry/chferry/internal/testenv"
	"github.com/chferry/chferry/starter"
	"github.com/chferry/chferry/workflows"
)

var allAttributes = []string{"ChferryImportKey", "ChferryOutcome", "ChferryRows"}

func private(t *testing.T) *fixture {
	t.Helper()
	return openAt(t, testenv.Private(t, embedded.StartTemporal, embedded.Options{NoSync: true}).Addr)
}

func (f *fixture) ensure(dryRun bool) starter.SearchAttributes {
	f.t.Helper()
	got, err := f.EnsureSearchAttributes(f.t.Context(), dryRun)
	if err != nil {
		f.t.Fatalf("EnsureSearchAttributes: %v", err)
	}
	return got
}

// TestFirstSync takes a brand-new server from nothing to its first sync. The server learns search
// attributes with a delay: the first run must not be lost to that.
func TestFirstSync(t *testing.T) {
	t.Parallel()
	f := private(t)
	f.work(succeed)

	got := f.ensure(true)
	if got.Usable || !slices.Equal(got.Missing, allAttributes) {
		t.Errorf("the dry run says %+v, want all missing", got)
	}
	want := "temporal operator search-attribute create --namespace default --name ChferryImportKey --type Keyword " +
		"--name ChferryOutcome --type Keyword --name ChferryRows --type Int"
	if got.Command != want {
		t.Errorf("the command is\n%s, want\n%s", got.Command, want)
	}
	if got := f.ensure(false); !got.Usable || !slices.Equal(got.Missing, allAttributes) {
		t.Errorf("creating them says %+v", got)
	}
	if _, err := f.Apply(t.Context(), []chferry.Import{byHand()}, starter.ApplyOptions{Attributes: true}); err != nil {
		t.Fatalf("Apply right afterwards: %v", err)
	}
	result, err := f.Sync(t.Context(), "countries", nil)
	if err != nil || result.Rows != 7 {
		t.Fatalf("the first sync: %+v, %v", result, err)
	}
	if d := f.inTemporal("countries"); d.Info.NumActions != 1 {
		t.Errorf("%d syncs were started, want 1", d.Info.NumActions)
	}
	f.found(`ChferryImportKey = "countries" AND ChferryOutcome = "idle"`)

	if got := f.ensure(false); !got.Usable || len(got.Missing) > 0 || got.Command != "" {
		t.Errorf("the second time says %+v, want nothing to do", got)
	}
	changes, err := f.Apply(t.Context(), []chferry.Import{byHand()}, starter.ApplyOptions{Attributes: true})
	if err != nil || len(changes) > 0 {
		t.Errorf("the second Apply did %q, %v", changes, err)
	}
}

// found waits until a query finds a workflow of the schedule.
func (f *fixture) found(query string) {
	f.t.Helper()
	eventually(f.t, "the workflow is found by "+query, func() bool {
		list, err := f.Client().ListWorkflow(f.t.Context(),
			&workflowservice.ListWorkflowExecutionsRequest{Query: query})
		if err != nil {
			f.t.Fatal(err)
		}
		return len(list.GetExecutions()) == 1 &&
			strings.HasPrefix(list.GetExecutions()[0].GetExecution().GetWorkflowId(), f.id(""))
	})
}

// TestAttributesLater: they became usable after the schedules had been made without them.
func TestAttributesLater(t *testing.T) {
	t.Parallel()
	f := private(t)
	f.work(succeed)
	imports := []chferry.Import{byHand()}
	f.apply(imports...)
	if _, err := f.Sync(t.Context(), "countries", nil); err != nil {
		t.Fatalf("without search attributes: %v", err)
	}
	f.ensure(false)
	changes, err := f.Apply(t.Context(), imports, starter.ApplyOptions{Attributes: true})
	if err != nil || len(changes) != 1 ||
		changes[0] != f.change("update", "countries", "search attributes countries, was none") {
		t.Errorf("Apply did %q, %v", changes, err)
	}
	if _, err := f.Sync(t.Context(), "countries", nil); err != nil {
		t.Fatalf("with search attributes: %v", err)
	}
	f.found(`ChferryImportKey = "countries"`)
}

func TestAttributeOfAnotherType(t *testing.T) {
	t.Parallel()
	f := private(t)
	_, err := f.Client().OperatorService().AddSearchAttributes(t.Context(), &operatorservice.AddSearchAttributesRequest{
		Namespace: "default",
		SearchAttributes: map[string]enums.IndexedValueType{
			workflows.RowsAttribute.GetName(): enums.INDEXED_VALUE_TYPE_KEYWORD,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the attribute is listed", func() bool {
		_, err := f.EnsureSearchAttributes(t.Context(), true)
		return err != nil
	})
	for _, dryRun := range []bool{true, false} {
		_, err := f.EnsureSearchAttributes(t.Context(), dryRun)
		wantError(t, err, chferry.CodeConfiguration, "ChferryRows", "Keyword", "Int")
	}
}

// TestTick: a tick by itself starts a sync, too.
func TestTick(t *testing.T) {
	t.Parallel()
	f := open(t)
	f.work(succeed)
	f.ensure(false)
	often := users()
	often.Every = time.Second
	if _, err := f.Apply(t.Context(), []chferry.Import{often}, starter.ApplyOptions{Attributes: true}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "two ticks", func() bool { return f.inTemporal("users").Info.NumActions >= 2 })
	if err := f.Pause(t.Context(), "users", "enough"); err != nil {
		t.Fatal(err)
	}
}
