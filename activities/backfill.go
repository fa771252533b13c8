package activities

import (
	"context"
	"encoding/json"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
)

// rangesPerReader is how many ranges a table is cut into for each reader. Ranges may hold very different numbers of
// rows; a reader that has nothing to do is given half of another's.
const rangesPerReader = 4

// BackfillRequest is what the start of a backfill asks for and no history may hold. The storage
// keeps its JSON under the ID that the workflow's input names.
type BackfillRequest struct {
	// Where is a condition in the SQL of the source, which the rows to copy meet; empty: all rows.
	Where string `json:"where,omitempty"`
}

// copyOptions are what the storage keeps of a backfill for its readers.
type copyOptions struct {
	BackfillRequest
	// Table is filled in the place of the destination, which it is to replace; empty: the destination is filled.
	Table string `json:"table,omitempty"`
}

func optionsOf(key chferry.ImportKey, text string) (options copyOptions, err error) {
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return options, chferry.Errorf(chferry.CodeInvalid,
			"import key %s: the options of the backfill can't be read", key)
	}
	return options, nil
}

// PlanBackfillInput says what is to be copied.
type PlanBackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Request   string            `json:"request,omitempty"` // ID of a [BackfillRequest]; empty: nothing is asked for
	Parallel  int               `json:"parallel"`          // readers
	Replace   bool              `json:"replace,omitempty"` // a new table is filled, and replaces the destination
}

// PlanBackfill checks that the rows of the source fit into the destination, cuts the tables into ranges and begins the
// job. Done again it gives the ranges that there are.
func (a *Activities) PlanBackfill(ctx context.Context, in PlanBackfillInput) (PlanResult, error) {
	return a.planJob(ctx, in.ImportKey, in.Token, PlanBackfillName, storage.Backfill,
		func(ctx context.Context, imp chferry.Import) (storage.BeginOptions, error) {
			return a.cutToCopy(ctx, imp, in)
		})
}

func (a *Activities) cutToCopy(ctx context.Context, imp chferry.Import, in PlanBackfillInput) (
	begin storage.BeginOptions, err error,
) {
	var asked copyOptions
	if err := a.asked(ctx, imp.Key, storage.Backfill, in.Request, &asked.BackfillRequest); err != nil {
		return begin, err
	}
	if in.Replace && asked.Where != "" {
		return begin, chferry.Errorf(chferry.CodeInvalid, "import key %s: a backfill with a condition can't replace "+
			"the destination: the rows that the condition leaves out would be gone", imp.Key)
	}
	if err := a.endDeadReplacement(ctx, imp, in.Token); err != nil {
		return begin, err
	}
	plan, err := a.Pipeline.Plan(ctx, imp)
	if err != nil {
		return begin, err
	}
	if in.Replace {
		if asked.Table, err = a.beginReplacement(ctx, plan, in.Token); err != nil {
			return begin, err
		}
	}
	begin.Ranges, begin.Rows, err = a.Pipeline.Cut(ctx, plan, asked.Where, max(1, in.Parallel)*rangesPerReader)
	if err != nil {
		return begin, err
	}
	text, err := json.Marshal(asked)
	begin.Options = string(text)
	return begin, err
}

// EndBackfillInput says how a backfill ends.
type EndBackfillInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	// Outcome is how a backfill ended that did not copy all; empty: what was copied decides.
	Outcome string `json:"outcome,omitempty"`
	Replace bool   `json:"replace,omitempty"` // [PlanBackfillInput.Replace]
}

// EndBackfill ends the job, whose ranges are dropped, and returns what it did. A new table that was
// filled replaces the destination if all was copied, and is dropped else.
func (a *Activities) EndBackfill(ctx context.Context, in EndBackfillInput) (EndResult, error) {
	if in.Replace {
		return a.endReplacing(ctx, in)
	}
	return a.endJob(ctx, in.ImportKey, in.Token, EndBackfillName, storage.Backfill, in.outcome)
}

// outcome says how a backfill ended that has come as far as p says.
func (in EndBackfillInput) outcome(p TableProgress) string {
	switch {
	case in.Outcome != "":
		return in.Outcome
	case p.Failed > 0:
		return OutcomePartial
	default:
		return OutcomeCopied
	}
}
