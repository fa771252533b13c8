package activities

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/chferry/chferry"
	"github.com/chferry/chferry/storage"
	"github.com/chferry/chferry/transfer"
)

// VerifyRequest is what the start of a verify asks for and no history may hold. The storage keeps
// its JSON under the ID that the workflow's input names.
type VerifyRequest struct {
	// Where is a condition in the SQL of the source, which the rows to compare meet; empty: all rows.
	// With a condition nothing tells which rows of the destination it would hold for, so those that the
	// destination alone has are not found.
	Where string `json:"where,omitempty"`
}

// verifyOptions are what the storage keeps of a verify, for its readers.
type verifyOptions struct {
	VerifyRequest
	chferry.VerifyScope      // for people, who see it beside the result
	Repair              bool `json:"repair,omitempty"`
}

// PlanVerifyInput says what is to be compared.
type PlanVerifyInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	Request   string            `json:"request,omitempty"` // ID of a [VerifyRequest]; empty: nothing is asked for
	Parallel  int               `json:"parallel"`          // readers
	Repair    bool              `json:"repair,omitempty"`
	// Sample is the share of the ranges to compare, chosen anew for each job; 0 means all.
	Sample float64 `json:"sample,omitempty"`
}

// PlanVerify cuts the tables into ranges to compare and begins the job. Done again it gives the ranges that there are.
func (a *Activities) PlanVerify(ctx context.Context, in PlanVerifyInput) (PlanResult, error) {
	return a.planJob(ctx, in.ImportKey, in.Token, PlanVerifyName, storage.Verify,
		func(ctx context.Context, imp chferry.Import) (storage.BeginOptions, error) {
			return a.cutToVerify(ctx, imp, in)
		})
}

func (a *Activities) cutToVerify(ctx context.Context, imp chferry.Import, in PlanVerifyInput) (
	begin storage.BeginOptions, err error,
) {
	options := verifyOptions{Repair: in.Repair}
	if err := a.asked(ctx, imp.Key, storage.Verify, in.Request, &options.VerifyRequest); err != nil {
		return begin, err
	}
	plan, err := a.Pipeline.Plan(ctx, imp)
	if err != nil {
		return begin, err
	}
	begin.Ranges, begin.Rows, err = a.Pipeline.CutToCompare(ctx, plan, options.Where, rangesToCut(in))
	if err != nil {
		return begin, err
	}
	options.NotCompared, options.OneWay = plan.Unsynced, options.Where != ""
	if in.Sample > 0 && in.Sample < 1 {
		all := len(begin.Ranges)
		options.OneWay = options.OneWay || slices.ContainsFunc(begin.Ranges, readsDestination)
		begin.Ranges = sampleOf(begin.Ranges, in.Sample)
		begin.Rows = begin.Rows * int64(len(begin.Ranges)) / int64(max(1, all))
	}
	text, err := json.Marshal(options)
	begin.Options = string(text)
	return begin, err
}

// Of a sample, sampledRanges are compared, so that they come from all over the table, however small the share is. More
// than mostRanges would only cost time.
const (
	sampledRanges = 10
	mostRanges    = 1_000
)

func rangesToCut(in PlanVerifyInput) int {
	most := max(1, in.Parallel) * rangesPerReader
	if in.Sample > 0 {
		most = max(most, int(min(mostRanges, math.Ceil(sampledRanges/in.Sample))))
	}
	return most
}

// sampleOf returns a share of the ranges, at least one. The pass through the destination can't be cut by the source, so
// a sample does without it.
func sampleOf(ranges []storage.Range, share float64) []storage.Range {
	of := slices.DeleteFunc(slices.Clone(ranges), readsDestination)
	rand.Shuffle(len(of), func(i, j int) { of[i], of[j] = of[j], of[i] })
	return of[:min(len(of), max(1, int(math.Round(share*float64(len(of))))))]
}

func readsDestination(r storage.Range) bool { return r.Pass == transfer.PassDestination }

// CompareRanges compares ranges of a verify, one after the other, until all ranges are finished. Done
// again it goes on behind the last place that was saved.
func (a *Activities) CompareRanges(ctx context.Context, in ReadRangesInput) (struct{}, error) {
	return struct{}{}, a.readRanges(ctx, in, CompareRangesName, storage.Verify, compareRange)
}

// compareRange compares the range that a reader has. Its plan is made now, so that a long job sees what has changed.
func compareRange(ctx context.Context, r *rangeReader, imp chferry.Import, text string) error {
	var options verifyOptions
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return chferry.Errorf(chferry.CodeInvalid, "import key %s: the options of the verify can't be read", r.imp.Key)
	}
	plan, err := r.Pipeline.Plan(ctx, imp)
	if err != nil {
		return err
	}
	work := transfer.Compare{
		Pipeline: r.Pipeline, Plan: plan, Database: r.claim.Database, Pass: r.claim.Pass,
		Where: options.Where, Repair: options.Repair, Queue: r.Storage, Pace: r.pace.wait, Hurry: r.hurry,
	}
	return work.Run(ctx, transfer.Range{After: r.claim.After, UpTo: r.claim.UpTo}, compareWork{r})
}

// hurry asks for a sync. Without one the schedule brings it, so this is worth no failure.
func (r *rangeReader) hurry(ctx context.Context) {
	if r.Nudge == nil {
		return
	}
	if err := r.Nudge(ctx, r.imp.Key); err != nil {
		_, text := chferry.Safe(err)
		r.Log.Debug("no sync was asked for", "import_key", r.imp.Key, "error", text)
	}
}

// compareWork is the range of a reader that compares.
type compareWork struct{ *rangeReader }

// Save implements [transfer.CompareWork].
func (w compareWork) Save(ctx context.Context, place string, c transfer.Compared) (halve bool, err error) {
	halve, err = w.save(ctx, place, storage.RangeCounts{
		Rows: c.Rows, Failed: c.Failed, Clamped: c.Clamped,
		Missing: c.Missing, Stale: c.Stale, Surplus: c.Surplus, Registered: c.Registered,
	}, c.Differences)
	if err == nil {
		w.Observer.RowsVerified(w.imp.Key, c.Rows)
	}
	return halve, err
}

// EndVerifyInput says how a verify ends.
type EndVerifyInput struct {
	ImportKey chferry.ImportKey `json:"import_key"`
	Token     string            `json:"token"`
	// Outcome is how a verify ended that did not compare all; empty: what was found decides.
	Outcome string `json:"outcome,omitempty"`
	Repair  bool   `json:"repair,omitempty"`
}

// EndVerify ends the job, whose ranges are dropped, and returns what it found.
func (a *Activities) EndVerify(ctx context.Context, in EndVerifyInput) (EndResult, error) {
	return a.endJob(ctx, in.ImportKey, in.Token, EndVerifyName, storage.Verify, func(p TableProgress) string {
		switch {
		case in.Outcome != "":
			return in.Outcome
		case p.Missing+p.Stale+p.Surplus == 0:
			return OutcomeEqual
		case in.Repair:
			return OutcomeRepaired
		default:
			return OutcomeDifferent
		}
	})
}
