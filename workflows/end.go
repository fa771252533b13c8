package workflows

import (
	"cmp"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"github.com/chferry/chferry"
)

// label makes the run findable by its outcome, where whoever started it could give it search attributes in the first
// place.
func label(ctx workflow.Context, key chferry.ImportKey, outcome string, rows int64) {
	attributes := workflow.GetTypedSearchAttributes(ctx)
	if _, ok := attributes.GetKeyword(ImportKeyAttribute); !ok {
		return
	}
	err := workflow.UpsertTypedSearchAttributes(ctx, OutcomeAttribute.ValueSet(outcome), RowsAttribute.ValueSet(rows))
	if err != nil {
		workflow.GetLogger(ctx).Warn("search attributes were not set", "import_key", key, "error", err)
	}
}

// readable makes the error the first line that the Temporal UI shows of a failed run: the step and what to mend.
func readable(step string, err error) error {
	if temporal.IsCanceledError(err) {
		return err
	}
	text := cmp.Or(messageOf(err), "gave up after trying for too long")
	return temporal.NewNonRetryableApplicationError(step+": "+text, string(codeOf(err)), nil)
}
